import { escapeLabelValue, type Label } from '@jiwei/shared/series.ts';

/** Prometheus text 0.0.4, or OpenMetrics 1.0. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export type ExpositionFormat = 'text' | 'openmetrics';
export const contentTypes = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const satisfies Record<ExpositionFormat, string>;

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
  /** As `labelsText` makes them, without braces; empty for none. */
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
  const shownName = format === 'openmetrics' && isProperCounter ? base : name;
  // A help that says nothing is left out: checkers take the empty text for a mistake.
  const helpLine = help === '' ? '' : `# HELP ${shownName} ${escapeHelp(help, format)}\n`;
  return `${helpLine}# TYPE ${shownName} ${shownType}\n`;
};

/** Labels as both formats write them: `a="1",b="2"`. */
export const labelsText = (labels: readonly Label[]): string =>
  labels.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(',');

/** Labels with `more` put in, sorted by name; where both have a name, `more` wins. */
export const mergeLabels = (labels: readonly Label[], more: readonly Label[]): readonly Label[] => {
  const own = labels.filter(([name]) => !more.some(([other]) => other === name));
  return [...own, ...more].sort(([left], [right]) => (left < right ? -1 : 1));
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
export const sampleText = (sample: TextSample, format: ExpositionFormat): string => {
  const labels = sample.labels === '' ? '' : `{${sample.labels}}`;
  return `${sample.name}${labels} ${valueText(sample.value)}${stampText(sample.atMs, format)}\n`;
};

/** What stands at the very end. */
export const endText = (format: ExpositionFormat): string => (format === 'openmetrics' ? '# EOF\n' : '');
