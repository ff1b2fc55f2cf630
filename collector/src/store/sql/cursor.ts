import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { Page, PageRequest } from '../port.ts';

/** The sort key of the last item of a page. */
export type CursorKey = readonly (number | string)[];

/** A cursor says where the next page begins, by value and not by count: rows that come in meanwhile move nothing. */
export const encodeCursor = (key: CursorKey): string => Buffer.from(JSON.stringify(key)).toString('base64url');

/**
 * The key inside a cursor, null for the first page.
 * @param kinds type of each part
 * @throws REQUEST_INVALID when the text did not come from encodeCursor with such a key
 */
export const decodeCursor = (cursor: string | null, kinds: readonly ('number' | 'string')[]): CursorKey | null => {
  if (cursor === null) return null;
  const key = parse(cursor);
  const fits = Array.isArray(key) && key.length === kinds.length && kinds.every((kind, index) => typeof key[index] === kind);
  if (!fits) throw new AppError('REQUEST_INVALID', 'cursor: it is not one this list gave; begin again without a cursor');
  return key;
};

const parse = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null; // decodeCursor refuses it with the same words as a key of another list
  }
};

/** Rows one page may ask for, with one more that tells whether another page follows. */
export const rowsToRead = (page: PageRequest): number => pageItems(page) + 1;

const pageItems = (page: PageRequest): number => Math.min(Math.max(1, Math.trunc(page.limit)), limits.pageItemsMax);

/** Cuts what was read by `rowsToRead` into a page. */
export const pageOf = <Row, Item>(
  rows: readonly Row[],
  page: PageRequest,
  itemOf: (row: Row) => Item,
  keyOf: (row: Row) => CursorKey,
): Page<Item> => {
  const shown = rows.slice(0, pageItems(page));
  const last = shown.at(-1);
  return { items: shown.map(itemOf), next: rows.length > shown.length && last !== undefined ? encodeCursor(keyOf(last)) : null };
};
