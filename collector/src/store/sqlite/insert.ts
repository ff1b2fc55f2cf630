import assert from 'node:assert/strict';
import { sumColumnOf, summedOf, sumOfValues } from '../sql/row-sum.ts';
import type { Tables } from '../sql/tables.ts';
import type { Bound } from './bind.ts';
import type { SqliteHandle } from './dialect.ts';

/** Writes rows, each an array in the order of the columns it was made for. */
export type Writer = (rows: readonly (readonly Bound[])[]) => void;

/**
 * A writer of rows by one prepared statement. Measured (docs/store.md): building and compiling a query in kysely costs some 60 µs, against
 * 5 µs for a small row, so the hot path goes without it; and statements of many rows gain nothing here, as there is no network to save.
 * Each row gets its checksum.
 * @param conflict what to do when the key is there, as SQL from `on conflict`, replacing all columns or none; nothing makes it an error
 */
export const writerOf = <T extends keyof Tables & string>(
  handle: SqliteHandle,
  table: T,
  columns: readonly (keyof Tables[T] & string)[],
  conflict = '',
): Writer => {
  const sumColumn = sumColumnOf(table);
  const places = columns.map(() => '?').join(', ');
  // A row that replaces another one whole brings its own checksum with it.
  const clause = conflict.replace('do update set ', `do update set ${sumColumn} = excluded.${sumColumn}, `);
  const insert = handle.prepare(`insert into ${table} (${columns.join(', ')}, ${sumColumn}) values (${places}, ?) ${clause}`);
  assert.deepEqual(columns, summedOf(table), `the columns of ${table} are written in the order of its checksum`);
  return (rows) => {
    for (const row of rows) insert.run([...row, sumOfValues(row)]);
  };
};
