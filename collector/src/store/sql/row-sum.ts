import { crc32 } from 'node:zlib';
import type { Tables } from './tables.ts';

/**
 * Columns of each table in the order in which its checksum covers them: all but numbers the database gives itself. SQLite checks its structure
 * and not its content, so a bit that turned in a row would be a wrong figure and nothing else; with this it is an error.
 */
const summedColumns = {
  frame: ['agent_id', 'boot_id', 'seq', 'received_at_ms', 'first_at_ms', 'last_at_ms', 'clock_offset_ms', 'body'],
  frame_latest: ['agent_id', 'boot_id', 'seq', 'rows_ms_max'],
  dictionary: ['agent_id', 'boot_id', 'first_index', 'bytes'],
  result: [
    ...['check_id', 'agent_id', 'observed_at_ms', 'received_at_ms', 'outcome', 'reason', 'latency_ms', 'run_of_down'],
    ...['run_of_up', 'method', 'detail', 'values_json'],
  ],
  result_latest: ['check_id', 'agent_id', 'observed_at_ms'],
  gap: ['agent_id', 'received_at_ms', 'from_ms', 'to_ms', 'body_json'],
  inventory: ['agent_id', 'at_ms', 'body_json'],
  position: ['agent_id', 'boot_id', 'seq'],
  entity: ['entity', 'id', 'value_json'],
  span: ['subject_kind', 'subject_id', 'from_ms', 'to_ms', 'status', 'reason', 'attributed_to'],
  correction: ['subject_kind', 'subject_id', 'at_ms', 'from_ms', 'to_ms', 'before_json', 'after_json'],
  incident: [...['id', 'asset_id', 'unit_id', 'zone_id', 'severity', 'state', 'opened_at_ms', 'resolved_at_ms', 'incident_json']],
  timeline: ['incident_id', 'number', 'at_ms', 'recorded_at_ms', 'kind', 'actor', 'text'],
  outbox: [
    ...['id', 'route_id', 'incident_id', 'notice', 'incident_json', 'created_at_ms', 'state', 'tries', 'next_try_at_ms'],
    ...['last_error', 'finished_at_ms', 'may_have_arrived'],
  ],
  agent: ['id', 'public_key', 'record_json'],
  join_token: [
    'hash',
    'zone_id',
    'labels_json',
    'uses_left',
    'expires_at_ms',
    'created_at_ms',
    'needs_approval',
    'revoked_at_ms',
  ],
  declaration: ['version', 'applied_at_ms', 'applied_by', 'source', 'text_sum'],
  maintenance: ['id', 'from_ms', 'window_json'],
  setting: ['name', 'value'],
} as const satisfies { readonly [T in keyof Tables]: readonly string[] };

/**
 * Columns that name a row to people, in a log or at a terminal. None that holds a secret, a hash or a document, whose text must be nowhere but in
 * the file: a join token is known by its hash, so it is named by the instant at which it was made.
 */
const namingColumns = {
  frame: ['agent_id', 'boot_id', 'seq'],
  frame_latest: ['agent_id'],
  dictionary: ['agent_id', 'boot_id', 'first_index'],
  result: ['check_id', 'agent_id', 'observed_at_ms'],
  result_latest: ['check_id', 'agent_id'],
  gap: ['agent_id', 'received_at_ms', 'from_ms'],
  inventory: ['agent_id'],
  position: ['agent_id'],
  entity: ['entity', 'id'],
  span: ['subject_kind', 'subject_id', 'from_ms'],
  correction: ['subject_kind', 'subject_id', 'at_ms'],
  incident: ['id'],
  timeline: ['incident_id', 'number'],
  outbox: ['id'],
  agent: ['id'],
  join_token: ['created_at_ms'],
  declaration: ['version'],
  maintenance: ['id'],
  setting: ['name'],
} as const satisfies { readonly [T in keyof Tables]: readonly (keyof Tables[T])[] };

/** Every table has its checksum in a column of this name, so that a row tells by itself which table it is of. */
export const sumColumnOf = (table: string): string => `${table}_sum`;

/** What a checksum column tells of its row. */
export interface Summed {
  readonly sumColumn: string;
  /** Those it covers, in their order. */
  readonly columns: readonly string[];
  readonly namingColumns: readonly string[];
}

const summedBySumColumn = new Map<string, Summed>(
  Object.entries(summedColumns).map(([table, columns]) => {
    const sumColumn = sumColumnOf(table);
    // The keys of both are those of `Tables`, which Object.entries forgets.
    return [sumColumn, { sumColumn, columns, namingColumns: namingColumns[table as keyof Tables] }];
  }),
);

/** null when the column is no checksum. */
export const summedBy = (column: string): Summed | null => summedBySumColumn.get(column) ?? null;

/**
 * The secrets and hashes of the database have 43 characters and more. Where a turned bit made one table read another's page, any of them may stand in
 * any column; a text of that length is therefore never shown.
 */
const shownCharactersMax = 32;

/** `name http.pushSecret`: what to call a row that does not fit its checksum. */
export const nameOfRow = ({ namingColumns: columns }: Summed, read: (column: string) => unknown): string =>
  columns
    .map((column) => {
      const text = String(read(column));
      return `${column} ${text.length > shownCharactersMax ? `of ${text.length} characters` : text}`;
    })
    .join(', ');

/** Columns of a table its checksum covers, in their order. */
export const summedOf = (table: keyof Tables): readonly string[] => summedColumns[table];

/** Columns that came when there were checksums already. */
const laterColumns: ReadonlySet<string> = new Set(['may_have_arrived']);

/**
 * CRC-32 of a row that is whole. A later column that holds nothing adds nothing, so that rows from before it fit the checksum they have.
 * @param columns those the checksum covers, in their order
 */
export const sumOfRow = (columns: readonly string[], read: (column: string) => unknown): number => {
  const values: unknown[] = [];
  for (const column of columns) {
    const value = read(column) ?? null;
    if (value !== null || !laterColumns.has(column)) values.push(value);
  }
  return sumOfValues(values);
};

/** CRC-32 over the values of one row, in the order of `summedOf`; none of a later column may be null. */
export const sumOfValues = (values: readonly unknown[]): number => {
  let sum = 0;
  let text = '';
  for (const value of values) {
    if (value instanceof Uint8Array) sum = crc32(value, sum);
    else text += value === null ? '\u0001' : `${value}\u0000`;
  }
  return crc32(text, sum);
};

/**
 * Compares the text of a declaration with its checksum. It has one of its own, so that lists of versions need not read the texts.
 * @returns what to say when it does not fit, else null; null too for a row without one: of another table, or from before there were checksums
 */
export const textMisfit = (row: {
  readonly version?: unknown;
  readonly text?: unknown;
  readonly text_sum?: unknown;
}): string | null => {
  const sum = row.text_sum ?? null;
  if (sum === null || sum === sumOfValues([row.text])) return null;
  return `the text of declaration version ${row.version} does not fit its checksum`;
};

/** The row with its checksum, for what is written through kysely. */
export const withSum = <T extends keyof Tables, Row extends object>(table: T, row: Row): Row & { [K in `${T}_sum`]: number } => {
  const values = new Map<string, unknown>(Object.entries(row));
  // The key is that of the table by construction; TypeScript cannot follow a computed one.
  return { ...row, [sumColumnOf(table)]: sumOfRow(summedOf(table), (column) => values.get(column)) } as never;
};
