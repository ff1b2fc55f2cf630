import { severities } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { Incident, TimelineEntry } from '../../engine/incident.ts';
import { exclusions, incidentStates, type ResponseCycle, timelineKinds } from '../../engine/incident.ts';
import { instant } from '../schema.ts';

const cycleSchema = z
  .object({
    number: z.int(),
    openedAtMs: instant,
    respondDueAtMs: instant,
    respondedAtMs: instant.nullable(),
    onsiteDueAtMs: instant.nullable().describe('null when nobody needs to go there.'),
    arrivedAtMs: instant.nullable(),
    resolvedAtMs: instant.nullable(),
    quietFromMs: instant.nullable().describe('Flapping only: since when it has been good without a failure.'),
    excluded: z.enum(exclusions).nullable().describe('Why the cycle does not count in the response rate.'),
  })
  .meta({ id: 'ResponseCycle' });

/** An incident as the API tells it. */
export const incidentSchema = z
  .object({
    id: z.string(),
    assetId: z.string(),
    unitId: z.string().nullable(),
    zoneId: z.string().nullable(),
    crew: z.string(),
    problem: z.string().describe('`down`, `degraded`, `check:<id>`, `agent`, `cloned`, `rule:<id>…`, `zone`, `storm`.'),
    severity: z.enum(severities),
    state: z.enum(incidentStates),
    reason: z.string(),
    summary: z.string(),
    details: z.record(z.string(), z.string()),
    faultFromMs: instant.describe('When the fault itself began: the first failed probe.'),
    openedAtMs: instant,
    faultToMs: instant.nullable(),
    resolvedAtMs: instant.nullable(),
    cycles: z.array(cycleSchema),
    isNoData: z.boolean(),
    isFlapping: z.boolean(),
    isInMaintenance: z.boolean(),
    attachedTo: z
      .string()
      .nullable()
      .describe('Incident it belongs to (of a parent that is down, a host, or the whole zone): people were told of that one.'),
  })
  .meta({ id: 'Incident' });

/** One entry of a timeline. */
export const timelineEntrySchema = z
  .object({
    number: z.int(),
    atMs: instant.describe('When it happened; a due instant for what was due.'),
    recordedAtMs: instant.describe('When the collector noticed.'),
    kind: z.enum(timelineKinds),
    actor: z.string(),
    text: z.string(),
  })
  .meta({ id: 'TimelineEntry' });

/** A notification of an incident. */
export const notificationSchema = z
  .object({
    id: z.string(),
    routeId: z.string(),
    notice: z.string(),
    state: z
      .enum(['waiting', 'sent', 'failed', 'dropped'])
      .describe('dropped: what it tells of was over before it could be told.'),
    tries: z.int(),
    mayHaveArrived: z.boolean().describe('False only when it is certain that no try of it reached its receiver.'),
    createdAtMs: instant,
    nextTryAtMs: instant.nullable().describe('null when it is finished.'),
    finishedAtMs: instant.nullable(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'Notification' });

/** Copies, because what the engine holds is read-only and what a schema takes is not. */
export const incidentBody = (incident: Incident): z.input<typeof incidentSchema> => ({
  ...incident,
  details: { ...incident.details },
  cycles: incident.cycles.map((cycle) => ({ ...cycle, quietFromMs: cycle.quietFromMs ?? null })),
});

/** An entry as the API tells it; the incident it belongs to is known. */
export const timelineBody = (entry: TimelineEntry): z.input<typeof timelineEntrySchema> => ({ ...entry });

/** The running cycle: the last one. */
export const presentCycle = (incident: Incident): ResponseCycle | null => incident.cycles.at(-1) ?? null;

/** The two clocks of people, as they stand at an instant. */
export const promiseSchema = z
  .object({
    dueAtMs: instant,
    doneAtMs: instant.nullable(),
    leftMs: z.int().nullable().describe('Until due, negative when overdue; null when it is done.'),
    isMissed: z.boolean().describe('Done after due, or not done and overdue.'),
  })
  .meta({ id: 'Promise' });

/** @param atMs now: what is not done is measured against it */
export const promiseBody = (dueAtMs: number, doneAtMs: number | null, atMs: number): z.input<typeof promiseSchema> => ({
  dueAtMs,
  doneAtMs,
  leftMs: doneAtMs === null ? dueAtMs - atMs : null,
  isMissed: (doneAtMs ?? atMs) > dueAtMs,
});
