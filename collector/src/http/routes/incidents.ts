import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { severities } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { Incident } from '../../engine/incident.ts';
import { incidentStates } from '../../engine/incident.ts';
import type { IncidentFilter, OutboxRecord } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery, queryInstant, queryList } from '../schema.ts';
import {
  incidentBody,
  incidentSchema,
  notificationSchema,
  presentCycle,
  promiseBody,
  promiseSchema,
  timelineBody,
  timelineEntrySchema,
} from '../shapes/incident.ts';

/** An incident with all that belongs to it. */
const incidentDetailSchema = z
  .object({
    incident: incidentSchema,
    respond: promiseSchema.nullable().describe('Response clock of the running cycle.'),
    onsite: promiseSchema.nullable().describe('On-site clock of the running cycle; null when nobody needs to go there.'),
    timeline: z.array(timelineEntrySchema),
    notifications: z.array(notificationSchema),
    attached: z
      .array(incidentSchema)
      .describe(
        'Open incidents that belong to it, newest first: nobody is told of them by themselves, and no clock of theirs runs.',
      ),
    attachedCount: z.int().describe(`How many these are; at most ${limits.pageItemsMax} are listed.`),
  })
  .meta({ id: 'IncidentDetail' });

const incidentQuery = z
  .strictObject({
    ...pageQuery,
    state: queryList(z.enum(incidentStates), incidentStates.length).exactOptional(),
    severity: queryList(z.enum(severities), severities.length).exactOptional(),
    assetId: idText.exactOptional(),
    unitId: idText.exactOptional(),
    zoneId: idText.exactOptional(),
    openedFromMs: queryInstant.exactOptional().describe('Opened at or after.'),
    openedToMs: queryInstant.exactOptional().describe('Opened before.'),
  })
  .superRefine(({ openedFromMs, openedToMs }, context) => {
    if (openedFromMs === undefined || openedToMs === undefined || openedFromMs < openedToMs) return;
    const message = `is ${openedToMs}; needs to be after openedFromMs, which is ${openedFromMs}`;
    context.addIssue({ code: 'custom', message, path: ['openedToMs'], input: openedToMs });
  });

const filterOf = (query: z.output<typeof incidentQuery>): IncidentFilter => ({
  ...(query.state === undefined ? {} : { states: query.state }),
  ...(query.severity === undefined ? {} : { severities: query.severity }),
  ...(query.assetId === undefined ? {} : { assetId: asId<'asset'>(query.assetId) }),
  ...(query.unitId === undefined ? {} : { unitId: asId<'unit'>(query.unitId) }),
  ...(query.zoneId === undefined ? {} : { zoneId: asId<'zone'>(query.zoneId) }),
  ...(query.openedFromMs === undefined && query.openedToMs === undefined
    ? {}
    : { opened: { fromMs: query.openedFromMs ?? 0, toMs: query.openedToMs ?? Number.MAX_SAFE_INTEGER } }),
});

const notificationBody = (record: OutboxRecord): z.input<typeof notificationSchema> => ({
  id: record.id,
  routeId: record.routeId,
  notice: record.notice,
  state: record.state,
  tries: record.tries,
  mayHaveArrived: record.mayHaveArrived,
  createdAtMs: record.createdAtMs,
  nextTryAtMs: record.state === 'waiting' ? record.nextTryAtMs : null,
  finishedAtMs: record.finishedAtMs,
  lastError: record.lastError,
});

/** GET /incidents and /incidents/:incidentId. */
export const incidentRoutes = (api: Api, { service, clock, known }: HttpContext): void => {
  const detailOf = async (incident: Incident): Promise<z.input<typeof incidentDetailSchema>> => {
    const atMs = clock.nowMs();
    const cycle = presentCycle(incident);
    const attached = service.view.openIncidents().filter(({ attachedTo }) => attachedTo === incident.id);
    // A cycle that is over is measured against its end: no clock runs on after the repair.
    const untilMs = cycle?.resolvedAtMs ?? atMs;
    const [timeline, notifications] = await Promise.all([
      service.store.timeline(incident.id),
      service.store.outboxOf(incident.id),
    ]);
    return {
      incident: incidentBody(incident),
      respond: cycle === null ? null : promiseBody(cycle.respondDueAtMs, cycle.respondedAtMs, untilMs),
      onsite:
        cycle === null || cycle.onsiteDueAtMs === null ? null : promiseBody(cycle.onsiteDueAtMs, cycle.arrivedAtMs, untilMs),
      timeline: timeline.map(timelineBody),
      notifications: notifications.map(notificationBody),
      attached: attached.slice(0, limits.pageItemsMax).map(incidentBody),
      attachedCount: attached.length,
    };
  };

  api.get('/incidents', {
    config: { permission: 'read' },
    schema: {
      tags: ['incidents'],
      summary: 'Incidents, newest first',
      querystring: incidentQuery,
      response: answers(pageOf(incidentSchema)),
    },
    handler: async (request) => {
      await known.refuseUnknown(request.query);
      const page = await service.store.incidents(filterOf(request.query), pageRequestOf(request.query));
      return { items: page.items.map(incidentBody), next: page.next };
    },
  });

  api.get('/incidents/:incidentId', {
    config: { permission: 'read' },
    schema: {
      tags: ['incidents'],
      summary: 'One incident with its clocks, timeline, notifications, and what belongs to it',
      description: `A timeline holds at most ${limits.timelineEntriesMax} entries.`,
      params: z.strictObject({ incidentId: idText }),
      querystring: z.strictObject({}),
      response: answers(incidentDetailSchema, 404),
    },
    handler: async (request) => {
      const id = asId<'incident'>(request.params.incidentId);
      const incident = service.view.incident(id) ?? (await service.store.incident(id));
      if (incident === null) throw new AppError('NOT_FOUND', `incident ${id} does not exist`);
      return detailOf(incident);
    },
  });
};
