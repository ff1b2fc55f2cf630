import type { Tables } from '../sql/tables.ts';
import type { Bound } from './bind.ts';
import type { Prepared, SqliteHandle } from './dialect.ts';

/** Writes rows, each an array in the order of the columns it was made for. */
export type Writer = (rows: readonly (readonly Bound[])[]) => void;

// Bound parameters of one statement; more per call gain nothing measurable (docs/store.md) and make the statement's text long.
const parametersMax = 400;

/**
 * A writer of many rows: full groups go by one multi-row statement, the rest row by row, both prepared once. Kysely is left out here alone:
 * building and compiling its tree for each group costs more than the insertion itself (docs/store.md).
 * @param conflict what to do when the key is there, as SQL from `on conflict`
 */
export const writerOf = <T extends keyof Tables & string>(
  handle: SqliteHandle,
  table: T,
  columns: readonly (keyof Tables[T] & string)[],
  conflict = '',
): Writer => {
  const groupSize = Math.max(1, Math.floor(parametersMax / columns.length));
  const prepare = (rowCount: number): Prepared => {
    const row = `(${columns.map(() => '?').join(', ')})`;
    const values = Array.from({ length: rowCount }, () => row).join(', ');
    return handle.prepare(`insert into ${table} (${columns.join(', ')}) values ${values} ${conflict}`);
  };
  const one = prepare(1);
  const group = prepare(groupSize);
  return (rows) => {
    let index = 0;
    for (; index + groupSize <= rows.length; index += groupSize) group.run(rows.slice(index, index + groupSize).flat());
    for (const row of rows.slice(index)) one.run(row);
  };
};
