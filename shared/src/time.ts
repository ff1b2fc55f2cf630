/** An instant: milliseconds since 1970-01-01T00:00:00Z, an integer. Whose clock it was is said by the field's name. */
export type EpochMs = number;

/** A half-open range of instants, [fromMs, toMs): neighbours add up and nothing is counted twice. */
export interface TimeRange {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
