import { watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';

/** Editors write a file in several steps; this long after the last sign of change it is read, and so long after that once more. */
const settleMs = 200;
/** How often the file is looked at even without a sign: network file systems and bind mounts tell nobody. */
const lookIntervalMs = 5 * secondMs;

export type FileChange = { readonly text: string } | { readonly error: AppError };

export interface FileWatch {
  /** Looks at the file now instead of at the next sign of change. */
  look(): void;
  /** Stops; no callback comes after it resolves. */
  close(): Promise<void>;
}

/** Reads a file of at most the declaration's size. @throws AppError CONFIG_UNREADABLE */
export const readDeclarationFile = async (path: string): Promise<string> => {
  try {
    const { size: fileBytes } = await stat(path);
    if (fileBytes <= limits.declarationBytesMax) return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new AppError('CONFIG_UNREADABLE', `cannot read ${path}: it has more than ${limits.declarationBytesMax} bytes`);
};

const changeOf = async (path: string): Promise<FileChange> => {
  try {
    return { text: await readDeclarationFile(path) };
  } catch (error) {
    if (error instanceof AppError) return { error };
    throw error;
  }
};

const isSame = (left: FileChange, right: FileChange): boolean =>
  'text' in left ? 'text' in right && left.text === right.text : 'error' in right && left.error.message === right.error.message;

/**
 * Calls back whenever the file's content changed since the start or the last call; with an error (CONFIG_UNREADABLE) once when it can no
 * longer be read. What is in force stays in force: whoever is called decides. The folder is watched, not the file, because editors and
 * deployment tools replace files by renaming.
 * @throws AppError CONFIG_UNREADABLE when the file cannot be read at the start
 */
export const watchFile = async (path: string, clock: Clock, onChange: (change: FileChange) => void): Promise<FileWatch> => {
  let known: FileChange = { text: await readDeclarationFile(path) };
  /**
   * What was found last; it counts once it was found for as long as a file takes to be written, because one read meanwhile may be empty or cut
   * off. Two looks alone prove nothing: the regular one may come right after the one that a sign of change asked for.
   */
  let candidate: FileChange = known;
  let candidateSinceMs = clock.monotonicMs();
  let isClosed = false;
  let reading: Promise<void> = Promise.resolve();
  let cancelSettle = (): void => undefined;
  let cancelLook = (): void => undefined;

  const look = async (): Promise<void> => {
    if (isClosed) return;
    const lookedAtMs = clock.monotonicMs();
    const found = await changeOf(path);
    if (isClosed) return;
    if (!isSame(found, candidate)) {
      candidate = found;
      candidateSinceMs = lookedAtMs;
    }
    if (isSame(found, known)) return;
    if (lookedAtMs - candidateSinceMs < settleMs) {
      cancelSettle();
      cancelSettle = clock.after(settleMs, lookSoon);
      return;
    }
    known = found;
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
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== null && name !== basename(path)) return;
    cancelSettle();
    cancelSettle = clock.after(settleMs, lookSoon);
  });
  // The folder itself is gone: the regular look reports the file as unreadable.
  watcher.on('error', lookSoon);
  lookAgainLater();

  return {
    look: lookSoon,
    close: async () => {
      isClosed = true;
      cancelSettle();
      cancelLook();
      watcher.close();
      await reading;
    },
  };
};
