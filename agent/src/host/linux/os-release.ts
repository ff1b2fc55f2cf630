import { minuteMs } from '@jiwei/shared/time.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const infoLabels = [
  'build_id',
  'id',
  'id_like',
  'image_id',
  'image_version',
  'name',
  'pretty_name',
  'variant',
  'variant_id',
  'version',
  'version_codename',
  'version_id',
] as const;
const info = describe(
  'node_os_info',
  'gauge',
  `A metric with a constant '1' value labeled by ${infoLabels.join(', ')}.`,
  infoLabels,
);
const version = describe('node_os_version', 'gauge', 'Metric containing the major.minor part of the OS version.', [
  'id',
  'id_like',
  'name',
]);

/** The distribution, from /etc/os-release: os-release(5). */
export const osReader: Reader = {
  name: 'os',
  metrics: [info, version],
  everyMs: minuteMs,
  open: ({ files, roots }) => {
    return async (sink) => {
      const values = await files.read(`${roots.etc}/os-release`, 'whole', parseOsRelease);
      if (values !== null) putOs(sink, values);
      return values !== null;
    };
  },
};

/** Shell assignments, values quoted or not. */
export const parseOsRelease = (scanner: Scanner): ReadonlyMap<string, string> => {
  const values = new Map<string, string>();
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const key = scanner.until('=');
    if (key === null || key.startsWith('#')) continue;
    values.set(key.toLowerCase(), unquote(scanner.rest()));
  }
  return values;
};

const unquote = (text: string): string => {
  const quoted = /^(["'])(.*)\1$/.exec(text)?.[2];
  return quoted === undefined ? text : quoted.replace(/\\(["'$`\\])/g, '$1');
};

const putOs = (sink: Sink, values: ReadonlyMap<string, string>): void => {
  const textOf = (key: string): string => values.get(key) ?? '';
  sink.put(info, 1, ...infoLabels.map(textOf));
  const majorMinor = /^\d+(\.\d+)?/.exec(textOf('version_id'))?.[0];
  if (majorMinor !== undefined) sink.put(version, Number(majorMinor), textOf('id'), textOf('id_like'), textOf('name'));
};
