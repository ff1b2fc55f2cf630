import type { EpochMs } from '@jiwei/shared/time.ts';
import type { NoticesOverWhy } from '../engine/event.ts';
import type { OutboxRecord } from '../store/port.ts';

/** Waiting notices of one incident over one route that are not to be told any more, and why. */
export interface Over {
  /** In the order they were decided. */
  readonly records: readonly [OutboxRecord, ...OutboxRecord[]];
  readonly why: NoticesOverWhy;
}

/**
 * What of an incident need not be told over a route any more. Once a problem is over no alarm about it goes out: its end is told to those who may
 * have got one of its alarms, and where certainly none has arrived, nothing is told at all.
 * @param lane all notices of one incident over one route, in the order they were decided; none of them is being tried
 */
export const overOf = (lane: readonly OutboxRecord[], nowMs: EpochMs): readonly Over[] =>
  tellingsOf(lane).flatMap((telling) => {
    const { records, why } = overInTelling(telling, nowMs);
    const [first, ...rest] = records;
    return first === undefined ? [] : [{ records: [first, ...rest], why }];
  });

/** The notices of a lane, cut after each end: a problem that came back is told anew, whatever became of what was told before. */
const tellingsOf = (lane: readonly OutboxRecord[]): readonly (readonly OutboxRecord[])[] => {
  const ends = lane.flatMap(({ notice }, at) => (notice === 'resolved' ? [at + 1] : []));
  return [0, ...ends].map((from, at) => lane.slice(from, ends[at]));
};

const overInTelling = (
  telling: readonly OutboxRecord[],
  nowMs: EpochMs,
): { readonly records: readonly OutboxRecord[]; readonly why: NoticesOverWhy } => {
  const end = telling.find(({ notice }) => notice === 'resolved');
  const alarms = telling.filter((record) => record !== end);
  const waiting = alarms.filter(isWaiting);
  if (end === undefined) return { records: waiting.filter((record) => isPastDue(record, nowMs)), why: 'due' };
  // An end without alarms has lost them to age; nobody knows any more that they did not arrive.
  const isUntold = alarms.length > 0 && !alarms.some(({ mayHaveArrived }) => mayHaveArrived);
  return isUntold && isWaiting(end) ? { records: [...waiting, end], why: 'untold' } : { records: waiting, why: 'endTold' };
};

const isWaiting = ({ state }: OutboxRecord): boolean => state === 'waiting';

/** A warning of what is due soon says nothing once it is due: either that is told by then, or somebody has answered. */
const isPastDue = ({ notice, incident }: OutboxRecord, nowMs: EpochMs): boolean =>
  notice === 'warning' && nowMs >= (incident.cycles.at(-1)?.respondDueAtMs ?? Number.POSITIVE_INFINITY);
