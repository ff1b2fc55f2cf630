import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { OutboxRecord } from '../store/port.ts';
import type { SendOutcome } from './notifier.ts';
import { nextTryAtMs } from './retry.ts';

/** What a try changes of a record. */
export type Fate = Pick<OutboxRecord, 'state' | 'tries' | 'mayHaveArrived' | 'nextTryAtMs' | 'lastError' | 'finishedAtMs'>;

/** Why a record is given up without a try, or null: nobody can send it, or it is too old to be news. */
export const beforeTry = (record: OutboxRecord, hasNotifier: boolean, nowMs: EpochMs): Fate | null => {
  if (!hasNotifier)
    return givenUp(record, record.tries, `route ${record.routeId} is no longer declared, or its notifier is not`, nowMs);
  if (nowMs <= record.createdAtMs + limits.notificationAgeMsMax) return null;
  const last = record.lastError === null ? 'it could not be tried' : record.lastError;
  return givenUp(record, record.tries, `older than a day: ${last}`, nowMs);
};

/**
 * What becomes of a record after a try with this outcome.
 * @param record as it was before the try
 */
export const afterTry = (record: OutboxRecord, outcome: SendOutcome, nowMs: EpochMs): Fate => {
  const tries = record.tries + 1;
  switch (outcome.kind) {
    case 'sent':
      return {
        state: 'sent',
        tries,
        mayHaveArrived: true,
        nextTryAtMs: record.nextTryAtMs,
        lastError: null,
        finishedAtMs: nowMs,
      };
    case 'failed':
    case 'disabled':
      return givenUp(record, tries, outcome.error, nowMs);
    case 'retry': {
      const mayHaveArrived = record.mayHaveArrived || outcome.mayHaveArrived;
      const atMs = nextTryAtMs({ tries, createdAtMs: record.createdAtMs, nowMs, afterMs: outcome.afterMs });
      if (atMs === null)
        return { ...givenUp(record, tries, `given up after ${tries} tries: ${outcome.error}`, nowMs), mayHaveArrived };
      return { state: 'waiting', tries, mayHaveArrived, nextTryAtMs: atMs, lastError: outcome.error, finishedAtMs: null };
    }
    default:
      return outcome satisfies never;
  }
};

const givenUp = (record: OutboxRecord, tries: number, error: string, nowMs: EpochMs): Fate => ({
  state: 'failed',
  tries,
  mayHaveArrived: record.mayHaveArrived,
  nextTryAtMs: record.nextTryAtMs,
  lastError: error,
  finishedAtMs: nowMs,
});
