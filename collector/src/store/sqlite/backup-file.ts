import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { z } from 'zod';

/*
 * A backup is one file, so that its parts cannot be separated:
 *
 *   the database, as SQLite keeps it      (so `sqlite3 FILE` can look into it)
 *   the manifest, JSON
 *   4 bytes  length of the manifest       (numbers are little-endian)
 *   4 bytes  crc32 of the manifest
 *   8 bytes  "JWBACKUP"
 */
const magic = Buffer.from('JWBACKUP', 'latin1');
const tailBytes = 16;
/** A manifest has some 300 bytes; a longer one was not written by us. */
const manifestBytesMax = 64 * 1024;
/** Read and hashed at once: large enough to keep a disk busy, small enough to hold. */
const chunkBytes = 1024 * 1024;

const manifestSchema = z.object({
  format: z.literal(1),
  /** Of the program that made it, for people. */
  version: z.string(),
  madeAtMs: z.int(),
  /** Stamp of the last commit in it: the state is of that instant. 0 when nothing was ever committed. */
  stateAtMs: z.int(),
  /** Steps of the schema its database took. */
  schemaVersion: z.int().min(1),
  databaseBytes: z.int().min(1),
  /** SHA-256 of the database's bytes, hex. */
  sha256: z.string().length(64),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

/** What is appended to the database. */
export const encodeManifest = (manifest: BackupManifest): Uint8Array => {
  const json = Buffer.from(JSON.stringify(manifest), 'utf8');
  const tail = Buffer.alloc(tailBytes);
  tail.writeUInt32LE(json.length, 0);
  tail.writeUInt32LE(crc32(json), 4);
  magic.copy(tail, 8);
  return Buffer.concat([json, tail]);
};

/** @throws BACKUP_INVALID saying what is wrong with the file; nothing was changed then */
export const readManifest = async (file: FileHandle, path: string): Promise<BackupManifest> => {
  const { size: fileBytes } = await file.stat();
  const tail = await readExactly(file, Math.max(0, fileBytes - tailBytes), Math.min(fileBytes, tailBytes));
  if (fileBytes < tailBytes || !tail.subarray(8).equals(magic)) throw invalid(path, await whyNoManifest(file));
  const jsonBytes = tail.readUInt32LE(0);
  if (jsonBytes > Math.min(manifestBytesMax, fileBytes - tailBytes)) throw invalid(path, 'its manifest is damaged');
  const json = await readExactly(file, fileBytes - tailBytes - jsonBytes, jsonBytes);
  if (crc32(json) !== tail.readUInt32LE(4)) throw invalid(path, 'the checksum of its manifest is wrong');
  const manifest = parseManifest(json, path);
  if (manifest.databaseBytes !== fileBytes - tailBytes - jsonBytes) {
    throw invalid(
      path,
      `it holds ${fileBytes - tailBytes - jsonBytes} bytes of database, its manifest says ${manifest.databaseBytes}`,
    );
  }
  return manifest;
};

/** The end is missing: of a backup, of a database that is none, or of anything else. */
const whyNoManifest = async (file: FileHandle): Promise<string> => {
  const { size: fileBytes } = await file.stat();
  if (fileBytes === 0) return 'it is empty';
  const head = await readExactly(file, 0, Math.min(fileBytes, 16));
  return head.toString('latin1').startsWith('SQLite format 3')
    ? 'it was cut off, or it is a plain copy of a database: its manifest with the checksum is missing at the end'
    : 'it is another kind of file';
};

const parseManifest = (json: Uint8Array, path: string): BackupManifest => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(json).toString('utf8'));
  } catch (cause) {
    throw invalid(path, 'its manifest is no JSON: it was not made by this product', cause);
  }
  const read = manifestSchema.safeParse(parsed);
  if (!read.success) throw invalid(path, 'its manifest is of a later version of the product; restore it with that version');
  return read.data;
};

/** BACKUP_INVALID about a file. */
export const invalid = (path: string, why: string, cause?: unknown): AppError =>
  new AppError('BACKUP_INVALID', `${path} cannot be restored: ${why}. Nothing was changed; choose another backup`, { cause });

/**
 * Reads the first `byteCount` bytes of a file and hands them on, in order.
 * @returns their SHA-256, hex
 */
export const digestOf = async (
  file: FileHandle,
  byteCount: number,
  onChunk: (bytes: Uint8Array) => Promise<void>,
): Promise<string> => {
  const hash = createHash('sha256');
  for (let offset = 0; offset < byteCount; ) {
    const bytes = await readExactly(file, offset, Math.min(chunkBytes, byteCount - offset));
    if (bytes.length === 0) break;
    hash.update(bytes);
    await onChunk(bytes);
    offset += bytes.length;
  }
  return hash.digest('hex');
};

/** Up to `byteCount` bytes from `offset`; fewer only at the end of the file. */
const readExactly = async (file: FileHandle, offset: number, byteCount: number): Promise<Buffer> => {
  const buffer = Buffer.alloc(byteCount);
  let filled = 0;
  while (filled < byteCount) {
    const { bytesRead } = await file.read(buffer, filled, byteCount - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

/** Makes names in a folder durable; Windows keeps them in its own journal and has no such call. */
export const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** What the system said about a file, as the product's error: a full disk, a folder that is not there, missing rights. */
export const fileFault = (thrown: unknown, path: string): unknown => {
  if (thrown instanceof AppError || !(thrown instanceof Error) || !('code' in thrown)) return thrown;
  const what = thrown.code === 'ENOSPC' ? 'there is no room left for it on its disk' : 'it cannot be written or read';
  return new AppError('STORE_UNAVAILABLE', `${path}: ${what} (${messageOf(thrown)})`, { cause: thrown });
};
