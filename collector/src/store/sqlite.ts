import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { Kysely } from 'kysely';
import type { Store } from './port.ts';
import { agentQueries } from './sql/agents.ts';
import { declaredQueries } from './sql/declared.ts';
import { frameQueries } from './sql/frames.ts';
import { historyQueries } from './sql/history.ts';
import { incidentQueries } from './sql/incidents.ts';
import { outboxQueries } from './sql/outbox.ts';
import { retainQueries } from './sql/retain.ts';
import type { Tables } from './sql/tables.ts';
import { batchWriterOf } from './sqlite/commit.ts';
import { findDamageIn } from './sqlite/damage.ts';
import type { SqliteHandle } from './sqlite/dialect.ts';
import { readPragma } from './sqlite/migrate.ts';
import { openFile, openMemory } from './sqlite/open.ts';
import { noteDamage, verifyApart } from './sqlite/verify.ts';

/** Where the embedded store lives. */
export interface SqliteStoreOptions {
  /** The database file (its folder is made), or ':memory:' for one that ends with the process. */
  readonly path: string;
  /** For the record of migrations; the machine's own by default. */
  readonly clock?: Clock;
  /** The file grows no further (limits.storeBytesDefault); a commit past it fails with STORE_UNAVAILABLE and changes nothing. */
  readonly bytesMax?: number;
}

/** The database of a collector with this data folder. */
export const databasePath = (dataFolder: string): string => join(resolve(dataFolder), 'jiwei.db');

/**
 * Opens the embedded store, making or migrating its file as needed. One process at a time.
 *
 * There is one connection, and kysely queues what uses it. A second one for readers was considered: node:sqlite is synchronous, so a long
 * read would hold the event loop all the same; instead every read is bounded or paged, and a commit is one stretch of work.
 * @throws STORE_CORRUPT naming file and restore commands; STORE_TOO_NEW; LOCKED; STORE_UNAVAILABLE
 */
export const openSqliteStore = async (options: SqliteStoreOptions): Promise<Store> => {
  const nowMs = (options.clock ?? systemClock).nowMs();
  const isMemory = options.path === ':memory:';
  const opened = isMemory ? openMemory(nowMs) : await openFile(options.path, nowMs, options.bytesMax ?? limits.storeBytesDefault);
  const db = new Kysely<Tables>({ dialect: opened.handle.dialect });
  const write = batchWriterOf(opened.handle);
  const { mark } = opened;
  let isClosed = false;
  return {
    // The transaction is kysely's, so that it waits its turn for the connection; inside it the prepared statements run in one stretch.
    commit: async (batch) => {
      const commitNumber = await db.transaction().execute(async () => {
        write(batch);
        return mark?.count() ?? 0;
      });
      mark?.committed(commitNumber);
    },
    ...frameQueries(db),
    ...historyQueries(db),
    ...incidentQueries(db),
    ...outboxQueries(db),
    ...agentQueries(db),
    ...declaredQueries(db),
    ...retainQueries(db),
    sizeBytes: async () => (isMemory ? pagesBytes(opened.handle) : fileBytes(options.path)),
    verify: async (signal) => {
      const findings = isMemory ? findDamageIn(opened.handle) : await verifyApart(options.path, signal);
      for (const { table, detail, hidesRows } of findings.damages) if (hidesRows) opened.handle.refuse(table, detail);
      if (!isMemory) await noteDamage(options.path, findings.damages);
      return findings;
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      // Waits for what is under way; whatever comes later is refused by kysely.
      await db.connection().execute(async () => undefined);
      await db.destroy();
      opened.close();
    },
  };
};

const pagesBytes = (handle: SqliteHandle): number => readPragma(handle, 'page_count') * readPragma(handle, 'page_size');

/** The database and its write-ahead log. */
const fileBytes = (path: string): number =>
  [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
