import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import { fromJson } from '../sql/json.ts';
import { type BackupManifest, digestOf, encodeManifest, fileFault, syncFolder } from './backup-file.ts';
import { firstDamageIn } from './damage.ts';
import { openHandle, type SqliteHandle } from './dialect.ts';
import { corruptStore } from './fault.ts';
import { applicationId, readPragma } from './migrate.ts';

const busyMs = 5_000;

/**
 * Copies the database of a collector, running or not, into one file: the state of one instant, checked whole, with a checksum.
 * It is another process than the collector's, so nobody waits for it: in the write-ahead log a reader does not hold up the writer; the log
 * only cannot be taken back before the copy is made.
 * @param path the database
 * @param target must not exist
 * @throws STORE_UNAVAILABLE, STORE_CORRUPT (a damaged database gives no backup), CONFLICT, CONFIG_INVALID; the target is then not there
 */
export const makeBackup = async (
  path: string,
  target: string,
  made: { readonly atMs: EpochMs; readonly version: string },
): Promise<BackupManifest> => {
  if (!existsSync(path)) throw new AppError('CONFIG_INVALID', `there is no database ${path}; name its folder with --data`);
  if (existsSync(target)) throw new AppError('CONFLICT', `${target} is there already; name another file`);
  const draft = `${target}.part`;
  try {
    await rm(draft, { force: true });
    // Made here, so that nobody else can read it: it holds hashes of tokens and the map of the network.
    await (await open(draft, 'wx', 0o600)).close();
    await copyDatabase(path, draft);
    const facts = checkCopy(path, draft);
    const manifest = await seal(draft, { format: 1, version: made.version, madeAtMs: made.atMs, ...facts });
    await rename(draft, target);
    await syncFolder(dirname(target));
    return manifest;
  } catch (thrown) {
    for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(draft + suffix, { force: true });
    throw fileFault(thrown, target);
  }
};

const copyDatabase = async (path: string, draft: string): Promise<void> => {
  const source = openHandle(path, { busyMs, readOnly: true });
  try {
    // One snapshot for the whole copy: without it every commit of the collector would make the copy begin anew.
    source.exec('begin');
    if (readPragma(source, 'application_id') !== applicationId) throw corruptStore(path, 'its header names another product');
    await source.copyTo(draft);
    source.exec('rollback');
  } finally {
    source.close();
  }
};

const stampSchema = z.object({ lastAtMs: z.int() });

/** Reads all of the copy, every row of it, so that a database that was damaged unnoticed is found while an older backup is still there. */
const checkCopy = (path: string, draft: string): Pick<BackupManifest, 'schemaVersion' | 'stateAtMs'> => {
  const copy = openHandle(draft, { busyMs });
  try {
    // Without this the file would need two others beside it just to be looked at.
    copy.exec('pragma journal_mode = delete');
    const damage = firstDamageIn(copy);
    if (damage !== null) throw corruptStore(path, damage);
    return { schemaVersion: readPragma(copy, 'user_version'), stateAtMs: stateAtMs(copy) };
  } finally {
    copy.close();
  }
};

const stateAtMs = (copy: SqliteHandle): EpochMs => {
  const [row] = copy.prepare("select value_json from entity where entity = 'writer' and id = 'clock'").all([]);
  return row === undefined ? 0 : fromJson(String(row['value_json']), stampSchema, 'writer clock').lastAtMs;
};

/** Appends the manifest and makes the file durable. */
const seal = async (draft: string, facts: Omit<BackupManifest, 'databaseBytes' | 'sha256'>): Promise<BackupManifest> => {
  const file = await open(draft, 'r+');
  try {
    const { size: fileBytes } = await file.stat();
    const manifest = { ...facts, databaseBytes: fileBytes, sha256: await digestOf(file, fileBytes, async () => undefined) };
    const end = encodeManifest(manifest);
    await file.write(end, 0, end.length, fileBytes);
    await file.sync();
    return manifest;
  } finally {
    await file.close();
  }
};
