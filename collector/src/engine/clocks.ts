import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { EngineTiming } from './config.ts';
import { setDeadline } from './deadlines.ts';
import type { ResponseCycle } from './incident.ts';
import type { IncidentRecord } from './incident-record.ts';
import type { EngineState } from './state.ts';

/** The response cycle that is running, or the last one. Every incident has one from its opening on. */
export const presentCycle = (record: IncidentRecord): ResponseCycle => {
  const cycle = record.incident.cycles.at(-1);
  if (cycle === undefined) throw new Error(`incident ${record.incident.id} has no cycle`);
  return cycle;
};

/** Replaces the present cycle. */
export const reviseCycle = (record: IncidentRecord, change: Partial<ResponseCycle>): void => {
  const cycles = record.incident.cycles.slice(0, -1);
  record.incident = { ...record.incident, cycles: [...cycles, { ...presentCycle(record), ...change }] };
};

/** An instant at which somebody must have done something. */
export interface HumanPromise {
  readonly kind: 'warning' | 'respond' | 'onsite';
  readonly atMs: EpochMs;
}

/** A flapping incident is good from the instant on. A time of no data in between is no failure: for the promises it has been good since before. */
export const beginQuiet = (record: IncidentRecord, fromMs: EpochMs): void => {
  record.goodSinceMs = fromMs;
  reviseCycle(record, { quietFromMs: presentCycle(record).quietFromMs ?? fromMs });
};

/** It fails again: whatever came due while it was good is due now. */
export const endQuiet = (record: IncidentRecord): void => {
  record.goodSinceMs = null;
  if ((presentCycle(record).quietFromMs ?? null) !== null) reviseCycle(record, { quietFromMs: null });
};

/**
 * Promises of the present cycle that are neither kept nor dealt with, earliest first; none while the clocks do not run. One that came due
 * while a flapping incident was good waits: if it stays good nobody was needed any more, if it fails again it is broken as of its own instant.
 */
export const openPromises = (record: IncidentRecord, timing: EngineTiming): readonly HumanPromise[] => {
  const cycle = presentCycle(record);
  if (record.incident.state === 'resolved' || cycle.excluded !== null) return [];
  const promises: HumanPromise[] = [];
  if (cycle.respondedAtMs === null) {
    if (record.warnedCycle < cycle.number) promises.push({ kind: 'warning', atMs: cycle.openedAtMs + timing.respondWarnMs });
    if (record.overdueCycle < cycle.number) promises.push({ kind: 'respond', atMs: cycle.respondDueAtMs });
  }
  if (cycle.onsiteDueAtMs !== null && cycle.arrivedAtMs === null && record.onsiteOverdueCycle < cycle.number) {
    promises.push({ kind: 'onsite', atMs: cycle.onsiteDueAtMs });
  }
  const quietFromMs = cycle.quietFromMs ?? Number.POSITIVE_INFINITY;
  const needed = promises.filter(({ atMs }) => atMs < quietFromMs);
  return needed.sort((a, b) => a.atMs - b.atMs);
};

/** A flapping incident has been good for long enough. */
export const isQuietOver = (record: IncidentRecord, timing: EngineTiming, nowMs: EpochMs): boolean =>
  record.goodSinceMs !== null && record.goodSinceMs + timing.flapQuietMs <= nowMs;

/**
 * When the incident wants to be looked at again: a promise, the end of its quiet time, or when it can no longer be reopened.
 * @param lookedAtMs last instant at which it was looked at. A quiet time that was over by then, while a new failure was not yet sure,
 *   is looked at with the next answer; a deadline in the past would come again at once, for ever.
 */
export const incidentDueAtMs = (record: IncidentRecord, timing: EngineTiming, lookedAtMs: EpochMs): EpochMs | null => {
  if (record.incident.resolvedAtMs !== null) return record.incident.resolvedAtMs + limits.reopenMs;
  const isQuietToCome = record.goodSinceMs !== null && !isQuietOver(record, timing, lookedAtMs);
  const quietAtMs = isQuietToCome ? (record.goodSinceMs ?? 0) + timing.flapQuietMs : Number.POSITIVE_INFINITY;
  const dueAtMs = Math.min(quietAtMs, openPromises(record, timing)[0]?.atMs ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(dueAtMs) ? dueAtMs : null;
};

/** Asks to be called when the incident wants it. */
export const armIncident = (state: EngineState, record: IncidentRecord, lookedAtMs = state.nowMs): void =>
  setDeadline(state.deadlines, `incident|${record.incident.id}`, incidentDueAtMs(record, state.config.timing, lookedAtMs));
