import { dirname } from 'node:path';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';

// Primary result codes, https://www.sqlite.org/rescode.html; the extended code holds the primary one in its low byte.
const busy = 5;
const locked = 6;
const readOnly = 8;
const ioError = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;

const unavailable: Readonly<Record<number, string>> = {
  [busy]: 'is held by another process',
  [locked]: 'is held by another process',
  [readOnly]: 'cannot be written: it or its folder is read-only',
  [ioError]: 'could not be read or written by the operating system',
  [full]: 'is full: the disk, or the bound set for the database',
  [cannotOpen]: 'cannot be opened: check that its folder exists and belongs to the service user',
};

/**
 * The operating error behind what the driver threw, or the thrown thing itself when it is a bug (a broken statement or constraint).
 * @param path the database file, for the message
 */
export const storeFault = (thrown: unknown, path: string): unknown => {
  const code = primaryCode(thrown);
  if (code === null) return thrown;
  if (code === corrupt || code === notADatabase) return corruptStore(path, messageOf(thrown), thrown);
  const what = unavailable[code];
  if (what === undefined) return thrown;
  return new AppError(
    'STORE_UNAVAILABLE',
    `store: ${path} ${what} (${messageOf(thrown)}); nothing of the last request was stored`,
    {
      cause: thrown,
    },
  );
};

/** Whether the driver said that somebody else holds the file. */
export const isBusy = (thrown: unknown): boolean => primaryCode(thrown) === busy;

/** Whether the driver said that there is no room. */
export const isFull = (thrown: unknown): boolean => primaryCode(thrown) === full;

/** Whether the driver said that the content is damaged, and not that reading or writing failed. */
export const isDamage = (thrown: unknown): boolean => [corrupt, notADatabase].includes(primaryCode(thrown) ?? -1);

/** SQLite tells some things in several lines; people are told in one. */
export const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ');

/** STORE_CORRUPT with what to do: it names the file and the commands that put a backup in its place. */
export const corruptStore = (path: string, detail: string, cause?: unknown): AppError =>
  new AppError(
    'STORE_CORRUPT',
    `store: ${path} is damaged or not a database of this product (${oneLine(detail)}). Nothing was changed. Stop the collector and restore ` +
      `the last backup, which keeps the present files beside it: ${restoreCommand(path)}`,
    { cause },
  );

/** What to type; BACKUP stands for the file that `collector backup` made. */
const restoreCommand = (path: string): string => `npm run collector -- restore BACKUP --data '${dirname(path)}'`;

const primaryCode = (thrown: unknown): number | null => {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return null;
  return thrown.errcode & 0xff;
};
