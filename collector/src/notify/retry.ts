import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { hourMs, minuteMs } from '@jiwei/shared/time.ts';

/**
 * When to try again: 1, 2, 4, 8 and 16 minutes after the first five tries, then hourly, within a day of the notice.
 * @param tries how many there were, the one that just failed included
 * @param afterMs the receiver's own wish, when it is longer
 * @returns null when it is to be given up
 */
export const nextTryAtMs = (record: {
  readonly tries: number;
  readonly createdAtMs: EpochMs;
  readonly nowMs: EpochMs;
  readonly afterMs?: number | undefined;
}): EpochMs | null => {
  if (record.tries >= limits.notificationTriesMax) return null;
  const waitMs = record.tries <= 5 ? minuteMs * 2 ** Math.max(0, record.tries - 1) : hourMs;
  const atMs = record.nowMs + Math.max(waitMs, record.afterMs ?? 0);
  return atMs <= record.createdAtMs + limits.notificationAgeMsMax ? atMs : null;
};
