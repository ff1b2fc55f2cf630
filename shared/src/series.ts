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

/**
 * Any metric or label name: not empty, well-formed, without control characters. https://prometheus.io/docs/concepts/data_model/
 * The control characters are our own exception: no name needs one, and a line feed in a name would be one in logs and pages.
 */
export const namePattern = /^[^\p{Cc}\p{Cs}]+$/u;
/** Names that every Prometheus reads, without quotes in the text formats. */
export const metricNamePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
export const labelNamePattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Order of names by their bytes as UTF-8; < on strings orders by UTF-16 units, which differs where surrogates take part. */
export const isNameBefore = (left: string, right: string): boolean => {
  for (let place = 0; place < left.length && place < right.length; place += 1) {
    const one = left.charCodeAt(place);
    const other = right.charCodeAt(place);
    if (one !== other) return rankOf(one) < rankOf(other);
  }
  return left.length < right.length;
};

/** Surrogates stand for what comes after all other units. */
const rankOf = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Escapes a label value for the text formats: backslash, double quote and line feed. */
export const escapeLabelValue = (value: string): string =>
  value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));

/** A metric or label name as the text formats write it; one that not every Prometheus reads stands in quotes. */
const nameText = (name: string, pattern: RegExp): string => (pattern.test(name) ? name : `"${escapeLabelValue(name)}"`);

/** Labels as the text formats write them: `a="1",b="2","温度"="3"`. */
export const labelsText = (labels: readonly Label[]): string =>
  labels.map(([name, value]) => `${nameText(name, labelNamePattern)}="${escapeLabelValue(value)}"`).join(',');

/**
 * The series as the text formats write it, which is also its identity: `name{a="1",b="2"}`, `{"温度",a="1"}`.
 * @param name empty for labels alone
 */
export const seriesText = (name: string, labels: readonly Label[]): string => {
  if (name === '' || metricNamePattern.test(name)) return labels.length === 0 ? name : `${name}{${labelsText(labels)}}`;
  return `{${[nameText(name, metricNamePattern), ...(labels.length === 0 ? [] : [labelsText(labels)])].join(',')}}`;
};
