import { type Observer, Violation } from '../observer.ts';
import type { Plan, PlannedFault } from '../plan.ts';

/** Lasting so long, a cut is noticed by all: a heartbeat, three missed ones, the grace. */
const noticedMs = 30_000;

/** A zone that is cut off, and nothing else happening, is one incident of the zone: one alarm, and none for its agents, before or after. */
export const checkPartitions = (plan: Plan, observer: Observer): void => {
  const [cut, ...others] = plan.faults;
  if (cut === undefined || cut.kind !== 'partition' || others.length > 0 || !isOutage(plan, cut)) return;
  const agents = plan.agents.filter(({ zone }) => zone === cut.zone).map(({ id }) => `agent:${id}`);
  const alarms = observer.notices.filter(({ record }) => record.notice === 'firing').map(({ record }) => record.incident);
  const ofZone = alarms.filter(({ problem, zoneId }) => problem === 'zone' && zoneId === cut.zone);
  if (ofZone.length !== 1) throw new Violation(`zone ${cut.zone} was cut off once; there were ${ofZone.length} alarms about it`);
  const single = alarms.find(({ problem, assetId }) => problem === 'agent' && agents.includes(assetId));
  if (single !== undefined) throw new Violation(`zone ${cut.zone} was cut off; there was an alarm for ${single.assetId} alone`);
};

const isOutage = (plan: Plan, cut: Extract<PlannedFault, { kind: 'partition' }>): boolean =>
  cut.forMs > noticedMs &&
  cut.atMs > noticedMs &&
  cut.atMs + cut.forMs < plan.durationMs &&
  plan.agents.filter(({ zone }) => zone === cut.zone).length >= 3;
