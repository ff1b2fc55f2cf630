import { isNameBefore, type Label, metricNamePattern, namePattern } from './series.ts';

const quoted = String.raw`"((?:[^"\\\n]|\\[\\"n])*)"`;
const namedPattern = new RegExp(`^\\{${quoted}(?:,|(?=\\}$))`);
const labelPattern = new RegExp(`(?:([a-zA-Z_][a-zA-Z0-9_]*)|${quoted})=${quoted}(,|$)`, 'y');

/**
 * Reads what `seriesText` writes: `name{a="1",b="2"}`, and `{"温度",a="1"}` for a name outside the old charset.
 * @returns name and labels sorted by name, or null when it is no series, or names a label twice
 */
export const parseSeriesText = (text: string): { readonly name: string; readonly labels: readonly Label[] } | null => {
  const brace = text.indexOf('{');
  if (brace < 0) return metricNamePattern.test(text) ? { name: text, labels: [] } : null;
  if (!text.endsWith('}')) return null;
  const named = brace === 0 ? namedPattern.exec(text) : null;
  const name = named === null ? text.slice(0, brace) : unescaped(named[1] ?? '');
  if (!(named === null ? metricNamePattern : namePattern).test(name)) return null;
  const labels = parseLabels(text.slice(named === null ? brace + 1 : named[0].length, -1));
  return labels === null ? null : { name, labels };
};

const parseLabels = (text: string): readonly Label[] | null => {
  const labels = new Map<string, string>();
  labelPattern.lastIndex = 0;
  for (let at = 0; at < text.length; at = labelPattern.lastIndex) {
    const match = labelPattern.exec(text);
    if (match === null) return null;
    const [, bare, inQuotes = '', value = ''] = match;
    const label = bare ?? unescaped(inQuotes);
    if (!namePattern.test(label) || labels.has(label)) return null;
    labels.set(label, unescaped(value));
  }
  return [...labels].sort(([left], [right]) => (isNameBefore(left, right) ? -1 : 1));
};

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
