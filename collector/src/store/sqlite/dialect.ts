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
import { nameOfRow, type Summed, sumColumnOf, summedBy, sumOfRow, textMisfit } from '../sql/row-sum.ts';
import { assertBound, type Bound } from './bind.ts';
import { corruptStore, isDamage, storeFault } from './fault.ts';

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
  /** Row by row, whatever it is: null for each that fits its checksum or has none, else what does not fit. For looking, not for figures. */
  misfits(sql: string): Iterable<string | null>;
  /** From now on every answer with rows of the table is refused, as some of them may not be found. */
  refuse(table: string, detail: string): void;
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
  const trust: Trust = { path, refusedBySumColumn: new Map() };
  const prepare = (sql: string): Prepared => {
    const statement = guard(() => database.prepare(sql));
    return {
      run: (values) => guard(() => Number(statement.run(...assertBound(values, sql)).changes)),
      all: (values) => guard(() => verify(statement, statement.all(...assertBound(values, sql)), trust)),
    };
  };
  const connection = connectionOf((query) => guard(() => execute(statementOf(query.sql), query, trust)));
  const exec = (sql: string): void => guard(() => database.exec(sql));
  return {
    path,
    exec,
    prepare,
    misfits: (sql) => misfitsOf(() => guard(() => database.prepare(sql)), guard),
    refuse: (table, detail) => void trust.refusedBySumColumn.set(sumColumnOf(table), detail),
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

/** Found once per statement: asking a statement for its columns costs more than reading a row. */
const summedByStatement = new WeakMap<StatementSync, Summed | null>();
const summedColumnsOf = (statement: StatementSync): Summed | null => {
  const known = summedByStatement.get(statement);
  if (known !== undefined) return known;
  const sumColumn = statement.columns().find(({ name }) => summedBy(name) !== null)?.name;
  const summed = sumColumn === undefined ? null : summedBy(sumColumn);
  summedByStatement.set(statement, summed);
  return summed;
};

/** What is known of the file's content. */
interface Trust {
  readonly path: string;
  /** Why answers with rows of a table, known by its checksum column, are refused. */
  readonly refusedBySumColumn: Map<string, string>;
}

/**
 * Compares each row with its checksum, when it was read whole.
 * @throws STORE_CORRUPT naming the row: nothing is ever computed from it
 */
const verify = <Row extends Record<string, unknown>>(statement: StatementSync, rows: Row[], trust: Trust): Row[] => {
  const { path, refusedBySumColumn } = trust;
  if (rows.length === 0 && refusedBySumColumn.size === 0) return rows;
  const summed = summedColumnsOf(statement);
  if (summed === null) return rows;
  const refused = refusedBySumColumn.get(summed.sumColumn);
  if (refused !== undefined) throw corruptStore(path, refused);
  for (const row of rows) {
    const misfit = misfitOf(summed, row);
    if (misfit !== null) throw corruptStore(path, misfit);
  }
  return rows;
};

const misfitOf = (summed: Summed, row: Record<string, unknown>): string | null => {
  const { sumColumn, columns } = summed;
  const sum = row[sumColumn];
  if (sum === null || sum === sumOfRow(columns, (column) => row[column])) return null;
  return `the row with ${nameOfRow(summed, (column) => row[column])} does not fit its ${sumColumn}`;
};

function* misfitsOf(prepare: () => StatementSync, guard: <T>(work: () => T) => T): Generator<string | null> {
  const statement = prepare();
  const summed = summedColumnsOf(statement);
  const rows = guard(() => statement.iterate());
  for (let next = guard(() => rows.next()); next.done !== true; next = guard(() => rows.next()))
    yield summed === null ? null : (misfitOf(summed, next.value) ?? textMisfit(next.value));
}

const execute = (statement: StatementSync, query: CompiledQuery, trust: Trust): QueryResult<unknown> => {
  const values = assertBound(query.parameters, query.sql);
  // Only a statement that gives rows has columns (select, returning, pragma).
  if (statement.columns().length > 0) return { rows: verify(statement, statement.all(...values), trust) };
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
