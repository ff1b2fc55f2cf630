import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { errorFields, type Log } from '../log.ts';
import type { FrameDraft, Spool } from '../spool/spool.ts';

/** Frames appended within this time are synced to the disk together, ms. Only a power failure of this host can lose as much. */
export const syncMs = 1_000;

/** The one way in for everything that is to reach the collector. */
export interface Recorder {
  /** Writes a frame to the spool and tells the link. A spool that fails loses the frame; that is counted, logged, and told as a gap. */
  record(draft: FrameDraft): void;
  /** Ends the timer. The spool is closed by its owner. */
  stop(): void;
}

/** A recorder over an open spool, which it does not close. */
export const createRecorder = (options: {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  readonly onRecorded: () => void;
}): Recorder => {
  const { spool, clock, log } = options;
  let wasInMemory = false;
  let cancelSync: CancelTimer | null = null;
  const sync = (): void => {
    cancelSync = null;
    // Acknowledged frames need no disk: with a live link nothing is ever synced.
    if (!spool.needsSync()) return;
    spool.sync().catch((error: unknown) => log.error('the spool cannot be synced to the disk', errorFields(error)));
  };
  const tellPlace = (): void => {
    const isInMemory = spool.isInMemory();
    if (isInMemory === wasInMemory) return;
    wasInMemory = isInMemory;
    if (isInMemory)
      log.error('the disk takes nothing; what is not yet sent is only in memory', { bytesMax: limits.spoolMemoryBytesMax });
    else log.info('the disk takes data again');
  };
  return {
    record: (draft) => {
      try {
        spool.append(draft);
      } catch (error) {
        log.error('a frame could not be kept and is lost', { kind: draft.kind, ...errorFields(error) });
        return;
      }
      tellPlace();
      cancelSync ??= clock.after(syncMs, sync);
      options.onRecorded();
    },
    stop: () => cancelSync?.(),
  };
};
