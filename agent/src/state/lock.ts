import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { isDiskFull } from '../spool/disk.ts';
import { processStamp } from './process-stamp.ts';

const lockName = 'lock';
/** Each try either takes the lock, finds a living holder, or removes what a dead one left; others may do the same meanwhile. */
const triesMax = 10;

export interface FolderLock {
  readonly wasLeft: boolean;
  release(): void;
}

/**
 * Takes a folder for this process. The lock is a file that names its holder; one left by a process that is no more is taken over.
 * @returns `release` gives it back, and does nothing when called again; `wasLeft` when its holder before ended without giving it back
 * @throws LOCKED when a living process holds it
 */
export const lockFolder = (folder: string): FolderLock => {
  const path = join(folder, lockName);
  const mine = `${process.pid} ${processStamp(process.pid) ?? ''}\n`;
  const draft = `${path}.${process.pid}`;
  let wasLeft = false;
  try {
    writeDraft(draft, mine);
    for (let tries = 0; tries < triesMax; tries += 1) {
      if (tryLink(draft, path)) return { release: releaser(path, mine), wasLeft };
      const holder = readLock(path);
      if (holder === null) continue;
      if (isAlive(holder)) break;
      wasLeft = true;
      removeStale(path, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new AppError('LOCKED', `the folder ${folder} is used by process ${readLock(path)?.split(' ')[0] ?? 'unknown'}`);
};

/** On a full disk it is a link that leads nowhere: its words stand in the folder itself and need no room. */
const writeDraft = (draft: string, text: string): void => {
  try {
    writeFileSync(draft, text, { mode: 0o600 });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    rmSync(draft, { force: true });
    symlinkSync(text.trim(), draft);
  }
};

/** A hard link fails when the name exists and appears with its whole content: no reader sees half a lock. */
const tryLink = (draft: string, path: string): boolean => {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
};

const readLockFile = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
};

const readLock = (path: string): string | null => {
  try {
    return `${readlinkSync(path)}\n`;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    // A file, which is no link, says EINVAL; Windows says UNKNOWN.
    return readLockFile(path);
  }
};

/** Moved aside before it is removed: if another process was faster and its fresh lock was moved, that one is put back. */
const removeStale = (path: string, stale: string): void => {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if (readLock(aside) !== stale) tryLink(aside, path);
  rmSync(aside, { force: true });
};

const isAlive = (holder: string): boolean => {
  const [pidText = '', stamp = ''] = holder.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if (!isCode(error, 'EPERM')) return false;
  }
  // The number may since have gone to another process: after a restart of a container it is usually our own.
  const now = processStamp(pid);
  return stamp === '' || now === null || now === stamp;
};

const releaser = (path: string, mine: string) => (): void => {
  if (readLock(path) === mine) rmSync(path, { force: true });
};

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;
