import { AppError } from '@jiwei/shared/errors.ts';
import type { Page, PageRequest } from '../store/port.ts';

const decode = (cursor: string): string => {
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(key, 'utf8').toString('base64url') !== cursor) {
    throw new AppError('REQUEST_INVALID', 'cursor is not one that was given out; begin again without it');
  }
  return key;
};

/**
 * One page of a list held in memory, ascending by key. The cursor is the last key given out, so that items which come or go between two
 * pages neither repeat nor hide another.
 * @param keyOf unique text of an item
 * @throws REQUEST_INVALID for a cursor that we did not make
 */
export const pageOfItems = <Item>(items: Iterable<Item>, keyOf: (item: Item) => string, request: PageRequest): Page<Item> => {
  const after = request.cursor === null ? null : decode(request.cursor);
  const keyed = Array.from(items, (item) => ({ key: keyOf(item), item }))
    .filter(({ key }) => after === null || key > after)
    .sort((left, right) => (left.key < right.key ? -1 : 1));
  const page = keyed.slice(0, request.limit);
  const last = page.at(-1);
  const hasMore = keyed.length > page.length && last !== undefined;
  return { items: page.map(({ item }) => item), next: hasMore ? Buffer.from(last.key, 'utf8').toString('base64url') : null };
};

/** The page request of a query with pageQuery. */
export const pageRequestOf = (query: { readonly limit: number; readonly cursor?: string }): PageRequest => ({
  limit: query.limit,
  cursor: query.cursor ?? null,
});
