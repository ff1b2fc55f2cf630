import { type Profiler, Session } from 'node:inspector';

/** Which pieces of the product's code ran, told by V8 itself. */
export interface Coverage {
  /** What ran since the last call, one number a piece: the same piece has the same number. */
  take(): readonly number[];
  /** Counts no more, and lets go of what the counters belonged to; `take` gives nothing until `resume`. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/**
 * Must be started before the code to be watched is loaded: V8 puts its counters in when it compiles.
 * @param isWatched by the URL of a script
 */
export const startCoverage = (isWatched: (url: string) => boolean): Coverage => {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  let isCounting = false;
  const resume = (): void => {
    if (isCounting) return;
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    isCounting = true;
  };
  const pause = (): void => {
    if (!isCounting) return;
    session.post('Profiler.stopPreciseCoverage');
    isCounting = false;
  };
  resume();
  const numbers = new Map<string, number>();
  const numberOf = (key: string): number => {
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
    }
    return number;
  };
  return {
    pause,
    resume,
    take: () => {
      if (!isCounting) return [];
      const points: number[] = [];
      // An inspector of the same thread answers before `post` returns.
      session.post('Profiler.takePreciseCoverage', (error, taken: Profiler.TakePreciseCoverageReturnType) => {
        if (error !== null) throw new Error(`coverage: ${error.message}`);
        for (const { url, functions } of taken.result) {
          if (!isWatched(url)) continue;
          for (const { ranges } of functions) {
            for (const { startOffset, endOffset, count } of ranges) {
              if (count > 0) points.push(numberOf(`${url} ${startOffset} ${endOffset}`));
            }
          }
        }
      });
      return points;
    },
    stop: () => {
      pause();
      session.disconnect();
    },
  };
};
