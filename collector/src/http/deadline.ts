import type { Clock } from '@jiwei/shared/clock.ts';

/**
 * Waits for a promise no longer than `msMax`.
 * @returns its value, or `late`; the promise itself goes on, and a rejection after that is nobody's business any more
 */
export const deadline = async <T>(clock: Clock, msMax: number, promise: Promise<T>): Promise<T | 'late'> => {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const cancel = clock.after(msMax, () => resolve('late'));
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
};
