import type { ResponseCycle } from '../../../collector/src/engine/incident.ts';
import { timing } from '../declaration.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';
import { worldBeginsAtMs } from '../world/machine.ts';

/** A healthy collector notices an instant within this. */
const noticeMsMax = 2_000;
/** Commits are tried again with growing waits; a timer that was set by the clock of before is waited for, or for whatever comes first. */
const aftermathMs = 10_000;

const instantsOf = (cycle: ResponseCycle) => ({
  respondWarned: cycle.openedAtMs + timing.respondWarnMs,
  respondOverdue: cycle.respondDueAtMs,
  onsiteOverdue: cycle.onsiteDueAtMs,
});
type Kind = keyof ReturnType<typeof instantsOf>;
const isKind = (kind: string): kind is Kind => ['respondWarned', 'respondOverdue', 'onsiteOverdue'].includes(kind);

/** People's instants come once each, are put down at the instant itself, and are noticed then unless the collector was away or its clock was set. */
export const checkTimers = (plan: Plan, observer: Observer, isAtRest: boolean): void => {
  const seen = new Set<string>();
  const disturbances = disturbancesOf(plan, observer);
  // While it is good for the moment a flapping incident asks for nobody; what fell due meanwhile is looked at when it fails again.
  const flapped = new Set(observer.entries.flatMap(({ entry }) => (entry.kind === 'flapping' ? [entry.incidentId] : [])));
  for (const { entry, committedAtMs } of observer.entries) {
    const { kind, incidentId, atMs, recordedAtMs } = entry;
    if (!isKind(kind)) continue;
    const key = `${kind} of ${incidentId} at ${atMs}`;
    if (seen.has(key)) throw new Violation(`${key} came twice`);
    seen.add(key);
    const cycles = observer.incidents.get(incidentId)?.cycles ?? [];
    if (!cycles.some((cycle) => instantsOf(cycle)[kind] === atMs))
      throw new Violation(`${key} is no instant of any of its cycles`);
    const lateMs = recordedAtMs - atMs;
    if (lateMs < 0) throw new Violation(`${key} came ${-lateMs} ms early`);
    const idleMs = undisturbedMs(disturbances, trueInstantOf(plan, atMs), committedAtMs);
    // Late by its own clock, and by true time, which a clock that was set cannot make longer or shorter.
    if (Math.min(lateMs, idleMs) > noticeMsMax && !flapped.has(incidentId))
      throw new Violation(`${key} came ${lateMs} ms late; for ${Math.round(idleMs)} ms of it nothing hindered the collector`);
  }
  if (!isAtRest) return;
  for (const incident of observer.incidents.values()) {
    if (flapped.has(incident.id)) continue;
    for (const cycle of incident.cycles) {
      if (cycle.excluded !== null) continue;
      for (const [kind, atMs] of Object.entries(instantsOf(cycle))) {
        const doneAtMs = kind === 'onsiteOverdue' ? cycle.arrivedAtMs : cycle.respondedAtMs;
        const isMissed = atMs !== null && doneAtMs === null && (cycle.resolvedAtMs ?? 0) > atMs;
        const key = `${kind} of ${incident.id} at ${atMs}`;
        if (isMissed && !seen.has(key)) throw new Violation(`${key} never came`);
      }
    }
  }
};

/** When the collector's clock first showed the instant; its drift is far below what counts. */
const trueInstantOf = (plan: Plan, wallAtMs: number): number => {
  let shownAtZeroMs = worldBeginsAtMs;
  let sinceMs = 0;
  const steps = plan.faults.filter((fault) => fault.kind === 'collectorClock').toSorted((a, b) => a.atMs - b.atMs);
  for (const { atMs, stepMs } of steps) {
    if (wallAtMs - shownAtZeroMs < atMs) break;
    shownAtZeroMs += stepMs;
    sinceMs = atMs;
  }
  return Math.max(sinceMs, wallAtMs - shownAtZeroMs);
};

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When the collector could not do what was due: it was not there, could not commit, or its clock was set. By true time, in order. */
const disturbancesOf = (plan: Plan, observer: Observer): readonly Stretch[] =>
  [
    ...observer.collectorAway,
    ...plan.faults
      .filter(({ kind }) => kind === 'collectorClock' || kind === 'storeFails')
      .map((fault) => ({ fromMs: fault.atMs, toMs: fault.atMs + ('forMs' in fault ? fault.forMs : 0) + aftermathMs })),
  ].toSorted((a, b) => a.fromMs - b.fromMs);

/** How much of [fromMs, toMs) no disturbance covers. */
const undisturbedMs = (disturbances: readonly Stretch[], fromMs: number, toMs: number): number => {
  let idleMs = 0;
  let coveredToMs = fromMs;
  for (const stretch of disturbances) {
    if (stretch.fromMs >= toMs) break;
    idleMs += Math.max(0, stretch.fromMs - coveredToMs);
    coveredToMs = Math.max(coveredToMs, stretch.toMs);
  }
  return idleMs + Math.max(0, toMs - coveredToMs);
};
