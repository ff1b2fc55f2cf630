import { limits } from '@jiwei/shared/limits.ts';
import { type Label, type MetricDoc, metricNamePattern, type Series } from '@jiwei/shared/series.ts';

/** Every series the host ever had since the start, in the order of appearance; a position never changes its meaning. */
export interface SeriesBook {
  readonly series: readonly Series[];
  /** Samples that found no place since the start: the book was full, or no frame could carry their names. */
  readonly droppedCount: number;
  /**
   * Position of a series, adding it when it is new.
   * @param labelValues one for each of `doc.labels`, in their order
   * @returns -1 when the book is full or no frame can carry the series; the sample is then counted as dropped
   */
  indexOf(doc: MetricDoc, labelValues: readonly string[]): number;
}

/** @param seriesMax positions the book has; past it new series are refused, known ones go on */
export const createSeriesBook = (seriesMax: number): SeriesBook => {
  const series: Series[] = [];
  const families = new Map<string, Map<string, number>>();
  let droppedCount = 0;
  const familyOf = (doc: MetricDoc): Map<string, number> => {
    const known = families.get(doc.name);
    if (known !== undefined) return known;
    hold(doc.labels.toSorted().join() === doc.labels.join(), `the labels of ${doc.name} are sorted`);
    const indexes = new Map<string, number>();
    families.set(doc.name, indexes);
    return indexes;
  };
  return {
    series,
    get droppedCount() {
      return droppedCount;
    },
    indexOf: (doc, labelValues) => {
      const indexes = familyOf(doc);
      const key = labelValues.length === 1 ? (labelValues[0] ?? '') : labelValues.join('\u0000');
      const known = indexes.get(key);
      if (known !== undefined) return known;
      if (series.length >= seriesMax || !isSendable(doc, labelValues)) {
        droppedCount += 1;
        return -1;
      }
      series.push(seriesOf(doc, labelValues));
      indexes.set(key, series.length - 1);
      return series.length - 1;
    },
  };
};

/**
 * Whether a frame can carry the series, under a name that every Prometheus reads, as all names of host metrics are. A mount point of 4,000
 * characters would else make the dictionary of the whole host impossible.
 */
const isSendable = (doc: MetricDoc, labelValues: readonly string[]): boolean =>
  metricNamePattern.test(doc.name) &&
  doc.name.length <= limits.metricNameBytesMax &&
  Buffer.byteLength(doc.help) <= limits.helpBytesMax &&
  labelValues.every((value) => Buffer.byteLength(value) <= limits.labelValueBytesMax);

const seriesOf = (doc: MetricDoc, labelValues: readonly string[]): Series => {
  hold(labelValues.length === doc.labels.length, `${doc.name} has ${doc.labels.length} labels`);
  return {
    family: { name: doc.name, type: doc.type, help: doc.help },
    labels: doc.labels.map((label, index): Label => [label, labelValues[index] ?? '']),
  };
};

/** As assert() of Node, whose module takes half a MiB for these two sentences. @throws Error: a bug in a reader */
const hold = (isTrue: boolean, sentence: string): void => {
  if (!isTrue) throw new Error(`a reader breaks this: ${sentence}`);
};
