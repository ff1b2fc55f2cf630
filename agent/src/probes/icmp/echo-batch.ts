import type { Clock } from '@jiwei/shared/clock.ts';
import { onAbort } from '../abort.ts';
import type { EchoNews, EchoTool } from './echo-tool.ts';

/** What came back from one address, and how it was asked. */
export interface EchoAnswer {
  /** A round trip in ms for every reply. */
  readonly roundTripsMs: readonly number[];
  /** Requests that were sent: fewer than asked for where the time is too short for all of them. */
  readonly sentCount: number;
  /** From the question to the sending of the first request, ms. */
  readonly sentAfterMs: number;
  readonly method: EchoTool['name'];
  /** What the tool or the network said when nothing came back. */
  readonly detail?: string;
}

/** One address that somebody waits for. */
export interface Waiting {
  readonly address: string;
  /** Echo requests to send to it. */
  readonly count: number;
  /** `clock.monotonicMs()` at which it was asked for, and at which the answer must be there. */
  readonly askedMs: number;
  readonly dueMs: number;
  readonly signal: AbortSignal;
  readonly resolve: (answer: EchoAnswer | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Deadlines that lie so close are one, ms: those of one batch differ by what it took to gather it, on a busy host some ten. */
const dueStepMs = 100;

/** What came back so far to one who waits. */
interface Progress {
  readonly waiting: Waiting;
  readonly roundTripsMs: number[];
  lostCount: number;
  firstSentAfterMs: number | null;
  said: string | null;
  isSettled: boolean;
}

/**
 * Asks the addresses of one process, all with the same count. Each who waits gets the answer when all his requests were answered or given
 * up, at his own deadline, or when the tool ends, whichever is first: nobody waits for another's address. The tool is killed at the last
 * deadline, or when nobody waits any more.
 * @returns false when the tool turned out to be missing or not permitted; then all got null. Never rejects: errors are given to who waits
 */
export const runEchoBatch = async (tool: EchoTool, batch: readonly Waiting[], clock: Clock): Promise<boolean> => {
  const startedMs = clock.monotonicMs();
  const all = batch.map(
    (waiting): Progress => ({
      ...{ waiting, roundTripsMs: [], lostCount: 0, firstSentAfterMs: null, said: null, isSettled: waiting.signal.aborted },
    }),
  );
  const byAddress = Map.groupBy(all, ({ waiting }) => waiting.address);
  const settle = (one: Progress): void => {
    if (!one.isSettled) one.waiting.resolve(answerOf(one, startedMs, tool.name));
    one.isSettled = true;
  };
  const killing = new AbortController();
  const releases = all.map((one) =>
    onAbort(one.waiting.signal, () => {
      one.isSettled = true;
      if (all.every(({ isSettled }) => isSettled)) killing.abort();
    }),
  );
  const dues = togetherDue(all);
  const lastDueMs = dues.at(-1)?.dueMs ?? startedMs;
  const timers = dues.map(({ dueMs, those }) =>
    clock.after(dueMs - startedMs, () => {
      // Those who waited longest are answered by how the tool ends: whether it had asked at all can be told then alone.
      if (dueMs === lastDueMs) killing.abort();
      else for (const one of those) settle(one);
    }),
  );
  try {
    const isPermitted = await tool.run({
      addresses: [...byAddress.keys()],
      count: batch[0]?.count ?? 1,
      waitMs: Math.max(1, lastDueMs - startedMs),
      signal: killing.signal,
      onNews: (news) => {
        for (const one of byAddress.get(news.address) ?? []) {
          // What comes after the answer was given is too late for it.
          if (one.isSettled) continue;
          note(one, news);
          if (one.roundTripsMs.length + one.lostCount === one.waiting.count) settle(one);
        }
      },
    });
    for (const one of all) {
      if (isPermitted) settle(one);
      else one.waiting.resolve(null);
    }
    return isPermitted;
  } catch (error) {
    for (const { waiting } of all) waiting.reject(error);
    return true;
  } finally {
    for (const cancel of [...timers, ...releases]) cancel();
  }
};

/** Those whose deadlines are one, by the earliest of them: nobody is answered too late. The last come last. */
const togetherDue = (all: readonly Progress[]): readonly { readonly dueMs: number; readonly those: readonly Progress[] }[] => {
  const groups: { dueMs: number; readonly those: Progress[] }[] = [];
  // From the latest on, so that none of the last is left over for a group of its own.
  for (const one of all.toSorted((a, b) => b.waiting.dueMs - a.waiting.dueMs)) {
    const { dueMs } = one.waiting;
    const group = groups.at(-1);
    const latestMs = group?.those[0]?.waiting.dueMs ?? Number.POSITIVE_INFINITY;
    if (group === undefined || latestMs - dueMs > dueStepMs) groups.push({ dueMs, those: [one] });
    else {
      group.those.push(one);
      group.dueMs = dueMs;
    }
  }
  return groups.reverse();
};

const note = (one: Progress, news: EchoNews): void => {
  if (news.kind === 'said') {
    one.said ??= news.text;
    return;
  }
  if (news.roundTripMs === null) one.lostCount += 1;
  else one.roundTripsMs.push(news.roundTripMs);
  one.firstSentAfterMs = Math.min(one.firstSentAfterMs ?? news.sentAfterMs, news.sentAfterMs);
};

const answerOf = (
  { waiting, roundTripsMs, firstSentAfterMs, said }: Progress,
  startedMs: number,
  method: EchoTool['name'],
): EchoAnswer => ({
  roundTripsMs,
  sentCount: waiting.count,
  sentAfterMs: startedMs - waiting.askedMs + (firstSentAfterMs ?? 0),
  method,
  ...(said === null || roundTripsMs.length > 0 ? {} : { detail: said }),
});
