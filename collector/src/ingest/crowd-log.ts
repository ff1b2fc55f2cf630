import type { Clock } from '@jiwei/shared/clock.ts';

/** Between two lines, ms: a storm of connections is one thing that happens, not ten thousand. */
const betweenLinesMs = 10_000;

/**
 * Says that connections are refused for lack of room: at the first, and then with the number since the last line, at most every ten seconds.
 * @returns called for each refusal
 */
export const createCrowdLog = (clock: Pick<Clock, 'monotonicMs'>, say: (refused: number) => void): (() => void) => {
  let refused = 0;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    refused += 1;
    if (clock.monotonicMs() - saidAtMs < betweenLinesMs) return;
    say(refused);
    refused = 0;
    saidAtMs = clock.monotonicMs();
  };
};
