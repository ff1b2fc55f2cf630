import assert from 'node:assert/strict';
import type { AssetId } from '@jiwei/shared/ids.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Status } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Span, SpanPatch } from '../../engine/effect.ts';
import { differenceOf, joinEqual } from '../span-log.ts';
import { toJson } from '../sql/json.ts';
import { sumOfValues } from '../sql/row-sum.ts';
import { openEndMs } from '../sql/tables.ts';
import type { SqliteHandle } from './dialect.ts';
import { writerOf } from './insert.ts';

/** Applies span patches, one after the other, inside the transaction that is open. */
export type SpanWriter = (patches: readonly SpanPatch[], atMs: EpochMs) => void;

const ofSubject = 'subject_kind = ? and subject_id = ?';

/** Statements are prepared once; a live change (nothing recorded at or after it) takes three of them. */
export const spanWriterOf = (handle: SqliteHandle): SpanWriter => {
  const covering = handle.prepare(`select * from span where ${ofSubject} and from_ms < ? order by from_ms desc limit 1`);
  const following = handle.prepare(`select * from span where ${ofSubject} and from_ms >= ? order by from_ms`);
  const remove = handle.prepare(`delete from span where ${ofSubject} and from_ms >= ?`);
  const end = handle.prepare(`update span set to_ms = ?, span_sum = ? where ${ofSubject} and from_ms = ?`);
  const insert = writerOf(handle, 'span', [
    'subject_kind',
    'subject_id',
    'from_ms',
    'to_ms',
    'status',
    'reason',
    'attributed_to',
  ]);
  const correct = writerOf(handle, 'correction', [
    'subject_kind',
    'subject_id',
    'at_ms',
    'from_ms',
    'to_ms',
    'before_json',
    'after_json',
  ]);

  const apply = (patch: SpanPatch, atMs: EpochMs): void => {
    assertPatch(patch);
    const subject = [patch.subject.kind, patch.subject.id] as const;
    const key = [...subject, patch.fromMs] as const;
    const before = covering.all(key).map(spanOf);
    const replaced = following.all(key).map(spanOf);
    // The span before takes part, so that a first new span equal to it prolongs it.
    const history = joinEqual([...before, ...patch.spans]);
    if (patch.isCorrection) {
      const change = differenceOf([...before, ...replaced], history, atMs);
      if (change !== null) {
        const { range } = change;
        correct([[...subject, atMs, range.fromMs, range.toMs, toJson(change.before), toJson(change.after)]]);
      }
    }
    if (replaced.length > 0) remove.run(key);
    const rows = history.map((span, index) => ({ span, toMs: history[index + 1]?.fromMs ?? openEndMs }));
    const rowOf = ({ span, toMs }: (typeof rows)[number]) =>
      [...subject, span.fromMs, toMs, span.status, span.reason, span.attributedTo] as const;
    for (const row of rows.slice(0, before.length)) {
      end.run([row.toMs, sumOfValues(rowOf(row)), ...subject, row.span.fromMs]);
    }
    insert(rows.slice(before.length).map(rowOf));
  };
  return (patches, atMs) => {
    for (const patch of patches) apply(patch, atMs);
  };
};

/** A patch that is not in order is a bug of the engine. */
const assertPatch = (patch: SpanPatch): void => {
  assert.equal(
    patch.spans[0]?.fromMs,
    patch.fromMs,
    `${patch.subject.kind} ${patch.subject.id}: the first span begins the patch`,
  );
  for (const [index, span] of patch.spans.entries()) {
    const next = patch.spans[index + 1];
    assert.ok(next === undefined || span.fromMs < next.fromMs, `${patch.subject.kind} ${patch.subject.id}: spans ascend`);
  }
};

// The columns were written by `apply` from a Span, and the table is strict.
const spanOf = (row: Record<string, unknown>): Span => ({
  fromMs: Number(row['from_ms']),
  status: row['status'] as Status,
  reason: row['reason'] as ReasonCode | null,
  attributedTo: row['attributed_to'] as AssetId | null,
});
