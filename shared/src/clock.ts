import { performance } from 'node:perf_hooks';
import type { EpochMs } from './time.ts';

/** Stops a timer; calling it again, or after it fired, does nothing. */
export type CancelTimer = () => void;

/**
 * All a shell knows of time. Product code takes one as an argument, so that a simulated world can pass its own;
 * this file is the only one that asks the machine.
 */
export interface Clock {
  /** Wall time in epoch ms; may step when the machine's clock is set. */
  nowMs(): EpochMs;
  /** Milliseconds from an arbitrary start, with fractions; never goes back. For elapsed time and deadlines. */
  monotonicMs(): number;
  /** Calls `callback` once after at least `delayMs` (0 or more; more than 2^31-1 is cut to that). */
  after(delayMs: number, callback: () => void): CancelTimer;
}

const timerMsMax = 2 ** 31 - 1;

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    // Node counts from the whole ms before now and would call up to 1 ms early: the caller would find nothing due, and wait again.
    const wholeMs = delayMs <= 0 ? 0 : Math.floor(delayMs) + 1;
    const timer = setTimeout(callback, Math.min(wholeMs, timerMsMax));
    return () => clearTimeout(timer);
  },
};
