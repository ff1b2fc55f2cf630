import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import type { Span } from '../engine/effect.ts';

/** Whether two neighbours say the same and may be one span. */
export const isSameSpan = (a: Span, b: Span): boolean =>
  a.status === b.status && a.reason === b.reason && a.attributedTo === b.attributedTo;

/** The same history with equal neighbours joined. @param spans ascending by fromMs */
export const joinEqual = (spans: readonly Span[]): readonly Span[] =>
  spans.filter((span, index) => {
    const before = spans[index - 1];
    return before === undefined || !isSameSpan(before, span);
  });

/** What a correction changed: nothing (null), or the range in which the two histories differ and what each says there. */
export const differenceOf = (
  before: readonly Span[],
  after: readonly Span[],
  nowMs: EpochMs,
): { readonly range: TimeRange; readonly before: readonly Span[]; readonly after: readonly Span[] } | null => {
  const fromMs = firstDifferenceMs(before, after);
  if (fromMs === null) return null;
  const toMs = lastDifferenceMs(before, after) ?? Math.max(nowMs, fromMs + 1);
  const range = { fromMs, toMs };
  return { range, before: cut(before, range), after: cut(after, range) };
};

/** Both ascending, joined and open at the end; either may be empty. */
const firstDifferenceMs = (before: readonly Span[], after: readonly Span[]): EpochMs | null => {
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const [a, b] = [before[index], after[index]];
    if (a === undefined || b === undefined) return (a ?? b)?.fromMs ?? null;
    if (a.fromMs !== b.fromMs) return Math.min(a.fromMs, b.fromMs);
    if (!isSameSpan(a, b)) return a.fromMs;
  }
  return null;
};

/** Where the two histories begin to agree for good; null when they still differ now. */
const lastDifferenceMs = (before: readonly Span[], after: readonly Span[]): EpochMs | null => {
  let [i, j] = [before.length - 1, after.length - 1];
  let agreeFromMs: EpochMs | null = null;
  for (let a = before[i], b = after[j]; a !== undefined && b !== undefined && isSameSpan(a, b); a = before[i], b = after[j]) {
    agreeFromMs = Math.max(a.fromMs, b.fromMs);
    if (a.fromMs !== b.fromMs) break;
    i -= 1;
    j -= 1;
  }
  return agreeFromMs;
};

/** The spans that touch the range, the first one beginning no earlier than it. */
export const cut = (spans: readonly Span[], range: TimeRange): readonly Span[] =>
  spans
    .filter((span, index) => span.fromMs < range.toMs && (spans[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) > range.fromMs)
    .map((span) => (span.fromMs < range.fromMs ? { ...span, fromMs: range.fromMs } : span));
