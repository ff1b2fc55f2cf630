import type { Clock } from '../../../shared/src/clock.ts';
import type { Loop } from './loop.ts';

/** Wall time at which every world begins: 08:00 of a Monday in Shanghai. */
export const worldBeginsAtMs = Date.UTC(2026, 2, 2, 0, 0, 0);

/** A clock that dies with its process: its timers never fire any more. */
export interface ProcessClock extends Clock {
  kill(): void;
}

/** The clocks of one machine: a wall clock that is off, drifts and may be set, and a steady one that only drifts. */
export interface Machine {
  wallMs(): number;
  /** Sets the wall clock forward, or back when negative. */
  step(byMs: number): void;
  /** True instants at which the wall clock was set. */
  readonly stepsAtMs: readonly number[];
  /** The clock of a process that starts now. */
  boot(): ProcessClock;
}

/**
 * @param skewMs by how much the wall clock is ahead at the beginning
 * @param driftPpm by how many millionths both clocks run fast
 */
export const createMachine = (loop: Loop, { skewMs, driftPpm }: { skewMs: number; driftPpm: number }): Machine => {
  const rate = 1 + driftPpm / 1e6;
  const stepsAtMs: number[] = [];
  let offsetMs = skewMs;
  const wallMs = (): number => Math.floor(worldBeginsAtMs + loop.nowMs() * rate + offsetMs);
  return {
    wallMs,
    step: (byMs) => {
      offsetMs += byMs;
      stepsAtMs.push(loop.nowMs());
    },
    stepsAtMs,
    boot: () => {
      const bootedAtMs = loop.nowMs();
      const timers = new Set<() => void>();
      let isDead = false;
      return {
        nowMs: wallMs,
        monotonicMs: () => (loop.nowMs() - bootedAtMs) * rate,
        after: (delayMs, callback) => {
          if (isDead) return () => undefined;
          // As Node does: whole ms, at least one; so a timer may come a fraction early by the steady clock.
          const cancel = loop.at(loop.nowMs() + Math.max(1, Math.trunc(delayMs)) / rate, () => {
            timers.delete(cancel);
            callback();
          });
          timers.add(cancel);
          return () => {
            timers.delete(cancel);
            cancel();
          };
        },
        kill: () => {
          isDead = true;
          for (const cancel of timers) cancel();
          timers.clear();
        },
      };
    },
  };
};
