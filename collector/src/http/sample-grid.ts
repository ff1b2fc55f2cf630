import type { TimeRange } from '@jiwei/shared/time.ts';

/** Instants a samples query answers for: fromMs, fromMs + stepMs, … below toMs. */
export interface SampleSteps extends TimeRange {
  readonly stepMs: number;
  /** How far before a step its value may lie. */
  readonly lookbackMs: number;
}

/** One point: instant of the step and the value there. */
export type SamplePoint = readonly [atMs: number, value: number];

/** How many steps there are. */
export const stepCount = (steps: SampleSteps): number => Math.ceil((steps.toMs - steps.fromMs) / steps.stepMs);

/**
 * Stretches of time whose samples are needed, ascending and apart: with a step longer than the lookback most of the data is never read.
 * Each is half-open; a sample exactly at a step belongs to it.
 */
export const neededRanges = (steps: SampleSteps): readonly TimeRange[] => {
  const firstMs = steps.fromMs - steps.lookbackMs;
  const lastStepMs = steps.fromMs + (stepCount(steps) - 1) * steps.stepMs;
  if (steps.lookbackMs >= steps.stepMs) return [{ fromMs: firstMs, toMs: lastStepMs + 1 }];
  return Array.from({ length: stepCount(steps) }, (_, step) => {
    const atMs = steps.fromMs + step * steps.stepMs;
    return { fromMs: atMs - steps.lookbackMs, toMs: atMs + 1 };
  });
};

/** Values of one series on the steps, whatever order its samples come in. */
export interface SampleColumn {
  add(atMs: number, value: number): void;
  /** A step without a sample within the lookback has no point: nothing is carried further, and nothing becomes 0. */
  points(): readonly SamplePoint[];
}

/** For each step the newest sample since the step before, carried on at the end to steps whose lookback still reaches it. */
export const createSampleColumn = (steps: SampleSteps): SampleColumn => {
  const count = stepCount(steps);
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const values = new Float64Array(count);
  return {
    add: (atMs, value) => {
      const step = Math.max(0, Math.ceil((atMs - steps.fromMs) / steps.stepMs));
      const known = times[step];
      if (known === undefined || atMs < known) return;
      times[step] = atMs;
      values[step] = value;
    },
    points: () => {
      const points: SamplePoint[] = [];
      let newest = { atMs: Number.NEGATIVE_INFINITY, value: 0 };
      for (let step = 0; step < count; step += 1) {
        const atMs = times[step] ?? Number.NEGATIVE_INFINITY;
        if (atMs >= newest.atMs && atMs !== Number.NEGATIVE_INFINITY) newest = { atMs, value: values[step] ?? 0 };
        const stepMs = steps.fromMs + step * steps.stepMs;
        if (stepMs - newest.atMs <= steps.lookbackMs) points.push([stepMs, newest.value]);
      }
      return points;
    },
  };
};
