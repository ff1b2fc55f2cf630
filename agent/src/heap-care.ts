import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { hourMs, minuteMs } from '@jiwei/shared/time.ts';

/** By then everything has been loaded once, and what only the start needed can go. */
const firstMs = 1 * minuteMs;
/** One collection costs some 15 ms. */
const againMs = 1 * hourMs;

/**
 * Collects the whole heap after the start and then every hour. V8 by itself does it when the heap has grown by much (then memory stays
 * larger than needed for days), or, with its memory reducer, again and again in a program that rests (then it takes a fifth of all CPU time).
 * @param collect null where Node was started without --expose-gc: then nothing is done
 */
export const startHeapCare = (clock: Clock, collect: (() => void) | null): CancelTimer => {
  if (collect === null) return () => undefined;
  let cancel: CancelTimer;
  const care = (): void => {
    collect();
    cancel = clock.after(againMs, care);
  };
  cancel = clock.after(firstMs, care);
  return () => cancel();
};
