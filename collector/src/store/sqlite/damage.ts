import { existsSync } from 'node:fs';
import { AppError } from '@jiwei/shared/errors.ts';
import type { Findings, StoreDamage } from '../port.ts';
import { openHandle, type SqliteHandle } from './dialect.ts';
import { corruptStore, oneLine } from './fault.ts';
import { applicationId, readPragma, schemaFault } from './migrate.ts';
import { migrations } from './migrations.ts';

/** Damaged rows of a table that are told one by one; a disk that fails hurts thousands, and the first ones say all. */
const listedPerTableMax = 5;
const busyMs = 5_000;
/** The quick one does not compare indexes with their tables. */
const structureCheck = 'integrity_check';

/**
 * Reads a database whole: its schema, the structure of every table, its indexes against it, and each row and text against its checksum. Another process may write to
 * it meanwhile; the write-ahead log is then not taken back while the structure is read.
 * @throws STORE_CORRUPT when it cannot even be opened, STORE_UNAVAILABLE, CONFIG_INVALID when there is none
 */
export const findDamage = (path: string): Findings => {
  if (!existsSync(path)) throw new AppError('CONFIG_INVALID', `there is no database ${path}; name its folder with --data`);
  const handle = openHandle(path, { busyMs, readOnly: true });
  try {
    handle.exec('pragma cell_size_check = on');
    if (readPragma(handle, 'application_id') !== applicationId) throw corruptStore(path, 'its header names another product');
    return findDamageIn(handle);
  } finally {
    handle.close();
  }
};

/** The same of a database that is open; it does nothing else meanwhile. */
export const findDamageIn = (handle: SqliteHandle): Findings => {
  const damages: StoreDamage[] = [];
  let [rows, misfits] = [0, 0];
  const schema = orDamage(() => schemaFault(handle, migrations));
  if (schema !== null) damages.push({ table: 'sqlite_schema', detail: schema, hidesRows: true });
  const tables = tablesOf(handle);
  // Of the whole file at once, with what belongs to no table: a page that is both free and in use would be written over.
  const whole = orDamage(() => structureFault(handle, '1'));
  for (const table of tables) {
    const structure = whole === null ? null : orDamage(() => structureFault(handle, `'${table}'`));
    const found: string[] = [];
    const unreadable = orDamage(() => {
      for (const misfit of misfitsOf(handle, table)) {
        rows += 1;
        if (misfit === null) continue;
        misfits += 1;
        if (found.length < listedPerTableMax) found.push(misfit);
      }
      return null;
    });
    const hidden = structure ?? unreadable;
    if (hidden !== null) damages.push({ table, detail: `${table}: ${hidden}`, hidesRows: true });
    for (const detail of found) damages.push({ table, detail, hidesRows: false });
  }
  if (whole !== null && !damages.some(({ hidesRows }) => hidesRows))
    damages.push({ table: 'file', detail: whole, hidesRows: true });
  return { tables: tables.length, rows, damages, misfits };
};

/**
 * The first thing that is wrong with a file, read as `findDamage` does: enough to know that nothing should be made of it.
 * @returns null when it is whole
 */
export const firstDamageIn = (handle: SqliteHandle): string | null =>
  orDamage(() => {
    if (readPragma(handle, 'application_id') !== applicationId) return 'its header names another product';
    // Of the whole file at once, with what belongs to no table.
    const fault = schemaFault(handle, migrations) ?? structureFault(handle, '1');
    if (fault !== null) return fault;
    for (const table of tablesOf(handle)) for (const misfit of misfitsOf(handle, table)) if (misfit !== null) return misfit;
    return null;
  });

/** Row by row: null, or what does not fit its checksum. */
const misfitsOf = (handle: SqliteHandle, table: string): Iterable<string | null> => handle.misfits(`select * from ${table}`);

const structureFault = (handle: SqliteHandle, argument: string): string | null => {
  const verdict = String(handle.prepare(`pragma ${structureCheck}(${argument})`).all([])[0]?.[structureCheck]);
  return verdict === 'ok' ? null : oneLine(verdict);
};

/** What the look found, or that it could not even be made. */
const orDamage = (look: () => string | null): string | null => {
  try {
    return look();
  } catch (thrown) {
    return damageText(thrown);
  }
};

/** @throws what is no damage of the content again */
const damageText = (thrown: unknown): string => {
  if (thrown instanceof AppError && thrown.code === 'STORE_CORRUPT' && thrown.cause instanceof Error) return thrown.cause.message;
  throw thrown;
};

/** Names of all tables of ours. */
export const tablesOf = (handle: SqliteHandle): readonly string[] =>
  handle
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'")
    .all([])
    .map((row) => String(row['name']));
