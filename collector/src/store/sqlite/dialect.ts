import { backup, DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { assertBound, type Bound } from './bind.ts';
import { isDamage, storeFault } from './fault.ts';

/** A statement the hot path keeps: parsed once, run many times. */
export interface Prepared {
  /** @returns rows changed */
  run(values: readonly Bound[]): number;
  all(values: readonly Bound[]): readonly Record<string, unknown>[];
}

/** An open database: kysely's view of it, and what kysely has no words for. Every method throws storeFault's errors. */
export interface SqliteHandle {
  readonly path: string;
  readonly dialect: Dialect;
  exec(sql: string): void;
  prepare(sql: string): Prepared;
  /** Copies all pages into another file, which may exist and be empty. */
  copyTo(path: string): Promise<void>;
  close(): void;
}

// Statements differ by the length of their IN lists and by filters; past the bound the oldest is parsed again when it comes back.
const statementsMax = 256;
/** Pages copied at once in the thread pool: 4 MiB. */
const pagesPerStep = 1_000;

/**
 * Opens a file, or ':memory:'. This is the only file that knows node:sqlite.
 * @param busyMs how long to wait for another process's lock
 */
export const openHandle = (path: string, options: { readonly busyMs: number; readonly readOnly?: boolean }): SqliteHandle => {
  const guard = <T>(work: () => T): T => {
    try {
      return work();
    } catch (thrown) {
      throw storeFault(thrown, path);
    }
  };
  const database = guard(
    () =>
      new DatabaseSync(path, {
        timeout: options.busyMs,
        enableForeignKeyConstraints: true,
        readOnly: options.readOnly ?? false,
        defensive: true,
      }),
  );
  const statements = new Map<string, StatementSync>();
  const statementOf = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const oldest = statements.keys().next();
    if (statements.size >= statementsMax && !oldest.done) statements.delete(oldest.value);
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const prepare = (sql: string): Prepared => {
    const statement = guard(() => database.prepare(sql));
    return {
      run: (values) => guard(() => Number(statement.run(...assertBound(values, sql)).changes)),
      all: (values) => guard(() => statement.all(...assertBound(values, sql))),
    };
  };
  const connection = connectionOf((query) => guard(() => execute(statementOf(query.sql), query)));
  const exec = (sql: string): void => guard(() => database.exec(sql));
  return {
    path,
    exec,
    prepare,
    copyTo: async (target) => {
      try {
        await backup(database, target, { rate: pagesPerStep });
      } catch (thrown) {
        throw storeFault(thrown, isDamage(thrown) ? path : target);
      }
    },
    close: () => {
      statements.clear();
      if (database.isOpen) guard(() => database.close());
    },
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createDriver: () => ({
        init: async () => undefined,
        acquireConnection: async () => connection,
        releaseConnection: async () => undefined,
        // IMMEDIATE takes the write lock at once: a transaction that reads first can then not fail at its first write.
        beginTransaction: async () => exec('begin immediate'),
        commitTransaction: async () => exec('commit'),
        // SQLite has already rolled back after a full disk or a read error; asking again would hide that error behind another.
        rollbackTransaction: async () => (database.isTransaction ? exec('rollback') : undefined),
        destroy: async () => undefined,
      }),
    },
  };
};

const execute = (statement: StatementSync, query: CompiledQuery): QueryResult<unknown> => {
  const values = assertBound(query.parameters, query.sql);
  // Only a statement that gives rows has columns (select, returning, pragma).
  if (statement.columns().length > 0) return { rows: statement.all(...values) };
  const { changes } = statement.run(...values);
  return { rows: [], numAffectedRows: BigInt(changes) };
};

const connectionOf = (run: (query: CompiledQuery) => QueryResult<unknown>): DatabaseConnection => ({
  // Rows are typed by kysely from the schema in sql/tables.ts, which the migrations must agree with; the contract suite shows that they do.
  executeQuery: async <R>(query: CompiledQuery) => run(query) as QueryResult<R>,
  // A stream would hold the one connection open between chunks, with the event loop free to write in between; lists are paged instead.
  streamQuery: () => {
    throw new Error('this dialect offers no streams; read pages');
  },
});
