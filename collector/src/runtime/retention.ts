import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import { schedule } from 'node-cron';
import type { Store } from '../store/port.ts';

/** Rows deleted before the writer gets its turn again. */
const rowsPerStepMax = 5_000;

/** Deletes what is older than its retention. @returns rows deleted by table */
export const retainOnce = async (
  store: Store,
  nowMs: number,
  isStopped: () => boolean,
): Promise<Readonly<Record<string, number>>> => {
  const total: Record<string, number> = {};
  const bounds = { framesBeforeMs: nowMs - limits.frameRetentionMs, historyBeforeMs: nowMs - limits.historyRetentionMs };
  while (!isStopped()) {
    const deleted = await store.retain(bounds, rowsPerStepMax);
    for (const [table, count] of Object.entries(deleted)) total[table] = (total[table] ?? 0) + count;
    if (Object.values(deleted).every((count) => count === 0)) break;
  }
  return total;
};

/** After the start, when agents are back and there is less to do. */
const firstMs = 10 * minuteMs;

/**
 * Every night at 03:40 in China, when nobody works and no report is made; and some minutes after the start, since a collector that is off
 * at night would keep everything for good.
 * @returns stops it
 */
export const scheduleRetention = (store: Store, clock: Clock, log: FastifyBaseLogger): (() => Promise<void>) => {
  let isStopped = false;
  let isRunning = false;
  const run = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    try {
      log.info({ deleted: await retainOnce(store, clock.nowMs(), () => isStopped) }, 'old data deleted');
    } catch (error) {
      log.error({ error: messageOf(error) }, 'old data could not be deleted; it is tried again next night');
    } finally {
      isRunning = false;
    }
  };
  const cancelFirst = clock.after(firstMs, () => void run());
  const task = schedule('40 3 * * *', run, { timezone: 'Asia/Shanghai' });
  return async () => {
    isStopped = true;
    cancelFirst();
    await task.destroy();
  };
};
