import assert from 'node:assert/strict';
import { AppError } from '@jiwei/shared/errors.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { openHandle, type SqliteHandle } from './dialect.ts';
import { corruptStore } from './fault.ts';
import { checksumOf, type Migration } from './migrations.ts';

/** Marks the file as ours in its header ("JIWE"); `file` and other tools show it. */
export const applicationId = 0x4a_49_57_45;

/**
 * Brings the schema up to the last of `steps`, each step in one transaction with its record, so that a crash leaves the schema between two
 * steps and never inside one.
 * @throws STORE_TOO_NEW when the file took steps this program does not know; STORE_CORRUPT when it is another product's file or a step it
 *   took is not the one this program has
 */
export const migrate = (handle: SqliteHandle, steps: readonly Migration[], nowMs: EpochMs): void => {
  for (const [index, step] of steps.entries())
    assert.equal(step.number, index + 1, 'migrations are numbered from 1 without gaps');
  const fault = schemaFault(handle, steps);
  if (fault !== null) throw corruptStore(handle.path, fault);
  const takenCount = readPragma(handle, 'user_version');
  if (takenCount > steps.length) {
    throw new AppError(
      'STORE_TOO_NEW',
      `store: ${handle.path} has schema version ${takenCount}; this program knows up to ${steps.length}. ` +
        'Run the version that wrote it, or restore a backup of before the upgrade',
    );
  }
  for (const step of steps.slice(takenCount)) take(handle, step, nowMs);
};

/**
 * Whether the file is ours and has the schema of its version, made by the steps this program has.
 * @returns what is wrong, or null; null too for an empty database
 */
export const schemaFault = (handle: SqliteHandle, steps: readonly Migration[]): string | null => {
  const version = readPragma(handle, 'user_version');
  if (version === 0 && readPragma(handle, 'schema_version') === 0) return null;
  if (readPragma(handle, 'application_id') !== applicationId) return 'its header names another product';
  const tablesFault = version <= steps.length ? wrongTable(handle, steps.slice(0, version)) : null;
  if (tablesFault !== null) return tablesFault;
  const rows = handle.prepare('select checksum from migration order by number').all([]);
  if (rows.length !== version) return `it records ${rows.length} schema steps but its header says ${version}`;
  const other = steps.find((step, index) => index < version && checksumOf(step) !== rows[index]?.['checksum']);
  return other === undefined ? null : `schema step ${other.number} "${other.name}" is not the one this program has`;
};

/** The file's tables are those the steps make, to the letter: a letter that turned in their text would change what they mean. */
const wrongTable = (handle: SqliteHandle, steps: readonly Migration[]): string | null => {
  const model = openHandle(':memory:', { busyMs: 0 });
  try {
    for (const step of steps) take(model, step, 0);
    const [found, wanted] = [schemaOf(handle), schemaOf(model)];
    const wrong = wanted.find((text) => !found.includes(text)) ?? found.find((text) => !wanted.includes(text));
    return wrong === undefined ? null : `its schema is not that of its version, at ${wrong.slice(0, 80)}`;
  } finally {
    model.close();
  }
};

/** Tables and indexes as they were made; statistics that SQLite or a person added are nobody's figures. */
const schemaOf = (handle: SqliteHandle): readonly string[] =>
  handle
    .prepare(
      "select type || ' ' || name || ' on ' || tbl_name || ': ' || coalesce(sql, '') as text from sqlite_schema where name not like 'sqlite_stat%'",
    )
    .all([])
    .map((row) => String(row['text']));

const take = (handle: SqliteHandle, step: Migration, nowMs: EpochMs): void => {
  handle.exec('begin immediate');
  try {
    if (step.number === 1) {
      handle.exec(`pragma application_id = ${applicationId};
        create table migration (number integer primary key, name text not null, checksum text not null, taken_at_ms integer not null) strict`);
    }
    handle.exec(step.sql);
    handle
      .prepare('insert into migration (number, name, checksum, taken_at_ms) values (?, ?, ?, ?)')
      .run([step.number, step.name, checksumOf(step), nowMs]);
    handle.exec(`pragma user_version = ${step.number}; commit`);
  } catch (thrown) {
    handle.exec('rollback');
    throw thrown;
  }
};

/** An integer pragma. */
export const readPragma = (
  handle: SqliteHandle,
  name: 'application_id' | 'user_version' | 'schema_version' | 'page_count' | 'page_size',
): number => Number(handle.prepare(`pragma ${name}`).all([])[0]?.[name]);
