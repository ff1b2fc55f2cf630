import type { Families } from './choice.ts';
import type { Reader, ReaderTools, Sink } from './reader.ts';
import type { Row } from './row.ts';
import type { SeriesBook } from './series-book.ts';

/** When all readers must be done: one signal, timer and promise for all of them, as each of its own would cost more than most readings. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly passed: Promise<'passed'>;
}

/** One reader at work: when it is due, how long it took, what it said last. */
export interface Run {
  readonly name: string;
  /** What of it is told; everything before `choose` was called. */
  readonly families: Families;
  /** Tells only these families from the next collection on. */
  choose(families: Families): void;
  readonly tookMs: number;
  readonly hasSucceeded: boolean;
  /** What went wrong in this collection; null when nothing did. */
  readonly fault: unknown;
  /**
   * Fills its part of the row; comes back at the deadline even if the reader hangs.
   * @returns null when it is done already, as most readers are: a promise of each would cost more than many a reading
   */
  collect(nowMs: number, deadline: Deadline): Promise<void> | null;
}

/** @param row where the values go */
export const createRun = (reader: Reader, tools: ReaderTools, book: SeriesBook, row: Row): Run => {
  const read = reader.open(tools);
  const { clock } = tools;
  let isPending = false;
  let dueMs = Number.NEGATIVE_INFINITY;
  let tookMs = 0;
  let hasSucceeded = false;
  let fault: unknown = null;
  /** What the last reading said: told again until the next is due. */
  let keptIndexes: number[] = [];
  let keptValues: number[] = [];
  let families: Families = 'all';

  const tellAgain = (): void => {
    for (let at = 0; at < keptIndexes.length; at += 1) row.put(keptIndexes[at] ?? -1, keptValues[at] ?? Number.NaN);
  };
  /** A sink of this one reading: what comes after its deadline belongs to no row any more. */
  const sinkUntil = (deadline: AbortSignal): Sink => ({
    put: (doc, value, ...labelValues) => {
      if (deadline.aborted || Number.isNaN(value)) return;
      if (families !== 'all' && families?.has(doc.name) !== true) return;
      const index = book.indexOf(doc, labelValues);
      row.put(index, value);
      if (reader.everyMs === 0) return;
      keptIndexes.push(index);
      keptValues.push(value);
    },
  });
  const succeed = (startedMs: number, nowMs: number, outcome: boolean): void => {
    hasSucceeded = outcome;
    dueMs = nowMs + reader.everyMs;
    tookMs = clock.monotonicMs() - startedMs;
  };
  const fail = (startedMs: number, error: unknown): void => {
    hasSucceeded = false;
    fault = error;
    tookMs = clock.monotonicMs() - startedMs;
  };
  const settle = async (reading: Promise<boolean>, deadline: Deadline, startedMs: number, nowMs: number): Promise<void> => {
    isPending = true;
    const settled = reading.finally(() => {
      isPending = false;
    });
    try {
      const outcome = await Promise.race([settled, deadline.passed]);
      if (outcome === 'passed') throw new Error('it did not come back before the deadline of host readings');
      succeed(startedMs, nowMs, outcome);
    } catch (error) {
      fail(startedMs, error);
    }
  };

  return {
    name: reader.name,
    get families() {
      return families;
    },
    choose: (chosen) => {
      if (chosen === families) return;
      families = chosen;
      // What was kept is of the choice before.
      dueMs = Number.NEGATIVE_INFINITY;
    },
    get tookMs() {
      return tookMs;
    },
    get hasSucceeded() {
      return hasSucceeded;
    },
    get fault() {
      return fault;
    },
    collect: (nowMs, deadline) => {
      fault = null;
      if (nowMs < dueMs) {
        tellAgain();
        return null;
      }
      const startedMs = clock.monotonicMs();
      try {
        if (isPending) throw new Error('its last reading has not come back');
        keptIndexes = [];
        keptValues = [];
        const answer = read(sinkUntil(deadline.signal), deadline.signal);
        if (answer instanceof Promise) return settle(answer, deadline, startedMs, nowMs);
        succeed(startedMs, nowMs, answer);
      } catch (error) {
        fail(startedMs, error);
      }
      return null;
    },
  };
};
