import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { type BackupManifest, digestOf, fileFault, invalid, readManifest, syncFolder } from './backup-file.ts';
import { markPath } from './commit-mark.ts';
import { firstDamageIn } from './damage.ts';
import { openHandle } from './dialect.ts';
import { readPragma } from './migrate.ts';
import { migrations } from './migrations.ts';
import { lockDatabase, makeParent, restoredPath } from './open.ts';
import { damagePath } from './verify.ts';

export interface Restored {
  readonly manifest: BackupManifest;
  /** Folder in which the database is kept that was there before; null when there was none. */
  readonly keptFolder: string | null;
}

/**
 * Puts a backup in the place of the database. It is verified whole before anything is touched, and what was there is moved aside, never
 * deleted. Cut off at any point, either the old database is in its place, or the collector refuses to start until this is run again.
 * @throws BACKUP_INVALID, STORE_TOO_NEW, LOCKED, STORE_UNAVAILABLE; nothing has changed then
 */
export const restoreBackup = async (source: string, path: string, atMs: EpochMs): Promise<Restored> => {
  const file = await openBackup(source);
  try {
    const manifest = await readManifest(file, source);
    if (manifest.schemaVersion > migrations.length) {
      throw new AppError(
        'STORE_TOO_NEW',
        `${source} has schema version ${manifest.schemaVersion}; this program knows up to ${migrations.length}. Restore it with version ${manifest.version} or later`,
      );
    }
    makeParent(path);
    const unlock = lockDatabase(path);
    try {
      await writeVerified(file, source, manifest, path);
      return { manifest, keptFolder: await putInPlace(path, atMs) };
    } finally {
      unlock();
    }
  } finally {
    await file.close();
  }
};

const openBackup = async (source: string): Promise<FileHandle> => {
  let file: FileHandle;
  try {
    file = await open(source, 'r');
  } catch (cause) {
    throw invalid(source, messageOf(cause), cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw invalid(source, 'it is not a file');
};

/** The database as a file of its own beside the real one, durable, every byte as it was when the backup was made. */
const writeVerified = async (file: FileHandle, source: string, manifest: BackupManifest, path: string): Promise<void> => {
  const draft = `${restoredPath(path)}.part`;
  try {
    await removeDraft(draft);
    const out = await open(draft, 'wx', 0o600);
    try {
      const sha256 = await digestOf(file, manifest.databaseBytes, async (bytes) => {
        await out.writeFile(bytes);
      });
      if (sha256 !== manifest.sha256) throw invalid(source, 'its checksum is wrong: it was damaged after it was made');
      await out.sync();
    } finally {
      await out.close();
    }
    checkContent(draft, source, manifest);
    await rename(draft, restoredPath(path));
    await removeDraft(draft);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await removeDraft(draft);
    throw fileFault(thrown, draft);
  }
};

/** With what SQLite puts beside a file that somebody made with a write-ahead log, just to look at it. */
const removeDraft = async (draft: string): Promise<void> => {
  for (const suffix of ['', '-wal', '-shm']) await rm(draft + suffix, { force: true });
};

/**
 * A checksum says that the bytes are those of the backup; this, that the database in them is whole. A backup of a version that did not look at
 * rows may hold damage, with which no collector would start.
 */
const checkContent = (draft: string, source: string, manifest: BackupManifest): void => {
  const copy = openHandle(draft, { busyMs: 0, readOnly: true });
  try {
    const damage = firstDamageIn(copy);
    if (damage !== null) throw invalid(source, `the database in it was damaged when it was made (${damage})`);
    const version = readPragma(copy, 'user_version');
    if (version !== manifest.schemaVersion)
      throw invalid(source, `its database has schema version ${version}, its manifest says ${manifest.schemaVersion}`);
  } finally {
    copy.close();
  }
};

/**
 * The database goes first and its log second: a log of the old one must never lie beside the new one, and whatever is missing in between,
 * opening refuses (a log without its database, or a restored one that is not in place).
 */
const putInPlace = async (path: string, atMs: EpochMs): Promise<string | null> => {
  const present = [path, `${path}-wal`, `${path}-shm`, markPath(path), damagePath(path)].filter((name) => existsSync(name));
  let keptFolder: string | null = null;
  if (present.length > 0) {
    const stamp = new Date(atMs).toISOString().replaceAll(/[-:.]/g, '');
    keptFolder = join(dirname(path), `replaced-${stamp}`);
    await mkdir(keptFolder, { mode: 0o700 });
    for (const name of present) await rename(name, join(keptFolder, basename(name)));
    await syncFolder(keptFolder);
  }
  await rename(restoredPath(path), path);
  await syncFolder(dirname(path));
  return keptFolder;
};
