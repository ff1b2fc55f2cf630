import type { Incident } from '../../../collector/src/engine/incident.ts';
import type { OutboxRecord } from '../../../collector/src/store/port.ts';
import { type Decided, type Observer, Violation } from '../observer.ts';
import type { Try } from '../world/notifier.ts';

/** Notices that were decided, have not reached anybody and were not dropped. */
export const untold = (observer: Observer, tries: readonly Try[]): string[] => {
  const reached = new Set(tries.filter(({ arrivedAtMs }) => arrivedAtMs !== null).map(({ id }) => id));
  return observer.notices.map(({ record }) => record.id).filter((id) => !reached.has(id) && !observer.dropped.has(id));
};

/** One round of an incident over a route: its alarms, and its end once that was decided. */
interface Telling {
  readonly alarms: readonly Decided[];
  readonly end: Decided | null;
}

const tellingsOf = (observer: Observer): Telling[] => {
  const first = new Map(observer.notices.toReversed().map((one) => [one.record.id, one]));
  const once = observer.notices.filter((one) => first.get(one.record.id) === one);
  const lanes = Map.groupBy(once, ({ record }) => `${record.incidentId} over ${record.routeId}`);
  return [...lanes.values()].flatMap((lane) => {
    const ends = lane.flatMap(({ record }, at) => (record.notice === 'resolved' ? [at] : []));
    const rounds = ends.map((at, nth) => ({ alarms: lane.slice((ends[nth - 1] ?? -1) + 1, at), end: lane[at] ?? null }));
    const rest = lane.slice((ends.at(-1) ?? -1) + 1);
    return rest.length === 0 ? rounds : [...rounds, { alarms: rest, end: null }];
  });
};

/**
 * What people heard of each round. At any moment: nobody is alarmed by what is over, and nobody hears the end of what certainly nobody heard of.
 * Once all is well: whoever heard an alarm has heard its end after it, and only what was over is untold.
 */
export const checkTellings = (observer: Observer, tries: readonly Try[], isOver: boolean): void => {
  const triesOf = Map.groupBy(tries, ({ id }) => id);
  const madeOf = ({ record }: Decided): readonly Try[] => triesOf.get(record.id) ?? [];
  for (const { alarms, end } of tellingsOf(observer)) {
    const alarming = alarms.flatMap(madeOf);
    for (const one of alarming) checkInTime(one, alarms, end);
    if (end === null) continue;
    const ending = madeOf(end);
    if (ending.length > 0 && alarming.every(({ isRefused }) => isRefused))
      throw new Violation(`${end.record.id} was told although certainly nobody had heard of it`);
    if (isOver) checkEndHeard(end, alarming, ending);
  }
  if (!isOver) return;
  for (const { alarms, end } of tellingsOf(observer)) {
    for (const { record } of alarms) checkDropped(observer, record, end);
  }
};

const checkInTime = (one: Try, alarms: readonly Decided[], end: Decided | null): void => {
  if (end !== null && one.beganAtMs > end.committedAtMs)
    throw new Violation(`${one.id} was told at ${one.beganAtMs}; it was over at ${end.committedAtMs}`);
  const record = alarms.find(({ record: { id } }) => id === one.id)?.record;
  if (record !== undefined && one.saidAtMs >= warnedOfAtMs(record))
    throw new Violation(`${one.id} warns at ${one.saidAtMs} of what was due at ${warnedOfAtMs(record)}`);
};

/** When what it warns of is due; nothing else is ever too late while the problem goes on. */
const warnedOfAtMs = ({ notice, incident }: OutboxRecord): number =>
  notice === 'warning' ? (incident.cycles.at(-1)?.respondDueAtMs ?? 0) : Number.POSITIVE_INFINITY;

const checkEndHeard = (end: Decided, alarming: readonly Try[], ending: readonly Try[]): void => {
  const heardAtMs = Math.max(...alarming.map(({ arrivedAtMs }) => arrivedAtMs ?? Number.NEGATIVE_INFINITY));
  if (heardAtMs === Number.NEGATIVE_INFINITY) return;
  const [endAtMs] = ending.flatMap(({ arrivedAtMs }) => (arrivedAtMs === null ? [] : [arrivedAtMs])).toReversed();
  if (endAtMs === undefined) throw new Violation(`people heard an alarm of ${end.record.id}, and not of its end`);
  if (endAtMs < heardAtMs) throw new Violation(`${end.record.id} was heard at ${endAtMs}, and an alarm of it at ${heardAtMs}`);
};

const checkDropped = (observer: Observer, record: OutboxRecord, end: Decided | null): void => {
  const droppedAtMs = observer.dropped.get(record.id);
  if (droppedAtMs === undefined || record.notice === 'warning') return;
  if (end === null || droppedAtMs < end.committedAtMs) throw new Violation(`${record.id} was dropped although it went on`);
};

/** Whether people were to be told of it: it stood by itself, and nothing excused it from its first instant on. */
const isForPeople = (incident: Incident): boolean =>
  incident.attachedTo === null && incident.cycles.every(({ excluded }) => excluded === null);

/** When all is well: everything that was decided has reached people or was over, and every fault that was theirs was to be told. */
export const checkAllTold = (observer: Observer, tries: readonly Try[]): void => {
  const [missing] = untold(observer, tries);
  if (missing !== undefined) throw new Violation(`${missing} was decided and reached nobody`);
  const alarmed = new Set(
    observer.notices
      .filter(({ record }) => record.notice === 'firing' || record.notice === 'flapping')
      .map(({ record }) => record.incidentId),
  );
  for (const incident of observer.incidents.values()) {
    if (isForPeople(incident) && !alarmed.has(incident.id))
      throw new Violation(`nobody was to be told of ${incident.id}: ${JSON.stringify(incident)}`);
  }
};
