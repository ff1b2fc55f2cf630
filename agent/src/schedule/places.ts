import type { CheckAssignment } from '@jiwei/shared/check.ts';
import type { CheckId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

/** Which checks are asked together, many by one process. */
export interface Batches {
  /** Whether checks of this kind are made for it. Always the same for a check: its times hang on it. */
  isBatched(check: CheckAssignment): boolean;
  /** Checks of the same key that begin at about the same time share a process; null: at present this one needs its own. */
  keyOf(check: CheckAssignment): string | null;
  /** How long after the first of them others still come along, ms. */
  readonly gatherMs: number;
  /** How many one process takes. */
  readonly sizeMax: number;
}

/** For agents without such checks. */
export const noBatches: Batches = { isBatched: () => false, keyOf: () => null, gatherMs: 0, sizeMax: 1 };

/** Runs that share a place. */
interface Batch {
  readonly openUntilMs: EpochMs;
  joinedCount: number;
  runningCount: number;
}

/** The places for runs under way. A run takes one, and gives it back; runs of a batch share theirs. */
export interface Places {
  /** Runs under way, whatever places they have. */
  readonly runCount: number;
  has(id: CheckId): boolean;
  /** Whether a batch has just begun that this check can come along with, without a place of its own. */
  canJoin(check: CheckAssignment, nowMs: EpochMs): boolean;
  isFull(): boolean;
  /** To be called for a check that can join, or when it is not full. */
  take(check: CheckAssignment, nowMs: EpochMs): void;
  giveBack(id: CheckId): void;
  ids(): readonly CheckId[];
}

/** Empty places. @param placesMax how many there are */
export const createPlaces = (placesMax: number, batches: Batches): Places => {
  /** By check: the batch it is in, or null. */
  const runs = new Map<CheckId, Batch | null>();
  /** The batch of each key that began last. */
  const latest = new Map<string, Batch>();
  let takenCount = 0;

  const openBatch = (key: string, nowMs: EpochMs): Batch | null => {
    const batch = latest.get(key);
    // A batch all of whose runs have ended has given its place back. A clock that was set back must not keep one open for hours.
    if (batch === undefined || batch.runningCount === 0 || batch.joinedCount >= batches.sizeMax) return null;
    return nowMs < batch.openUntilMs && nowMs >= batch.openUntilMs - batches.gatherMs ? batch : null;
  };

  return {
    get runCount() {
      return runs.size;
    },
    has: (id) => runs.has(id),
    canJoin: (check, nowMs) => {
      const key = batches.keyOf(check);
      return key !== null && openBatch(key, nowMs) !== null;
    },
    isFull: () => takenCount >= placesMax,
    take: (check, nowMs) => {
      const key = batches.keyOf(check);
      if (key === null) {
        takenCount += 1;
        runs.set(check.id, null);
        return;
      }
      let batch = openBatch(key, nowMs);
      if (batch === null) {
        takenCount += 1;
        batch = { openUntilMs: nowMs + batches.gatherMs, joinedCount: 0, runningCount: 0 };
        latest.set(key, batch);
      }
      batch.joinedCount += 1;
      batch.runningCount += 1;
      runs.set(check.id, batch);
    },
    giveBack: (id) => {
      const batch = runs.get(id);
      if (batch === undefined) return;
      runs.delete(id);
      if (batch !== null) batch.runningCount -= 1;
      if (batch === null || batch.runningCount === 0) takenCount -= 1;
    },
    ids: () => [...runs.keys()],
  };
};
