import { minuteMs } from '@jiwei/shared/time.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type Reader } from '../reader.ts';

const now = describe('node_time_seconds', 'gauge', 'System time in seconds since epoch (1970).');
const current = describe(
  'node_time_clocksource_current_info',
  'gauge',
  "Current clocksource read from '/sys/devices/system/clocksource'.",
  ['clocksource', 'device'],
);
const available = describe(
  'node_time_clocksource_available_info',
  'gauge',
  "Available clocksources read from '/sys/devices/system/clocksource'.",
  ['clocksource', 'device'],
);

/**
 * The host's clock and what it runs on. How far it is off needs a system call Node does not have (adjtimex); the collector measures
 * the offset over the link instead.
 */
export const timeReader: Reader = {
  name: 'time',
  metrics: [now, current, available],
  everyMs: 0,
  open: ({ clock, files, roots }) => {
    const readSources = createSourceReader(files, `${roots.sys}/devices/system/clocksource/clocksource0`);
    let sources: Sources = { using: null, usable: [] };
    let dueMs = Number.NEGATIVE_INFINITY;
    return async (sink) => {
      sink.put(now, clock.nowMs() / 1_000);
      if (clock.monotonicMs() >= dueMs) {
        sources = await readSources();
        dueMs = clock.monotonicMs() + minuteMs;
      }
      if (sources.using !== null) sink.put(current, 1, sources.using, '0');
      for (const source of sources.usable) sink.put(available, 1, source, '0');
      return true;
    };
  },
};

interface Sources {
  readonly using: string | null;
  readonly usable: readonly string[];
}

const createSourceReader = (files: FileSource, folder: string) => async (): Promise<Sources> => {
  const [using, usable] = await Promise.all([
    files.read(`${folder}/current_clocksource`, 'whole', (scanner) => scanner.rest()),
    files.read(`${folder}/available_clocksource`, 'whole', (scanner) => scanner.rest()),
  ]);
  return { using, usable: (usable ?? '').split(' ').filter((source) => source !== '') };
};
