import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@jiwei/shared/errors.ts';
import { keyFiles } from './stored.ts';

/** A key that others on the host may read or write: whoever did is this agent. */
export interface OpenKey {
  readonly file: string;
  /** Octal, as `ls` and `chmod` have it. */
  readonly mode: string;
  /** Why it could not be closed to them; null when it is closed now. */
  readonly problem: string | null;
}

const permissionBits = 0o777;
const forOthers = 0o077;
const ownerAlone = 0o600;

/**
 * Closes the keys in the state folder to everybody but their owner, as they were made: a copy or a restored backup often opens them.
 * @returns those that were open; none on Windows, which has no such modes
 */
export const closeKeys = (folder: string): readonly OpenKey[] => {
  if (process.platform === 'win32') return [];
  return keyFiles.flatMap((file) => {
    const path = join(folder, file);
    const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & permissionBits;
    if ((mode & forOthers) === 0) return [];
    return [{ file: path, mode: mode.toString(8).padStart(4, '0'), problem: closed(path) }];
  });
};

/** @returns why it could not be done, or null */
const closed = (path: string): string | null => {
  try {
    chmodSync(path, ownerAlone);
    return null;
  } catch (error) {
    return messageOf(error);
  }
};
