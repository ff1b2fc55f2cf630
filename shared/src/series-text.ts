import { type Label, labelNamePattern, metricNamePattern } from './series.ts';

const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/**
 * Reads what `seriesText` writes: `name{a="1",b="2"}`.
 * @returns name and labels sorted by name, or null when it is no series, or names a label twice
 */
export const parseSeriesText = (text: string): { readonly name: string; readonly labels: readonly Label[] } | null => {
  const brace = text.indexOf('{');
  const name = brace < 0 ? text : text.slice(0, brace);
  if (!metricNamePattern.test(name)) return null;
  if (brace < 0) return { name, labels: [] };
  if (!text.endsWith('}')) return null;
  const labels = parseLabels(text.slice(brace + 1, -1));
  return labels === null ? null : { name, labels };
};

const parseLabels = (text: string): readonly Label[] | null => {
  const labels = new Map<string, string>();
  labelPattern.lastIndex = 0;
  for (let at = 0; at < text.length; at = labelPattern.lastIndex) {
    const match = labelPattern.exec(text);
    if (match === null) return null;
    const [, label = '', value = ''] = match;
    if (!labelNamePattern.test(label) || labels.has(label)) return null;
    labels.set(
      label,
      value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character)),
    );
  }
  return [...labels].sort(([left], [right]) => (left < right ? -1 : 1));
};
