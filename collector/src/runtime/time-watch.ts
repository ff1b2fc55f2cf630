import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';

const lookEveryMs = 1 * secondMs;
/** More than adjusting moves a clock between two looks (0.5 ms), less than whoever sets it moves it. */
const jumpMsMin = 1 * secondMs;
/** A busy machine is late by some tenths of a second. */
const lateMsMin = 2 * secondMs;

/**
 * Says when the wall clock jumped, and when the process stood still (SIGSTOP, a machine out of breath). A machine that slept is seen as a jump:
 * its monotonic clock may stand still meanwhile. Each look is compared with the one before, so a clock that only drifts is never told of.
 * @returns ends it
 */
export const watchTime = (clock: Clock, log: Pick<FastifyBaseLogger, 'warn'>): CancelTimer => {
  let cancel: CancelTimer;
  const look = (beforeWallMs: number, beforeMonotonicMs: number): void => {
    cancel = clock.after(lookEveryMs, () => {
      const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
      const passedMs = monotonicMs - beforeMonotonicMs;
      const jumpMs = Math.round(wallMs - beforeWallMs - passedMs);
      const lateMs = Math.round(passedMs - lookEveryMs);
      if (Math.abs(jumpMs) >= jumpMsMin) {
        log.warn(
          { jumpMs },
          `the clock of this machine jumped ${jumpMs < 0 ? 'back' : 'forward'} by ${inSeconds(Math.abs(jumpMs))} s`,
        );
      }
      if (lateMs >= lateMsMin) {
        log.warn({ lateMs }, `the collector stood still for ${inSeconds(lateMs)} s (stopped, or the machine was out of breath)`);
      }
      look(wallMs, monotonicMs);
    });
  };
  look(clock.nowMs(), clock.monotonicMs());
  return () => cancel();
};

const inSeconds = (ms: number): string => (ms / secondMs).toFixed(1);
