import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { SqliteHandle } from './dialect.ts';
import { corruptStore } from './fault.ts';
import { writerOf } from './insert.ts';

/*
 * A write-ahead log that is missing, or has one bit turned, ends there for SQLite: the commits after it are gone without a word, although they
 * were acknowledged. So the number of the last commit also stands in a file beside the database, written after each commit. It is not synced:
 * it may be older than the database, never newer, and if it is, commits were lost. 16 bytes: "JWMARK01", the number as uint32 (4,000 million commits are 13 years of ten a second), crc32 of these.
 */
const magic = Buffer.from('JWMARK01', 'latin1');
const markBytes = 16;
const settingName = 'commits';

/** The file beside the database. */
export const markPath = (path: string): string => `${path}.mark`;

/** Counts commits inside their transactions, and outside when they are done. */
export interface CommitMark {
  /** To be called inside each transaction. @returns the commit's number */
  count(): number;
  /** To be called when it is committed. */
  committed(commitNumber: number): void;
  close(): void;
}

/**
 * Compares the file with the database and goes on counting.
 * @throws STORE_CORRUPT when the database lacks commits that were made
 */
export const openCommitMark = (handle: SqliteHandle): CommitMark => {
  const file = markPath(handle.path);
  const setting = handle.prepare('select * from setting where name = ?');
  const countOf = (): number => Number(setting.all([settingName])[0]?.['value'] ?? 0);
  const commitCount = countOf();
  const markedCount = readMark(file);
  if (markedCount !== null && markedCount > commitCount) {
    throw corruptStore(
      handle.path,
      `its last ${markedCount - commitCount} commits are missing: its write-ahead log is damaged or was left behind, or the file was put there by hand; whoever wants to go on without them removes ${file}`,
    );
  }
  const save = writerOf(handle, 'setting', ['name', 'value'], 'on conflict (name) do update set value = excluded.value');
  const descriptor = openMark(file, encodeMark(commitCount));
  return {
    count: () => {
      const commitNumber = countOf() + 1;
      save([[settingName, String(commitNumber)]]);
      return commitNumber;
    },
    committed: (commitNumber) => {
      // The commit stands, whatever happens here: a mark that is older claims nothing, and the next one is tried again.
      isDone(() => writeSync(descriptor, encodeMark(commitNumber), 0, markBytes, 0));
    },
    close: () => closeSync(descriptor),
  };
};

/** Written once at opening, so that later writes need no further room on the disk. */
const openMark = (file: string, mark: Uint8Array): number => {
  try {
    const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    writeSync(descriptor, mark, 0, markBytes, 0);
    return descriptor;
  } catch (cause) {
    throw new AppError('STORE_UNAVAILABLE', `store: ${file} cannot be written (${messageOf(cause)})`, { cause });
  }
};

const isDone = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

const encodeMark = (commitCount: number): Uint8Array => {
  const bytes = Buffer.alloc(markBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(commitCount, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
};

/** @returns null when there is none, or none that can be read: then nothing is known, and nothing is claimed */
const readMark = (file: string): number | null => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return null;
  }
  if (bytes.length !== markBytes || !bytes.subarray(0, 8).equals(magic)) return null;
  return bytes.readUInt32LE(12) === crc32(bytes.subarray(0, 12)) ? bytes.readUInt32LE(8) : null;
};
