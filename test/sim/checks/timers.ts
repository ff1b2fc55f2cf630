import type { ResponseCycle } from '../../../collector/src/engine/incident.ts';
import { timing } from '../declaration.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';

/** A healthy collector notices an instant within this. */
const noticeMsMax = 2_000;
/** What a fault of the collector still does to it after its end: starting again, commits tried again with growing waits. */
const aftermathMs = 30_000;

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
    if (lateMs > noticeMsMax && !flapped.has(incidentId) && !wasDisturbed(plan, committedAtMs - lateMs, committedAtMs))
      throw new Violation(`${key} came ${lateMs} ms late although nothing hindered the collector`);
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

const wasDisturbed = (plan: Plan, fromMs: number, toMs: number): boolean =>
  plan.faults.some(
    (fault) =>
      ['collectorKilled', 'collectorClock', 'storeFails'].includes(fault.kind) &&
      fault.atMs <= toMs &&
      fault.atMs + ('forMs' in fault ? fault.forMs : 0) + aftermathMs >= fromMs,
  );
