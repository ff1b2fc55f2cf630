import { minuteMs } from '@jiwei/shared/time.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type Reader } from '../reader.ts';
import type { Scanner } from '../scanner.ts';
import { namesIn } from './folder.ts';

const temperature = describe('node_thermal_zone_temp', 'gauge', 'Zone temperature in Celsius', ['type', 'zone']);
const milli = 1_000;

/** Thermal zones of /sys/class/thermal; a read asks the firmware and can take milliseconds, hence only every minute. */
export const thermalReader: Reader = {
  name: 'thermal_zone',
  metrics: [temperature],
  everyMs: minuteMs,
  open: ({ files, roots }) => {
    const folder = `${roots.sys}/class/thermal`;
    return async (sink, signal) => {
      const names = await namesIn(folder);
      const zones = (names ?? []).filter((name) => name.startsWith('thermal_zone'));
      for (const zone of zones) {
        if (signal.aborted) break;
        const type = await attribute(files, `${folder}/${zone}/type`, (scanner) => scanner.rest());
        const value = await attribute(files, `${folder}/${zone}/temp`, (scanner) => scanner.number());
        if (type !== null && value !== null) sink.put(temperature, value / milli, type, zone.slice('thermal_zone'.length));
      }
      // A host without zones has been read as well, as node_exporter sees it.
      return true;
    };
  },
};

/** A zone that is switched off answers with an error; the others go on. */
const attribute = async <Value>(files: FileSource, path: string, parse: (scanner: Scanner) => Value): Promise<Value | null> => {
  try {
    return await files.read(path, 'whole', parse);
  } catch {
    return null;
  }
};
