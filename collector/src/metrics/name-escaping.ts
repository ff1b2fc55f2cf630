import { labelNamePattern, metricNamePattern } from '@jiwei/shared/series.ts';

/** How names outside the old charset are written: https://prometheus.io/docs/instrumenting/escaping_schemes/ */
export const escapingSchemes = ['allow-utf-8', 'underscores', 'dots', 'values'] as const;
export type EscapingScheme = (typeof escapingSchemes)[number];

/** What a name belongs to. A colon is of the old charset in metric names alone. */
export type NameKind = 'metric' | 'label';

const patterns: Readonly<Record<NameKind, RegExp>> = { metric: metricNamePattern, label: labelNamePattern };

/** A name in a scheme. That of `values` can be read back and keeps names distinct; `underscores` and `dots` may make two alike. */
export const escapeName = (name: string, kind: NameKind, scheme: EscapingScheme): string => {
  switch (scheme) {
    case 'allow-utf-8':
      return name;
    case 'underscores':
      return eachOutside(name, kind, () => '_');
    case 'dots':
      return eachOutside(name.replaceAll('_', '__'), kind, (character) => (character === '.' ? '_dot_' : '_'));
    case 'values':
      return needsValues(name, kind) ? encodeValues(name, kind) : name;
    default:
      return scheme satisfies never;
  }
};

/** The name that `values` made `text` of. */
export const unescapeName = (text: string, kind: NameKind): string => {
  const name = decodeValues(text);
  return name !== null && needsValues(name, kind) && encodeValues(name, kind) === text ? name : text;
};

/**
 * The names, each with what it is written as, no two alike: a name that the scheme would make like another one gets the form of `values`.
 * Names the scheme leaves alone come first, so that they stay as they are.
 */
export const escapeNames = (names: Iterable<string>, kind: NameKind, scheme: EscapingScheme): ReadonlyMap<string, string> => {
  const written = new Map<string, string>();
  const taken = new Set<string>();
  const changed: string[] = [];
  for (const name of names) {
    if (escapeName(name, kind, scheme) !== name) changed.push(name);
    else {
      written.set(name, name);
      taken.add(name);
    }
  }
  for (const name of changed) {
    let text = escapeName(name, kind, scheme);
    // Each round makes the text longer, so that it is a new one at last; more than one takes names made to collide.
    if (taken.has(text)) for (text = encodeValues(name, kind); taken.has(text); ) text = encodeValues(text, kind);
    written.set(name, text);
    taken.add(text);
  }
  return written;
};

/** A name of the old charset needs it only where it is itself what another name is written as. */
const needsValues = (name: string, kind: NameKind): boolean => {
  if (!patterns[kind].test(name)) return true;
  const inner = decodeValues(name);
  return inner !== null && encodeValues(inner, kind) === name && needsValues(inner, kind);
};

const encodeValues = (name: string, kind: NameKind): string =>
  `U__${eachOutside(name.replaceAll('_', '__'), kind, (character) => `_${(character.codePointAt(0) ?? 0).toString(16)}_`)}`;

/** null when the text was not made by encodeValues. */
const decodeValues = (text: string): string | null => {
  if (!/^U__(?:[a-zA-Z0-9:]|__|_[0-9a-f]{1,6}_)+$/.test(text)) return null;
  let isChar = true;
  const name = text.slice(3).replace(/__|_([0-9a-f]{1,6})_/g, (_, digits: string | undefined) => {
    if (digits === undefined) return '_';
    const point = Number.parseInt(digits, 16);
    isChar &&= point <= 0x10ffff;
    return isChar ? String.fromCodePoint(point) : '';
  });
  return isChar && name.isWellFormed() ? name : null;
};

/** The name with what is not of the old charset at its place replaced. */
const eachOutside = (name: string, kind: NameKind, replace: (character: string) => string): string =>
  name.replace(kind === 'metric' ? /^[0-9]|[^a-zA-Z0-9_:]/gu : /^[0-9]|[^a-zA-Z0-9_]/gu, replace);
