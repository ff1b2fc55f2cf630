import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Span } from './effect.ts';

/** The recent history of one subject: spans ascending, the last one open. Nothing before the first one was known to exist. */
export interface Timeline {
  /** Replaced, never changed in place, so that whoever remembers an earlier history keeps it for nothing. */
  spans: readonly Span[];
  /** History before this instant was dropped from memory and can no longer be corrected; 0 while nothing was. */
  floorMs: EpochMs;
  /**
   * Where it began, also when that was dropped from memory; null before that. What is stored of an earlier instant is of something else of
   * the same name, that was taken out of the register.
   */
  beginsAtMs: EpochMs | null;
  /** Checks and assets of the register: since when it is declared, as far as is known; so long nothing is known of it where nothing ever was. */
  declaredAtMs: EpochMs | null;
}

/** A history of which nothing is known yet. */
export const emptyTimeline = (): Timeline => ({ spans: [], floorMs: 0, beginsAtMs: null, declaredAtMs: null });

/** Number of spans that begin before `atMs`. */
const countBefore = (spans: readonly Span[], atMs: EpochMs): number => {
  let low = 0;
  let high = spans.length;
  // Nearly every question is about the end.
  if (high > 0 && (spans[high - 1]?.fromMs ?? 0) < atMs) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.fromMs ?? 0) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** The span that covers the instant; null before the first one. */
export const spanAt = (spans: readonly Span[], atMs: EpochMs): Span | null => spans[countBefore(spans, atMs + 1) - 1] ?? null;

/** The present span; null when nothing is known yet. */
export const presentSpan = (timeline: Timeline | undefined): Span | null => timeline?.spans.at(-1) ?? null;

/** Neighbours of the same status are one span, with the reason of its beginning. */
const continues = (span: Span, next: Span): boolean => span.status === next.status && span.attributedTo === next.attributedTo;

const isEqual = (a: Span | undefined, b: Span | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  (a === b || (a.fromMs === b.fromMs && a.status === b.status && a.reason === b.reason && a.attributedTo === b.attributedTo));

/**
 * Makes the history from `fromMs` on exactly `tail` (ascending, none before `fromMs`), joining neighbours of the same status.
 * @returns whether anything changed
 */
export const rewrite = (timeline: Timeline, fromMs: EpochMs, tail: readonly Span[]): boolean => {
  const { spans } = timeline;
  const keepCount = countBefore(spans, fromMs);
  const joined: Span[] = [];
  let last = spans[keepCount - 1];
  for (const span of tail) {
    if (last !== undefined && continues(last, span)) continue;
    joined.push(span);
    last = span;
  }
  if (joined.length === spans.length - keepCount && joined.every((span, at) => isEqual(span, spans[keepCount + at])))
    return false;
  timeline.spans = [...spans.slice(0, keepCount), ...joined];
  if (keepCount === 0 && timeline.floorMs === 0) timeline.beginsAtMs = joined[0]?.fromMs ?? null;
  return true;
};

/** What turns the history `before` into `after`: from when, and the spans from there; null when they are the same. */
export const patchBetween = (
  before: readonly Span[],
  after: readonly Span[],
): { readonly fromMs: EpochMs; readonly spans: readonly Span[] } | null => {
  let same = 0;
  while (isEqual(before[same], after[same])) same += 1;
  if (same === before.length && same === after.length) return null;
  const removedFromMs = before[same]?.fromMs ?? Number.POSITIVE_INFINITY;
  const addedFromMs = after[same]?.fromMs ?? Number.POSITIVE_INFINITY;
  // Where a change was taken back its predecessor simply goes on: it is given again from its own beginning, so that no history ever
  // holds two neighbours of the same status.
  const first = addedFromMs <= removedFromMs ? same : Math.max(0, same - 1);
  const spans = after.slice(first);
  return { fromMs: Math.min(spans[0]?.fromMs ?? removedFromMs, same === 0 ? removedFromMs : Number.POSITIVE_INFINITY), spans };
};

/**
 * Several histories made into one: at every instant from `fromMs` on, `decide` sees what each input was (null: not yet known to exist)
 * and says what the whole is; null when the whole does not exist yet.
 */
export const overlay = (
  fromMs: EpochMs,
  inputs: readonly (readonly Span[])[],
  decide: (parts: readonly (Span | null)[]) => Omit<Span, 'fromMs'> | null,
): Span[] => {
  const instants = new Set<EpochMs>([fromMs]);
  const next = inputs.map((spans) => countBefore(spans, fromMs + 1));
  inputs.forEach((spans, input) => {
    for (let at = next[input] ?? 0; at < spans.length; at += 1) instants.add(spans[at]?.fromMs ?? fromMs);
  });
  const whole: Span[] = [];
  for (const atMs of [...instants].sort((a, b) => a - b)) {
    const parts = inputs.map((spans, input) => {
      let at = next[input] ?? 0;
      while ((spans[at]?.fromMs ?? Number.POSITIVE_INFINITY) <= atMs) at += 1;
      next[input] = at;
      return spans[at - 1] ?? null;
    });
    const decided = decide(parts);
    if (decided !== null) whole.push({ fromMs: atMs, ...decided });
  }
  return whole;
};

/**
 * Forgets what is too old or too much to be corrected; the span that covers the floor stays.
 * @returns how many spans were forgotten that were not yet too old
 */
export const prune = (timeline: Timeline, nowMs: EpochMs): number => {
  const { spans } = timeline;
  const tooOld = countBefore(spans, nowMs - limits.correctionMsMax) - 1;
  const tooMany = spans.length - limits.timelineSpansMax;
  // A quarter more than needed is dropped at once, so that the copying is paid rarely.
  const dropCount = tooMany > 0 ? tooMany + (limits.timelineSpansMax >> 2) : tooOld >= 64 ? tooOld : 0;
  if (dropCount <= 0) return 0;
  timeline.spans = spans.slice(dropCount);
  timeline.floorMs = timeline.spans[0]?.fromMs ?? timeline.floorMs;
  return dropCount - Math.max(0, Math.min(dropCount, tooOld));
};

/** When the first known good span after the last down one began; null when there is none (still down, or nothing known since). */
export const recoveredAtMs = (spans: readonly Span[]): EpochMs | null => {
  let recovered: EpochMs | null = null;
  for (let at = spans.length - 1; at >= 0; at -= 1) {
    const span = spans[at];
    if (span === undefined || span.status === 'down') break;
    if (span.status !== 'unknown') recovered = span.fromMs;
  }
  return recovered;
};

/** Whether any part of the history from the instant on is down. */
export const wasDownSince = (spans: readonly Span[], fromMs: EpochMs): boolean => {
  for (let at = spans.length - 1; at >= 0; at -= 1) {
    const span = spans[at];
    if (span === undefined || span.status === 'down') return span !== undefined;
    if (span.fromMs <= fromMs) return false;
  }
  return false;
};
