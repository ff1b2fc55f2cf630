import type { Clock } from '../../shared/src/clock.ts';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Moves both clocks on and fires what is due, in order. */
  advance(byMs: number): void;
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** @param startMs wall time at the beginning; the monotonic clock begins at 0 */
export const createManualClock = (startMs: number): ManualClock => {
  let passedMs = 0;
  const timers = new Set<Timer>();
  /** The first that is due by then; of several at one instant the one that was set first. */
  const nextBy = (endMs: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (timer.dueMs <= endMs && timer.dueMs < (first?.dueMs ?? Infinity)) first = timer;
    return first;
  };
  return {
    nowMs: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    after: (delayMs, callback) => {
      const timer: Timer = { dueMs: passedMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    advance: (byMs) => {
      const endMs = passedMs + byMs;
      for (let next = nextBy(endMs); next !== undefined; next = nextBy(endMs)) {
        timers.delete(next);
        passedMs = next.dueMs;
        next.callback();
      }
      passedMs = endMs;
    },
  };
};
