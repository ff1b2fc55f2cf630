import type { Incident } from '../../../collector/src/engine/incident.ts';
import { type Observer, Violation } from '../observer.ts';
import type { Received } from '../world/notifier.ts';

/** Notices that were decided and have not reached anybody. */
export const untold = (observer: Observer, received: readonly Received[]): string[] => {
  const reached = new Set(received.map(({ id }) => id));
  return observer.notices.map(({ record }) => record.id).filter((id) => !reached.has(id));
};

/** Whether people were to be told of it: it stood by itself, and nothing excused it from its first instant on. */
const isForPeople = (incident: Incident): boolean =>
  incident.attachedTo === null && incident.cycles.every(({ excluded }) => excluded === null);

/** What people have in their hands when all is well: everything that was decided, the end of an alarm after the alarm, and every fault that was theirs. */
export const checkTold = (observer: Observer, received: readonly Received[]): void => {
  const [missing] = untold(observer, received);
  if (missing !== undefined) throw new Violation(`${missing} was decided and reached nobody`);
  const alarmed = new Set<string>();
  for (const { id, notice, incidentId } of received) {
    if (notice === 'firing' || notice === 'flapping') alarmed.add(incidentId);
    else if (notice === 'resolved' && !alarmed.has(incidentId)) throw new Violation(`${id} came before any alarm`);
  }
  for (const incident of observer.incidents.values()) {
    if (isForPeople(incident) && !alarmed.has(incident.id))
      throw new Violation(`nobody was told of ${incident.id}: ${JSON.stringify(incident)}`);
  }
};
