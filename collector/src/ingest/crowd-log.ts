import type { Clock } from '@jiwei/shared/clock.ts';

/** Between two lines, ms: a storm of connections is one thing that happens, not ten thousand. */
const betweenLinesMs = 10_000;

/**
 * Says what is done to many at once, such as refusing them for lack of room: at the first, and then with the number since the last line, at most
 * every ten seconds.
 * @param say what to write of so many; the detail is that of the last
 * @returns called for each
 */
export const createCrowdLog = <Detail = void>(
  clock: Pick<Clock, 'monotonicMs'>,
  say: (count: number, last: Detail) => void,
): ((detail: Detail) => void) => {
  let count = 0;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return (detail) => {
    count += 1;
    if (clock.monotonicMs() - saidAtMs < betweenLinesMs) return;
    say(count, detail);
    count = 0;
    saidAtMs = clock.monotonicMs();
  };
};
