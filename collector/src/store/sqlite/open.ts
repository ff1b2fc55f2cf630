import { existsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { makeFolder } from '@jiwei/shared/make-folder.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { syncFolder } from './backup-file.ts';
import { type CommitMark, markPath, openCommitMark } from './commit-mark.ts';
import { tablesOf } from './damage.ts';
import { openHandle, type SqliteHandle } from './dialect.ts';
import { doubtArrivals } from './doubt-arrivals.ts';
import { corruptStore, isBusy, isFull } from './fault.ts';
import { migrate, readPragma } from './migrate.ts';
import { migrations } from './migrations.ts';
import { checkNotedDamage } from './verify.ts';

/** The open database and the lock that keeps other processes away; close both with `close`. */
export interface OpenDatabase {
  readonly handle: SqliteHandle;
  /** null for one in memory. */
  readonly mark: CommitMark | null;
  close(): void;
}

const busyMs = 5_000;

/** A database that lives as long as its handle, for tests and trials. */
export const openMemory = (nowMs: EpochMs): OpenDatabase => {
  const handle = openHandle(':memory:', { busyMs });
  migrate(handle, migrations, nowMs);
  return { handle, mark: null, close: () => handle.close() };
};

/**
 * Opens the file, or makes it when there is none. A file that is there is never replaced: what cannot be read is STORE_CORRUPT.
 * @param bytesMax the file grows no further; a write past it fails with STORE_UNAVAILABLE
 * @throws LOCKED when another process has it open; STORE_TOO_NEW; STORE_UNAVAILABLE
 */
export const openFile = async (path: string, nowMs: EpochMs, bytesMax: number): Promise<OpenDatabase> => {
  makeParent(path);
  const unlock = lockDatabase(path);
  let handle: SqliteHandle | null = null;
  let mark: CommitMark | null = null;
  try {
    if (!existsSync(path)) await create(path, nowMs);
    handle = openHandle(path, { busyMs });
    configure(handle, bytesMax);
    check(handle);
    migrate(handle, migrations, nowMs);
    checkRows(handle);
    await checkNotedDamage(path);
    // Every database that was used here has its mark beside it.
    if (!existsSync(markPath(path))) doubtArrivals(handle);
    mark = openCommitMark(handle);
  } catch (thrown) {
    handle?.close();
    unlock();
    throw thrown;
  }
  const [opened, openedMark] = [handle, mark];
  return {
    handle: opened,
    mark: openedMark,
    close: () => {
      opened.close();
      openedMark.close();
      unlock();
    },
  };
};

/** Makes the folder of the database, for the service user alone. @throws STORE_UNAVAILABLE */
export const makeParent = (path: string): void => {
  try {
    // The database holds hashes of tokens and the map of the network: for the service user alone.
    makeFolder(dirname(path));
  } catch (cause) {
    throw new AppError('STORE_UNAVAILABLE', `store: the folder ${dirname(path)} does not exist and cannot be made`, { cause });
  }
};

/**
 * Holds an exclusive lock on a small database beside the real one. The operating system takes it back when the process ends, however it
 * ends, so there is no stale lock file to clear; the real one stays readable for backup tools, which locking_mode=exclusive would prevent.
 */
export const lockDatabase = (path: string): (() => void) => {
  const lockPath = `${path}.lock`;
  const holder = openHandle(lockPath, { busyMs: 0 });
  try {
    holder.exec('begin exclusive');
  } catch (thrown) {
    holder.close();
    const cause = thrown instanceof AppError ? thrown.cause : thrown;
    if (isFull(cause)) throw noRoom(path, cause);
    if (!isBusy(cause)) throw thrown;
    throw new AppError(
      'LOCKED',
      `store: ${path} is in use by another process, which holds ${lockPath}; stop it or name another file`,
      {
        cause,
      },
    );
  }
  return () => holder.close();
};

/** The lock is the first thing that is written; of its few bytes nobody would guess that the disk is what is full. */
const noRoom = (path: string, cause: unknown): AppError =>
  new AppError(
    'STORE_UNAVAILABLE',
    `store: the disk of ${dirname(path)} is full: there is not even room for the lock of the database. Nothing was changed; make room first`,
    { cause },
  );

/** A backup that was verified and is about to take the database's place. */
export const restoredPath = (path: string): string => `${path}.restored`;

/**
 * Makes the database under another name and moves it into place when it is whole, so that a file at `path` is always a complete one: an
 * empty or cut one was damaged, not just begun.
 */
const create = async (path: string, nowMs: EpochMs): Promise<void> => {
  if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0) {
    throw corruptStore(path, 'the file is missing but its write-ahead log is there');
  }
  if (existsSync(restoredPath(path)))
    throw corruptStore(path, 'the file is missing, and a restore was cut off before it put the backup there');
  const draft = `${path}.new`;
  await Promise.all([draft, `${draft}-journal`].map((file) => rm(file, { force: true })));
  try {
    await (await open(draft, 'wx', 0o600)).close();
  } catch (cause) {
    throw new AppError('STORE_UNAVAILABLE', `store: ${draft} cannot be made; check the permissions of the folder`, { cause });
  }
  const handle = openHandle(draft, { busyMs });
  try {
    migrate(handle, migrations, nowMs);
  } finally {
    handle.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
};

/** Write-ahead log with full sync: a commit that returned survives loss of power (https://www.sqlite.org/pragma.html#pragma_synchronous). */
const configure = (handle: SqliteHandle, bytesMax: number): void => {
  if (statSync(handle.path).size === 0) throw corruptStore(handle.path, 'the file is empty');
  handle.exec('pragma trusted_schema = off; pragma cell_size_check = on; pragma temp_store = memory; pragma cache_size = -16000');
  handle.exec('pragma journal_mode = wal; pragma synchronous = full');
  // Pages that every commit changes are then copied into the file once in several commits; the log stays far below its limit.
  handle.exec('pragma wal_autocheckpoint = 8000');
  handle.exec(`pragma journal_size_limit = ${limits.storeLogBytesMax}`);
  handle.exec(`pragma max_page_count = ${Math.max(1, Math.floor(bytesMax / readPragma(handle, 'page_size')))}`);
};

/** Tables whose size grows with the fleet and time; a large file is started without reading them whole. */
const largeTables = new Set(['frame', 'result', 'span', 'correction']);

/**
 * Reads the structure of the file, as much of it as takes about a second: all of it with its indexes; or its large tables without these; or not
 * its large tables.
 */
const check = (handle: SqliteHandle): void => {
  const { size: fileBytes } = statSync(handle.path);
  if (fileBytes <= limits.storeFullCheckBytesMax) return runCheck(handle, 'integrity_check', '1');
  if (fileBytes <= limits.storeCheckBytesMax) runCheck(handle, 'quick_check', '1');
  for (const name of tablesOf(handle).filter((table) => !largeTables.has(table)))
    runCheck(handle, 'integrity_check', `'${name}'`);
};

const runCheck = (handle: SqliteHandle, pragma: 'integrity_check' | 'quick_check', argument: string): void => {
  const verdict = String(handle.prepare(`pragma ${pragma}(${argument})`).all([])[0]?.[pragma]);
  if (verdict !== 'ok') throw corruptStore(handle.path, verdict);
};

/** Every row of the tables that are not large: what cannot be found under its key would else be taken for not there. */
const checkRows = (handle: SqliteHandle): void => {
  for (const name of tablesOf(handle).filter((table) => !largeTables.has(table))) handle.prepare(`select * from ${name}`).all([]);
};
