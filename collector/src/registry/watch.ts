import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '@jiwei/shared/clock.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { isOutOfDescriptors } from '../descriptors.ts';
import { type FileText, isSameText, readText, textOrThrow } from './file-text.ts';

/**
 * A file counts once it was found the same for so long: programs write files in several steps, a remote copy pauses in between, and what is there
 * meanwhile may be empty, or read well though its end is missing.
 */
export const settleMs = 1 * secondMs;
/** Each step of a writer is a sign of change; they are gathered for so long before the file is read. */
const gatherMs = 200;
/** How often the file is looked at even without a sign: network file systems and bind mounts tell nobody. */
const lookIntervalMs = 5 * secondMs;

/** Files that are watched. */
export interface Watch {
  /** Looks at them now instead of at the next sign of change. */
  look(): void;
  /** Stops; no callback comes after it resolves. */
  close(): Promise<void>;
}

/** One file that is watched. */
export interface FileWatch extends Watch {
  /** What was last told, or known at the start: whole, not what is being written over it. */
  content(): FileText;
}

/**
 * Calls back whenever the file's content is another than `known` or than at the last call; with an error (CONFIG_UNREADABLE) once when it can no
 * longer be read. What is in force stays in force: whoever is called decides. The folder is watched, not the file, because editors and
 * deployment tools replace files by renaming.
 */
export const watchFileFrom = (path: string, known: FileText, clock: Clock, onChange: (change: FileText) => void): FileWatch => {
  let told = known;
  /**
   * What was found last; it counts once it was found for as long as a file takes to be written. Two looks alone prove nothing: the regular one may
   * come right after the one that a sign of change asked for.
   */
  let candidate = known;
  let candidateSinceMs = clock.monotonicMs();
  let isClosed = false;
  let reading: Promise<void> = Promise.resolve();
  let cancelSettle = (): void => undefined;
  let cancelLook = (): void => undefined;

  const look = async (): Promise<void> => {
    if (isClosed) return;
    const lookedAtMs = clock.monotonicMs();
    const found = await readText(path);
    // Without a descriptor left nothing was found out about the file; the next look counts.
    if (isClosed || ('error' in found && isOutOfDescriptors(found.error))) return;
    if (!isSameText(found, candidate)) {
      candidate = found;
      // Reading takes its time: it was so at its end at the earliest, and is so at the beginning of the next.
      candidateSinceMs = clock.monotonicMs();
    }
    if (isSameText(found, told)) return;
    if (lookedAtMs - candidateSinceMs < settleMs) {
      cancelSettle();
      cancelSettle = clock.after(settleMs, lookSoon);
      return;
    }
    told = found;
    onChange(found);
  };
  /** One reading at a time, in order. */
  const lookSoon = (): void => {
    reading = reading.then(look);
  };
  const lookAgainLater = (): void => {
    cancelLook = clock.after(lookIntervalMs, () => {
      lookSoon();
      lookAgainLater();
    });
  };
  const stopWatching = watchFolder(path, () => {
    cancelSettle();
    cancelSettle = clock.after(gatherMs, lookSoon);
  });
  // It may have changed between the reading of what is known and now.
  lookSoon();
  lookAgainLater();

  return {
    look: lookSoon,
    content: () => told,
    close: async () => {
      isClosed = true;
      cancelSettle();
      cancelLook();
      stopWatching();
      await reading;
    },
  };
};

/** Signs of change of one file. Without them (a folder that is not there) the regular look has to do. @returns stops it */
const watchFolder = (path: string, onSign: () => void): (() => void) => {
  try {
    const watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) onSign();
    });
    // The folder itself is gone: the look reports the file as unreadable.
    watcher.on('error', onSign);
    return () => watcher.close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return () => undefined;
  }
};

/** The same from what the file holds now. @throws AppError CONFIG_UNREADABLE when it cannot be read */
export const watchFile = async (path: string, clock: Clock, onChange: (change: FileText) => void): Promise<FileWatch> =>
  watchFileFrom(path, { text: textOrThrow(await readText(path)) }, clock, onChange);
