import type { Tables } from '../sql/tables.ts';
import type { Bound } from './bind.ts';
import type { SqliteHandle } from './dialect.ts';

/** Writes rows, each an array in the order of the columns it was made for. */
export type Writer = (rows: readonly (readonly Bound[])[]) => void;

/**
 * A writer of rows by one prepared statement. Measured (docs/store.md): building and compiling a query in kysely costs some 60 µs, against
 * 5 µs for a small row, so the hot path goes without it; and statements of many rows gain nothing here, as there is no network to save.
 * @param conflict what to do when the key is there, as SQL from `on conflict`; none makes it an error
 */
export const writerOf = <T extends keyof Tables & string>(
  handle: SqliteHandle,
  table: T,
  columns: readonly (keyof Tables[T] & string)[],
  conflict = '',
): Writer => {
  const places = columns.map(() => '?').join(', ');
  const insert = handle.prepare(`insert into ${table} (${columns.join(', ')}) values (${places}) ${conflict}`);
  return (rows) => {
    for (const row of rows) insert.run(row);
  };
};
