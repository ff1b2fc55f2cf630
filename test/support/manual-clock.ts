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
  let timers: readonly Timer[] = [];
  return {
    nowMs: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    after: (delayMs, callback) => {
      const timer: Timer = { dueMs: passedMs + Math.max(0, delayMs), callback };
      timers = [...timers, timer];
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (byMs) => {
      const endMs = passedMs + byMs;
      for (;;) {
        const [next] = timers.filter((timer) => timer.dueMs <= endMs).sort((left, right) => left.dueMs - right.dueMs);
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        passedMs = next.dueMs;
        next.callback();
      }
      passedMs = endMs;
    },
  };
};
