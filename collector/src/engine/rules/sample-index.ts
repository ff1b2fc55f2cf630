import { limits } from '@jiwei/shared/limits.ts';
import { type Label, seriesText } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { RuleSample } from '../event.ts';
import type { VectorElement, VectorSource } from '../promql/expr.ts';

interface StoredSeries {
  readonly id: string;
  readonly labels: readonly Label[];
  value: number;
  observedAtMs: EpochMs;
}

/** Latest value of every series some rule looks at. */
export interface SampleIndex {
  readonly byName: Map<string, Map<string, StoredSeries>>;
  readonly byId: Map<string, StoredSeries>;
  wantedNames: ReadonlySet<string>;
  /** Ids by the labels they were made of: the same series comes again and again, and making its text costs more than all the rest. */
  readonly idOf: WeakMap<readonly Label[], { readonly name: string; readonly id: string }>;
  /** Samples of new series turned away because the index was full. */
  droppedTotal: number;
}

/** An empty index that takes in series of these names. */
export const createSampleIndex = (wantedNames: ReadonlySet<string>): SampleIndex => ({
  byName: new Map(),
  byId: new Map(),
  idOf: new WeakMap(),
  wantedNames,
  droppedTotal: 0,
});

const addSeries = (index: SampleIndex, sample: RuleSample, id: string): void => {
  if (index.byId.size >= limits.ruleSeriesMax) {
    index.droppedTotal += 1;
    return;
  }
  // A label with an empty value is the same as none.
  const labels = sample.labels.filter(([, value]) => value !== '');
  const series = { id, labels, value: sample.value, observedAtMs: sample.observedAtMs };
  index.byId.set(id, series);
  const named = index.byName.get(sample.name) ?? new Map<string, StoredSeries>();
  named.set(id, series);
  index.byName.set(sample.name, named);
};

const idOf = (index: SampleIndex, { name, labels }: RuleSample): string => {
  const known = index.idOf.get(labels);
  if (known?.name === name) return known.id;
  const id = seriesText(name, labels);
  index.idOf.set(labels, { name, id });
  return id;
};

/** Takes samples in, in any order: the latest of each series stays, and of two at the same instant the later one given. */
export const storeSamples = (index: SampleIndex, samples: readonly RuleSample[]): void => {
  for (const sample of samples) {
    if (!index.wantedNames.has(sample.name)) continue;
    const id = idOf(index, sample);
    const series = index.byId.get(id);
    if (series === undefined) addSeries(index, sample, id);
    else if (sample.observedAtMs >= series.observedAtMs) {
      series.value = sample.value;
      series.observedAtMs = sample.observedAtMs;
    }
  }
};

/** A sample says something for [observed, observed + 5 min): the look-back of Prometheus 3, open at its far end. */
const isFresh = (series: StoredSeries, atMs: EpochMs): boolean => atMs - series.observedAtMs < limits.sampleStalenessMs;

/** Whether all these series have a sample that still says something. */
export const areFresh = (index: SampleIndex, ids: readonly string[], atMs: EpochMs): boolean =>
  ids.every((id) => {
    const series = index.byId.get(id);
    return series !== undefined && isFresh(series, atMs);
  });

/** Forgets series that are stale, or that no rule looks at any more. */
export const dropStaleSeries = (index: SampleIndex, atMs: EpochMs): void => {
  for (const [name, named] of index.byName) {
    for (const series of named.values()) {
      if (index.wantedNames.has(name) && isFresh(series, atMs)) continue;
      named.delete(series.id);
      index.byId.delete(series.id);
    }
    if (named.size === 0) index.byName.delete(name);
  }
};

/** The index as expressions see it. */
export const vectorSourceOf = (index: SampleIndex): VectorSource => ({
  select: (name, matchers, atMs) => {
    const elements: VectorElement[] = [];
    for (const series of index.byName.get(name)?.values() ?? []) {
      if (!isFresh(series, atMs)) continue;
      const labelValueOf = (label: string) => series.labels.find(([labelName]) => labelName === label)?.[1] ?? '';
      if (!matchers.every((matcher) => matcher.test(labelValueOf(matcher.label)))) continue;
      elements.push({ name, labels: series.labels, value: series.value, inputs: [series.id] });
    }
    return elements;
  },
});
