import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { EngineConfig } from '../../engine/config.ts';
import type { StoredMaintenance } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, created, idText, instant, pageOf, pageQuery, queryInstant } from '../schema.ts';

const idList = z.array(idText).max(1_000).default([]);

const maintenanceSchema = z
  .object({
    id: z.string().describe('Of a declared one: its id there, "@", and the version of the declaration that brought it as it is.'),
    source: z.enum(['api', 'declaration']).describe('Declared windows are changed in the declaration.'),
    createdAtMs: instant.describe('When it was planned, or first declared as it is: after fromMs it mends no figure.'),
    fromMs: instant,
    toMs: instant,
    assetIds: z.array(z.string()),
    unitIds: z.array(z.string()),
    zoneIds: z.array(z.string()),
    reason: z.string(),
    approvedBy: z.string(),
    approvedAtMs: instant,
    cancelledAtMs: instant.nullable(),
  })
  .meta({ id: 'Maintenance' });

const maintenanceBody = z
  .strictObject({
    fromMs: instant,
    toMs: instant,
    assetIds: idList,
    unitIds: idList,
    zoneIds: idList,
    reason: z.string().trim().min(1).max(limits.noteCharactersMax),
    approvedBy: z.string().trim().min(1).max(100),
  })
  .refine((body) => body.fromMs < body.toMs && body.toMs - body.fromMs <= limits.maintenanceMsMax, {
    error: `fromMs must be before toMs, at most ${limits.maintenanceMsMax} ms apart`,
    path: ['toMs'],
  })
  .refine((body) => body.assetIds.length + body.unitIds.length + body.zoneIds.length > 0, {
    error: 'name at least one asset, unit or zone',
    path: ['assetIds'],
  });

const bodyOf = ({ declaredAs, ...window }: StoredMaintenance): z.input<typeof maintenanceSchema> => ({
  ...window,
  source: declaredAs === undefined ? 'api' : 'declaration',
  createdAtMs: window.createdAtMs ?? window.approvedAtMs,
  assetIds: [...window.assetIds],
  unitIds: [...window.unitIds],
  zoneIds: [...window.zoneIds],
});

const missing = (kind: string, ids: readonly string[], known: (id: string) => boolean): readonly string[] =>
  ids.filter((id) => !known(id)).map((id) => `${kind} ${id}`);

/** @throws NOT_FOUND naming all ids that are not declared */
const refuseUnknown = (body: z.output<typeof maintenanceBody>, { assets, units, zones }: EngineConfig): void => {
  const unknown = [
    ...missing('asset', body.assetIds, (id) => assets.has(asId<'asset'>(id))),
    ...missing('unit', body.unitIds, (id) => units.has(asId<'unit'>(id))),
    ...missing('zone', body.zoneIds, (id) => zones.has(asId<'zone'>(id))),
  ];
  if (unknown.length > 0) throw new AppError('NOT_FOUND', `${unknown.join(', ')}: not declared`);
};

/** GET, POST /maintenance and POST /maintenance/:maintenanceId/cancel. */
export const maintenanceRoutes = (api: Api, { service, clock }: HttpContext): void => {
  api.get('/maintenance', {
    config: { permission: 'read' },
    schema: {
      tags: ['maintenance'],
      summary: 'Maintenance windows, by id',
      querystring: z.strictObject({
        ...pageQuery,
        endsAfterMs: queryInstant.exactOptional().describe('Only windows that end later than this.'),
      }),
      response: answers(pageOf(maintenanceSchema)),
    },
    handler: async (request) => {
      const { endsAfterMs = 0 } = request.query;
      const windows = (await service.store.maintenance()).filter((window) => window.toMs > endsAfterMs).map(bodyOf);
      const page = pageOfItems(windows, (window) => window.id, pageRequestOf(request.query));
      return { items: [...page.items], next: page.next };
    },
  });

  api.post('/maintenance', {
    config: { permission: 'operate' },
    schema: {
      tags: ['maintenance'],
      summary: 'Plans a window',
      description:
        'A window is approved at the moment of this call, and leaves the availability denominator only when that is not after its beginning: ' +
        'one planned later holds notices back but does not mend figures.',
      querystring: z.strictObject({}),
      body: maintenanceBody,
      response: created(maintenanceSchema, 404, 413, 415),
    },
    handler: async (request, reply) => {
      const { body } = request;
      refuseUnknown(body, service.view.config);
      if (body.toMs <= clock.nowMs())
        throw new AppError('REQUEST_INVALID', `toMs is ${body.toMs}; the window must end in the future`);
      const window = await service.addMaintenance({
        ...body,
        assetIds: body.assetIds.map(asId<'asset'>),
        unitIds: body.unitIds.map(asId<'unit'>),
        zoneIds: body.zoneIds.map(asId<'zone'>),
      });
      return reply.code(201).send(bodyOf(window));
    },
  });

  api.post('/maintenance/:maintenanceId/cancel', {
    config: { permission: 'operate' },
    schema: {
      tags: ['maintenance'],
      summary: 'Calls a window off, or ends it now',
      params: z.strictObject({ maintenanceId: idText }),
      querystring: z.strictObject({}),
      response: answers(maintenanceSchema, 404, 409),
    },
    handler: async (request) => bodyOf(await service.cancelMaintenance(asId<'maintenance'>(request.params.maintenanceId))),
  });
};
