import type { Status } from '../../../shared/src/status.ts';

/** From the instant on it was so, until the next one. */
export interface ModelSpan {
  readonly fromMs: number;
  readonly status: Status;
  /** Assets only: the parent whose fault it is. */
  readonly attributedTo: string | null;
}

/** What held at the instant; null before anything was known to exist. */
export const at = (spans: readonly ModelSpan[], atMs: number): ModelSpan | null =>
  spans.findLast((span) => span.fromMs <= atMs) ?? null;

/** Neighbours that say the same are one. */
export const merged = (spans: readonly ModelSpan[]): ModelSpan[] =>
  spans.filter((span, place) => {
    const before = spans[place - 1];
    return before === undefined || before.status !== span.status || before.attributedTo !== span.attributedTo;
  });

/** At every instant at which any input changes, what the whole is; null: it does not exist yet. */
export const overlaid = (
  inputs: readonly (readonly ModelSpan[])[],
  decide: (parts: readonly (ModelSpan | null)[]) => Omit<ModelSpan, 'fromMs'> | null,
): ModelSpan[] => {
  const instants = [...new Set(inputs.flatMap((spans) => spans.map(({ fromMs }) => fromMs)))].sort((a, b) => a - b);
  const whole = instants.flatMap((fromMs) => {
    const decided = decide(inputs.map((spans) => at(spans, fromMs)));
    return decided === null ? [] : [{ fromMs, ...decided }];
  });
  return merged(whole);
};
