import type { Outcome, Status } from '../../../shared/src/status.ts';
import { type ModelSpan, merged } from './spans.ts';

/** One answer as it reached the store. */
export interface Answer {
  readonly atMs: number;
  readonly outcome: Outcome;
}

/**
 * The history of one agent's view of one check, from the definition and nothing else: down begins at the first failure of a run that was
 * confirmed and ends at the first success of a run that was confirmed; an answer says something for `staleAfterMs` and then nothing is known;
 * answers on both sides of such a gap do not confirm each other. It looks at all answers at once, back and forth, as nobody could live.
 * @param answers in the order in which they came; one that is not later than those before it says nothing
 * @param askedFromMs since when it is asked: before its first answer nothing is known; null when nobody knows of that
 */
export const laneHistory = (
  answers: readonly Answer[],
  rules: { readonly failures: number; readonly successes: number; readonly staleAfterMs: number },
  nowMs: number,
  askedFromMs: number | null,
): ModelSpan[] => {
  let latestMs = Number.NEGATIVE_INFINITY;
  const taken = answers.filter(({ atMs }) => {
    const isLater = atMs > latestMs;
    latestMs = Math.max(latestMs, atMs);
    return isLater;
  });
  const statuses = settled(taken, rules);
  const spans: { fromMs: number; status: Status }[] = [];
  for (const [place, answer] of taken.entries()) {
    const status = statuses[place] ?? null;
    // Not confirmed: what was before goes on, be it nothing.
    if (status !== null) spans.push({ fromMs: answer.atMs, status });
    const staleAtMs = answer.atMs + rules.staleAfterMs;
    const nextAtMs = taken[place + 1]?.atMs ?? nowMs + 1;
    if (staleAtMs < nextAtMs && spans.length > 0) spans.push({ fromMs: staleAtMs, status: 'unknown' });
  }
  if (askedFromMs !== null && askedFromMs < (spans[0]?.fromMs ?? Number.POSITIVE_INFINITY))
    spans.unshift({ fromMs: askedFromMs, status: 'unknown' });
  return merged(spans.map((span) => ({ ...span, attributedTo: null })));
};

/** What each answer came to mean; null where it was never confirmed. */
const settled = (
  answers: readonly Answer[],
  { failures, successes, staleAfterMs }: { readonly failures: number; readonly successes: number; readonly staleAfterMs: number },
): (Status | null)[] => {
  const statuses: (Status | null)[] = [];
  let isBelievedDown = false;
  for (let first = 0; first < answers.length; ) {
    const isFailing = answers[first]?.outcome === 'down';
    let end = first + 1;
    while (end < answers.length && (answers[end]?.outcome === 'down') === isFailing && !isGap(answers, end, staleAfterMs))
      end += 1;
    const run = answers.slice(first, end);
    // What is believed already needs no second confirmation.
    const needed = isFailing === isBelievedDown ? 1 : isFailing ? failures : isBelievedDown ? successes : 1;
    const isConfirmed = run.length >= needed;
    statuses.push(...run.map(({ outcome }) => (isConfirmed ? outcome : null)));
    if (isConfirmed) isBelievedDown = isFailing;
    first = end;
  }
  return statuses;
};

const isGap = (answers: readonly Answer[], place: number, staleAfterMs: number): boolean =>
  (answers[place]?.atMs ?? 0) - (answers[place - 1]?.atMs ?? 0) > staleAfterMs;
