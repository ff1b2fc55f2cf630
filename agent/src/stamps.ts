import type { Clock } from '@jiwei/shared/clock.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { anchorAt, followWall, stampAt } from './steady-time.ts';

/** The agent's time: all its stamps and its schedule come from here. */
export interface Stamps {
  /** Epoch ms; grows steadily between two steps of the machine's clock. */
  nowMs(): EpochMs;
  /** How often the machine's clock was set or the machine slept, since the start. */
  readonly steps: number;
}

/** @param onStep called after the time jumped by so many ms (negative: back) */
export const createStamps = (clock: Clock, onStep: (jumpMs: number) => void): Stamps => {
  const read = () => ({ wallMs: clock.nowMs(), steadyMs: clock.monotonicMs() });
  let anchor = anchorAt(read());
  let steps = 0;
  return {
    nowMs: () => {
      const reading = read();
      const next = followWall(anchor, reading);
      if (next !== anchor) {
        const jumpMs = stampAt(next, reading.steadyMs) - stampAt(anchor, reading.steadyMs);
        anchor = next;
        steps += 1;
        onStep(jumpMs);
      }
      return stampAt(anchor, reading.steadyMs);
    },
    get steps() {
      return steps;
    },
  };
};
