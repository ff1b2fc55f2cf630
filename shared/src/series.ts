/** Types a sample family may have. `untyped` is Prometheus's word for "not said". */
export const metricTypes = ['counter', 'gauge', 'untyped'] as const;
export type MetricType = (typeof metricTypes)[number];

/** A metric family: what several series with the same name have in common. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
}

/** One label: name and value. */
export type Label = readonly [name: string, value: string];

/** One series: a family and its labels, sorted by label name, no name twice. */
export interface Series {
  readonly family: MetricFamily;
  readonly labels: readonly Label[];
}

/** What documents a metric: a probe and the agent's host readers each list theirs, and the documents are compared with it. */
export interface MetricDoc extends MetricFamily {
  readonly labels: readonly string[];
}

/** Data model of Prometheus: https://prometheus.io/docs/concepts/data_model/ */
export const metricNamePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
export const labelNamePattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Escapes a label value for the text formats: backslash, double quote and line feed. */
export const escapeLabelValue = (value: string): string =>
  value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));

/** The series as the text formats write it, which is also its identity: `name{a="1",b="2"}`. */
export const seriesText = (name: string, labels: readonly Label[]): string =>
  labels.length === 0 ? name : `${name}{${labels.map(([label, value]) => `${label}="${escapeLabelValue(value)}"`).join(',')}}`;
