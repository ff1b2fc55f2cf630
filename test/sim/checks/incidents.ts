import type { Incident } from '../../../collector/src/engine/incident.ts';
import type { CommitBatch } from '../../../collector/src/store/port.ts';
import { ancestorsOf, presentStatus } from '../model/history.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Plan } from '../plan.ts';
import { modelNow } from './histories.ts';

const isOpen = (incident: Incident): boolean => incident.state !== 'resolved';

/** At most one open incident has the same asset and problem. */
export const checkOneOpen = (observer: Observer): void => {
  const open = new Map<string, string>();
  for (const incident of observer.incidents.values()) {
    if (!isOpen(incident)) continue;
    const problem = `${incident.assetId}|${incident.problem}`;
    const other = open.get(problem);
    if (other !== undefined) throw new Violation(`${problem} has two open incidents: ${other} and ${incident.id}`);
    open.set(problem, incident.id);
  }
};

const isAlarm = (notice: string): boolean => notice === 'firing' || notice === 'flapping';

/** Each notice makes sense where it stands: nothing is called off that was not told, nothing is told under a parent's fault or too late. */
export const checkNotices = (plan: Plan, batch: CommitBatch, observer: Observer): void => {
  for (const { id, notice, incident } of batch.outbox) {
    if (!isAlarm(notice)) continue;
    const { problem, assetId } = incident;
    if (problem !== 'down' || !plan.assets.some((asset) => asset.id === assetId)) continue;
    const status = presentStatus(modelNow(plan, observer), assetId, observer.stampMs);
    const cycle = incident.cycles.at(-1);
    // One that a window held back is told as long as nothing proves that it is over; a new one must be so now.
    const isNew = batch.timeline.some(({ incidentId, kind }) => incidentId === incident.id && /opened$/.test(kind));
    const isTrue = status === 'down' || (status !== 'up' && !isNew);
    if (!isTrue) throw new Violation(`notice ${id} tells that ${assetId} is down; by then it is ${status}`);
    const above = ancestorsOf(plan, assetId).map((parent) => openBefore(observer, parent, cycle?.openedAtMs ?? 0));
    const parent = above.find((one) => one !== undefined);
    if (parent !== undefined && isFirstTelling(id))
      throw new Violation(`notice ${id} was sent although ${parent.id} is open above it`);
  }
};

/** Not the repeat of a notice about a fault that became graver. */
const isFirstTelling = (id: string): boolean => /\/(firing|flapping)\/[^/]+$/.test(id);

const openBefore = (observer: Observer, assetId: string, atMs: number): Incident | undefined =>
  [...observer.incidents.values()].find(
    (incident) =>
      incident.assetId === assetId &&
      incident.problem === 'down' &&
      isOpen(incident) &&
      // One of which nothing is known just now explains nothing.
      !incident.isNoData &&
      (incident.cycles.at(-1)?.openedAtMs ?? 0) < atMs,
  );

/** Order of what was told of an incident over a route, and whether people are left with an alarm that is over. */
export const checkCalledOff = (observer: Observer, isAtRest: boolean): void => {
  const told = new Map<string, string | null>();
  const ids = new Set<string>();
  for (const { record } of observer.notices) {
    if (ids.has(record.id)) continue;
    ids.add(record.id);
    const key = `${record.incidentId} over ${record.routeId}`;
    if (isAlarm(record.notice)) told.set(key, record.id);
    else if (record.notice === 'resolved') {
      if ((told.get(key) ?? null) === null) throw new Violation(`${record.id} calls off what nobody was told`);
      told.set(key, null);
    }
  }
  for (const [key, notice] of told) {
    const incident = observer.incidents.get(key.split(' ')[0] ?? '');
    if (notice === null) continue;
    if (incident === undefined || !isOpen(incident)) throw new Violation(`${notice} was told and never called off`);
    if (isAtRest) throw new Violation(`${notice} was told; all is well now, and it is still open: ${JSON.stringify(incident)}`);
  }
};
