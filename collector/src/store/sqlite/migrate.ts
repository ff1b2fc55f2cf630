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
  const taken = takenSteps(handle, steps);
  if (taken.length > steps.length) {
    throw new AppError(
      'STORE_TOO_NEW',
      `store: ${handle.path} has schema version ${taken.length}; this program knows up to ${steps.length}. ` +
        'Run the version that wrote it, or restore a backup of before the upgrade',
    );
  }
  for (const [index, checksum] of taken.entries()) {
    const step = steps[index];
    if (step !== undefined && checksumOf(step) !== checksum) {
      throw corruptStore(handle.path, `schema step ${step.number} "${step.name}" is not the one this program has`);
    }
  }
  for (const step of steps.slice(taken.length)) take(handle, step, nowMs);
};

/** Checksums of the steps the file took, in order; none for a new one. */
const takenSteps = (handle: SqliteHandle, steps: readonly Migration[]): readonly string[] => {
  const version = readPragma(handle, 'user_version');
  if (version === 0 && readPragma(handle, 'schema_version') === 0) return [];
  if (readPragma(handle, 'application_id') !== applicationId) throw corruptStore(handle.path, 'its header names another product');
  if (version <= steps.length) checkSchema(handle, steps.slice(0, version));
  const rows = handle.prepare('select checksum from migration order by number').all([]);
  if (rows.length !== version)
    throw corruptStore(handle.path, `it records ${rows.length} schema steps but its header says ${version}`);
  return rows.map((row) => String(row['checksum']));
};

/** The file's tables are those the steps make, to the letter: a letter that turned in their text would change what they mean. */
const checkSchema = (handle: SqliteHandle, steps: readonly Migration[]): void => {
  const model = openHandle(':memory:', { busyMs: 0 });
  try {
    for (const step of steps) take(model, step, 0);
    const [found, wanted] = [schemaOf(handle), schemaOf(model)];
    const wrong = wanted.find((text) => !found.includes(text)) ?? found.find((text) => !wanted.includes(text));
    if (wrong !== undefined) throw corruptStore(handle.path, `its schema is not that of its version, at ${wrong.slice(0, 80)}`);
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
