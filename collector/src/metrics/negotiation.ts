import { type EscapingScheme, escapingSchemes } from './name-escaping.ts';
import type { ExpositionFormat } from './text-format.ts';

/** What a scrape is answered with. */
export interface Exposition {
  readonly format: ExpositionFormat;
  readonly escaping: EscapingScheme;
  readonly contentType: string;
}

interface Entry {
  readonly name: string;
  /** 0 to 1. */
  readonly weight: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Entries of an Accept or Accept-Encoding header with their weight (RFC 9110, section 12.4.2). */
const entriesOf = (header: string): readonly Entry[] =>
  header.split(',').map((entry) => {
    const [name = '', ...rest] = entry.split(';').map((part) => part.trim().toLowerCase());
    const parameters = new Map(rest.map((part) => [part.split('=', 1)[0] ?? '', part.slice(part.indexOf('=') + 1)]));
    const number = Number(parameters.get('q') ?? 1);
    return { name, weight: Number.isFinite(number) ? Math.min(1, Math.max(0, number)) : 0, parameters };
  });

/** The entry of a name that is wanted most, the first of several. */
const bestOf = (header: string, name: string): Entry | null =>
  entriesOf(header)
    .filter((entry) => entry.name === name)
    .reduce<Entry | null>((best, entry) => (best === null || entry.weight > best.weight ? entry : best), null);

const weightOf = (header: string, name: string): number => bestOf(header, name)?.weight ?? 0;

const typeNames = { text: 'text/plain', openmetrics: 'application/openmetrics-text' } as const satisfies Record<
  ExpositionFormat,
  string
>;

/** OpenMetrics when it is asked for by name and at least as much as the text; else the text, which everybody reads. */
const formatOf = (header: string): ExpositionFormat => {
  const openMetrics = weightOf(header, typeNames.openmetrics);
  return openMetrics > 0 && openMetrics >= weightOf(header, typeNames.text) ? 'openmetrics' : 'text';
};

/** The scheme an entry names; null when it names none that we know. Prometheus's pages write one of them as allow-utf8. */
const escapingOf = (entry: Entry | null): EscapingScheme | null => {
  const named = entry?.parameters
    .get('escaping')
    ?.replace(/^"(.*)"$/, '$1')
    .replace(/^allow-utf8$/, 'allow-utf-8');
  return escapingSchemes.find((scheme) => scheme === named) ?? null;
};

/**
 * Format, escaping of names and content type for an Accept header. Without `escaping`, as from a Prometheus before 3.0, names outside the old
 * charset are written by `values`, which keeps them distinct; Prometheus would write them by `underscores`, where two of Chinese become one.
 * https://prometheus.io/docs/instrumenting/content_negotiation/
 */
export const expositionOf = (accept: string | undefined): Exposition => {
  const header = accept ?? '';
  const format = formatOf(header);
  const entry = bestOf(header, typeNames[format]);
  const escaping = escapingOf(entry);
  // Who names a scheme reads the text format 1.0.0, unless it says otherwise.
  const isNewText = escaping !== null && entry?.parameters.get('version') !== '0.0.4';
  const version = format === 'openmetrics' || isNewText ? '1.0.0' : '0.0.4';
  const named = escaping === null ? '' : `; escaping=${escaping}`;
  return {
    format,
    escaping: escaping ?? 'values',
    contentType: `${typeNames[format]}; version=${version}; charset=utf-8${named}`,
  };
};

/** Whether gzip is named, or anything at all, and not refused. */
export const acceptsGzip = (acceptEncoding: string | undefined): boolean => {
  const header = acceptEncoding ?? '';
  const isNamed = entriesOf(header).some(({ name }) => name === 'gzip');
  return weightOf(header, isNamed ? 'gzip' : '*') > 0;
};
