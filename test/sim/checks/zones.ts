import { type Observer, Violation } from '../observer.ts';
import type { Plan, PlannedFault } from '../plan.ts';

/** Lasting so long, a cut is noticed by all: a heartbeat, three missed ones, the grace. */
const noticedMs = 30_000;
/** What a fault still does after its end: agents come back after waits, a collector starts and sees who is there. */
const aftermathMs = 90_000;
/** An end that is noticed late, of an agent that was away for something else. */
const beforeMs = 60_000;

type Cut = Extract<PlannedFault, { kind: 'partition' }>;

/**
 * A zone that is cut off while nothing else concerns it is one incident of the zone: one alarm while it lasts, and none for any of its agents, before
 * or after.
 */
export const checkPartitions = (plan: Plan, observer: Observer): void => {
  for (const cut of plan.faults) {
    if (cut.kind !== 'partition' || !isOutage(plan, cut) || !isAlone(plan, cut)) continue;
    const agents = plan.agents.filter(({ zone }) => zone === cut.zone).map(({ id }) => `agent:${id}`);
    const alarms = observer.notices
      .filter(({ record }) => record.notice === 'firing' || record.notice === 'flapping')
      .filter(({ committedAtMs }) => committedAtMs >= cut.atMs && committedAtMs < cut.atMs + cut.forMs + aftermathMs)
      .map(({ record }) => record.incident);
    const ofZone = alarms.filter(({ problem, zoneId }) => problem === 'zone' && zoneId === cut.zone);
    if (ofZone.length !== 1)
      throw new Violation(`zone ${cut.zone} was cut off at ${cut.atMs}; there were ${ofZone.length} alarms about it`);
    const single = alarms.find(({ problem, assetId }) => problem === 'agent' && agents.includes(assetId));
    if (single !== undefined)
      throw new Violation(`zone ${cut.zone} was cut off at ${cut.atMs}; there was an alarm for ${single.assetId} alone`);
  }
};

const isOutage = (plan: Plan, cut: Cut): boolean =>
  cut.forMs > noticedMs &&
  cut.atMs > noticedMs &&
  cut.atMs + cut.forMs < plan.durationMs &&
  plan.agents.filter(({ zone }) => zone === cut.zone).length >= 3;

/** Nothing else happens to its agents or to the collector around it. */
const isAlone = (plan: Plan, cut: Cut): boolean => {
  const own = new Set(plan.agents.filter(({ zone }) => zone === cut.zone).map(({ id }) => id));
  return plan.faults.every((fault) => {
    if (fault === cut || fault.kind === 'channelDown') return true;
    if ('agent' in fault ? !own.has(fault.agent) : fault.kind === 'partition' && fault.zone !== cut.zone) return true;
    // A box that is torn, or a commit that kills, comes with the next write.
    const endsAtMs = fault.atMs + ('forMs' in fault ? fault.forMs : 0) + aftermathMs;
    return endsAtMs < cut.atMs - beforeMs || fault.atMs > cut.atMs + cut.forMs + aftermathMs;
  });
};
