import { isNameBefore, type Label, metricNamePattern, seriesText } from '@jiwei/shared/series.ts';
import type { NameWriter } from './name-writer.ts';

/** Prometheus text, or OpenMetrics 1.0. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export type ExpositionFormat = 'text' | 'openmetrics';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

/** What the two lines above a family's samples say. */
export interface FamilyHead {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
}

/** A sample to be written: its name differs from the family's in histograms alone. */
export interface TextSample {
  readonly name: string;
  /** As `labelsText` makes them, with the names as they are, without braces; empty for none. */
  readonly labels: string;
  readonly value: number;
  /** Collector's time, or null to leave it to whoever scrapes. */
  readonly atMs: number | null;
}

/** A family with all its samples. */
export interface TextFamily extends FamilyHead {
  readonly samples: readonly TextSample[];
}

const escapeHelp = (help: string, format: ExpositionFormat): string => {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
};

/**
 * `# HELP` and `# TYPE`. OpenMetrics names a counter without its `_total`, and knows no counter that has none: such a one is written as unknown.
 * @param head with the name as the scheme of the scrape wants it
 * @param isTaken whether another family has the name; then a counter keeps its own and becomes unknown
 */
export const headText = (
  head: FamilyHead,
  format: ExpositionFormat,
  isTaken: (name: string) => boolean = () => false,
): string => {
  const { name, type, help } = head;
  const base = name.replace(/_total$/, '');
  const isProperCounter = type === 'counter' && base !== name && !isTaken(base);
  const shownType = format === 'text' ? type : type === 'untyped' || (type === 'counter' && !isProperCounter) ? 'unknown' : type;
  const shownName = nameInHead(format === 'openmetrics' && isProperCounter ? base : name);
  // A help that says nothing is left out: checkers take the empty text for a mistake.
  const helpLine = help === '' ? '' : `# HELP ${shownName} ${escapeHelp(help, format)}\n`;
  return `${helpLine}# TYPE ${shownName} ${shownType}\n`;
};

/** Outside the old charset a name stands in quotes, there as in the samples, but without their braces. */
const nameInHead = (name: string): string => (metricNamePattern.test(name) ? name : seriesText(name, []).slice(1, -1));

/** Labels with `more` put in, sorted by name; where both have a name, `more` wins. */
export const mergeLabels = (labels: readonly Label[], more: readonly Label[]): readonly Label[] => {
  const own = labels.filter(([name]) => !more.some(([other]) => other === name));
  return [...own, ...more].sort(([left], [right]) => (isNameBefore(left, right) ? -1 : 1));
};

/** A number as both formats write it. */
export const valueText = (value: number): string => {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
};

/** The end of a line: a space and the time, or nothing. The text format counts in ms, OpenMetrics in seconds. */
export const stampText = (atMs: number | null, format: ExpositionFormat): string => {
  if (atMs === null) return '';
  return format === 'text' ? ` ${Math.round(atMs)}` : ` ${Math.round(atMs) / 1000}`;
};

/** One line of a family. */
export const sampleText = (sample: TextSample, familyName: string, names: NameWriter, format: ExpositionFormat): string => {
  const asIs = withLabels(sample.name, sample.labels);
  const series = names.keeps(sample.name, sample.labels) ? asIs : names.series(asIs, familyName);
  return `${series} ${valueText(sample.value)}${stampText(sample.atMs, format)}\n`;
};

const withLabels = (name: string, labels: string): string => {
  if (labels === '') return seriesText(name, []);
  return metricNamePattern.test(name) ? `${name}{${labels}}` : `{${nameInHead(name)},${labels}}`;
};

/** What stands at the very end. */
export const endText = (format: ExpositionFormat): string => (format === 'openmetrics' ? '# EOF\n' : '');
