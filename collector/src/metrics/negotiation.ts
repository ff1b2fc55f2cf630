import type { ExpositionFormat } from './text-format.ts';

/** Entries of an Accept or Accept-Encoding header with their weight, 0 to 1 (RFC 9110, section 12.4.2). */
const weighted = (header: string): readonly { readonly name: string; readonly weight: number }[] =>
  header.split(',').map((entry) => {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const number = weight === undefined ? 1 : Number(weight);
    return { name, weight: Number.isFinite(number) ? Math.min(1, Math.max(0, number)) : 0 };
  });

const weightOf = (header: string, name: string): number =>
  Math.max(
    0,
    ...weighted(header)
      .filter((entry) => entry.name === name)
      .map(({ weight }) => weight),
  );

/** OpenMetrics when it is asked for by name and at least as much as the text; else the text, which everybody reads. */
export const formatOf = (accept: string | undefined): ExpositionFormat => {
  const header = accept ?? '';
  const openMetrics = weightOf(header, 'application/openmetrics-text');
  return openMetrics > 0 && openMetrics >= weightOf(header, 'text/plain') ? 'openmetrics' : 'text';
};

/** Whether gzip is named, or anything at all, and not refused. */
export const acceptsGzip = (acceptEncoding: string | undefined): boolean => {
  const header = acceptEncoding ?? '';
  const isNamed = weighted(header).some(({ name }) => name === 'gzip');
  return weightOf(header, isNamed ? 'gzip' : '*') > 0;
};
