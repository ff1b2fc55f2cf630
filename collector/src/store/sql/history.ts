import type { CheckId } from '@jiwei/shared/ids.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Subject } from '../../engine/effect.ts';
import type { Correction, PageRequest, RecordedSpan, Store, StoredResult } from '../port.ts';
import { storedNumbers, storedSpans } from '../shapes.ts';
import { decodeCursor, pageOf, rowsToRead } from './cursor.ts';
import { fromJson } from './json.ts';
import { openEndMs, type Tables } from './tables.ts';

type HistoryQueries = Pick<Store, 'spansSince' | 'spans' | 'corrections' | 'results' | 'latestResults'>;

/** Spans, corrections and results: the evidence of every figure. */
export const historyQueries = (db: Kysely<Tables>): HistoryQueries => ({
  spansSince: async (fromMs: EpochMs) => {
    const rows = await db
      .selectFrom('span')
      .selectAll()
      .where('to_ms', '>', fromMs)
      .orderBy('subject_kind')
      .orderBy('subject_id')
      .orderBy('from_ms')
      .execute();
    return rows.map(recordedSpanOf);
  },

  spans: async (subjects: readonly Subject[], range: TimeRange) => {
    const found: RecordedSpan[] = [];
    // One index range per subject: spans of a subject follow each other without holes, so those that touch the range begin with the last
    // one that began at or before it.
    for (const subject of inOrder(subjects)) found.push(...(await spansOf(db, subject, range)));
    return found;
  },

  corrections: async (subject: Subject | null, page: PageRequest) => {
    const key = decodeCursor(page.cursor, ['number']);
    let query = db.selectFrom('correction').selectAll();
    if (subject !== null) query = query.where('subject_kind', '=', subject.kind).where('subject_id', '=', subject.id);
    if (key !== null) query = query.where('id', '<', Number(key[0]));
    const rows = await query.orderBy('id', 'desc').limit(rowsToRead(page)).execute();
    return pageOf(rows, page, correctionOf, (row) => [row.id]);
  },

  results: async (checkId: CheckId, range: TimeRange, page: PageRequest) => {
    const key = decodeCursor(page.cursor, ['number', 'number']);
    let query = db
      .selectFrom('result')
      .selectAll()
      .where('check_id', '=', checkId)
      .where('observed_at_ms', '>=', range.fromMs)
      .where('observed_at_ms', '<', range.toMs);
    if (key !== null) query = query.where(sql<boolean>`(observed_at_ms, id) < (${key[0]}, ${key[1]})`);
    const rows = await query.orderBy('observed_at_ms', 'desc').orderBy('id', 'desc').limit(rowsToRead(page)).execute();
    return pageOf(rows, page, resultOf, (row) => [row.observed_at_ms, row.id]);
  },

  latestResults: async () => {
    // The join reads two of its columns only; here they are compared with their checksums.
    await db.selectFrom('result_latest').selectAll().execute();
    const rows = await db
      .selectFrom('result_latest as latest')
      .innerJoin('result', (join) =>
        join
          .onRef('result.check_id', '=', 'latest.check_id')
          .onRef('result.agent_id', '=', 'latest.agent_id')
          .onRef('result.observed_at_ms', '=', 'latest.observed_at_ms'),
      )
      .selectAll('result')
      .orderBy('result.check_id')
      .orderBy('result.agent_id')
      .orderBy('result.id')
      .execute();
    // Two answers of one agent in the same millisecond: the one that came last.
    return [...new Map(rows.map((row) => [`${row.check_id}@${row.agent_id}`, resultOf(row)])).values()];
  },
});

const inOrder = (subjects: readonly Subject[]): readonly Subject[] => {
  const byKey = new Map(subjects.map((subject) => [`${subject.kind} ${subject.id}`, subject]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subject]) => subject);
};

const spansOf = async (db: Kysely<Tables>, subject: Subject, range: TimeRange): Promise<readonly RecordedSpan[]> => {
  const rows = await db
    .selectFrom('span')
    .selectAll()
    .where('subject_kind', '=', subject.kind)
    .where('subject_id', '=', subject.id)
    .where('from_ms', '<', range.toMs)
    .where('to_ms', '>', range.fromMs)
    .where('from_ms', '>=', ({ fn, selectFrom, val }) =>
      selectFrom('span as earlier')
        .select(({ fn: inner }) => fn.coalesce(inner.max('earlier.from_ms'), val(Number.MIN_SAFE_INTEGER)).as('from_ms'))
        .where('earlier.subject_kind', '=', subject.kind)
        .where('earlier.subject_id', '=', subject.id)
        .where('earlier.from_ms', '<=', range.fromMs),
    )
    .orderBy('from_ms')
    .execute();
  return rows.map(recordedSpanOf);
};

const recordedSpanOf = (row: Selectable<Tables['span']>): RecordedSpan => ({
  subject: subjectOf(row),
  fromMs: row.from_ms,
  toMs: row.to_ms === openEndMs ? null : row.to_ms,
  status: row.status,
  reason: row.reason,
  attributedTo: row.attributed_to,
});

// The two columns were written from one Subject, so they belong together.
const subjectOf = (row: { readonly subject_kind: Subject['kind']; readonly subject_id: string }): Subject =>
  ({ kind: row.subject_kind, id: row.subject_id }) as Subject;

const correctionOf = (row: Selectable<Tables['correction']>): Correction => ({
  subject: subjectOf(row),
  atMs: row.at_ms,
  range: { fromMs: row.from_ms, toMs: row.to_ms },
  before: fromJson(row.before_json, storedSpans, `correction ${row.id}`),
  after: fromJson(row.after_json, storedSpans, `correction ${row.id}`),
});

const resultOf = (row: Selectable<Tables['result']>): StoredResult => ({
  checkId: row.check_id,
  agentId: row.agent_id,
  observedAtMs: row.observed_at_ms,
  receivedAtMs: row.received_at_ms,
  outcome: row.outcome,
  reason: row.reason,
  latencyMs: row.latency_ms,
  run: { ofDown: row.run_of_down, ofUp: row.run_of_up },
  ...(row.method === null ? {} : { method: row.method }),
  ...(row.detail === null ? {} : { detail: row.detail }),
  ...(row.values_json === null ? {} : { values: fromJson(row.values_json, storedNumbers, `result of ${row.check_id}`) }),
});
