import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { MetricDoc } from '@jiwei/shared/series.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import { namesIn } from './folder.ts';

const labels = ['chip', 'sensor'];
const temperature = (name: string, kind: string) =>
  describe(`node_hwmon_${name}`, 'gauge', `Hardware monitor for temperature (${kind})`, labels);
const kinds: ReadonlyMap<string, MetricDoc> = new Map([
  ['input', temperature('temp_celsius', 'input')],
  ['max', temperature('temp_max_celsius', 'max')],
  ['crit', temperature('temp_crit_celsius', 'crit')],
]);
const chipNames = describe('node_hwmon_chip_names', 'gauge', 'Annotation metric for human-readable chip names', [
  'chip',
  'chip_name',
]);
const sensorLabel = describe('node_hwmon_sensor_label', 'gauge', 'Label for given chip and sensor', ['chip', 'label', 'sensor']);
const sensorFile = /^(temp\d+)_(input|max|crit|label)$/;
const milli = 1_000;

/** Temperatures of the hardware monitors (/sys/class/hwmon); sensors sit on slow buses, hence only every minute. */
export const hwmonReader: Reader = {
  name: 'hwmon',
  metrics: [...kinds.values(), chipNames, sensorLabel],
  everyMs: minuteMs,
  open: ({ files, roots }) => {
    const folder = `${roots.sys}/class/hwmon`;
    return async (sink, signal) => {
      const names = await namesIn(folder);
      if (names === null) return false;
      for (const name of names) {
        if (signal.aborted) break;
        await readChip(files, `${folder}/${name}`, sink, signal);
      }
      return true;
    };
  },
};

const readChip = async (files: FileSource, folder: string, sink: Sink, signal: AbortSignal): Promise<void> => {
  const name = await textOf(files, `${folder}/name`);
  const chip = await chipOf(folder, name);
  if (name !== null) sink.put(chipNames, 1, chip, cleanName(name));
  // Old drivers keep the sensors' files in the folder of the device; what stands in both counts there, as node_exporter has it.
  const paths = new Map<string, string>();
  for (const place of [folder, `${folder}/device`])
    for (const file of (await namesIn(place)) ?? []) if (sensorFile.test(file)) paths.set(file, `${place}/${file}`);
  for (const [file, path] of paths) {
    if (signal.aborted) return;
    const [, sensor = '', kind = ''] = sensorFile.exec(file) ?? [];
    const text = await textOf(files, path);
    if (text === null) continue;
    const doc = kinds.get(kind);
    if (doc === undefined) sink.put(sensorLabel, 1, chip, text, sensor);
    else if (text !== '') sink.put(doc, Number(text) / milli, chip, sensor);
  }
};

/** A sensor that is asleep or broken answers with an error: no sample, and the others go on. */
const textOf = async (files: FileSource, path: string): Promise<string | null> => {
  try {
    return await files.read(path, 'whole', (scanner) => scanner.rest());
  } catch {
    return null;
  }
};

/** hwmon numbers change from boot to boot, so the chip is called by its bus and device, as node_exporter does. */
const chipOf = async (folder: string, name: string | null): Promise<string> => {
  const device = await realpath(`${folder}/device`).catch(() => null);
  const parts = device === null ? [] : [cleanName(basename(dirname(device))), cleanName(basename(device))];
  const byDevice = parts.filter((part) => part !== '').join('_');
  return byDevice !== '' ? byDevice : cleanName(name ?? basename(folder));
};

const cleanName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9:_]/g, '_')
    .replace(/^_+|_+$/g, '');
