import { describe, isThere, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const load1 = describe('node_load1', 'gauge', '1m load average.');
const load5 = describe('node_load5', 'gauge', '5m load average.');
const load15 = describe('node_load15', 'gauge', '15m load average.');

/** Load averages: runnable and uninterruptible tasks, from /proc/loadavg. */
export const loadReader: Reader = {
  name: 'loadavg',
  metrics: [load1, load5, load15],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/loadavg`;
    return (sink) => isThere(files.read(path, 'whole', (scanner) => parseLoad(scanner, sink)));
  },
};

/** `0.20 0.18 0.12 1/80 11206`. */
export const parseLoad = (scanner: Scanner, sink: Sink): void => {
  for (const doc of [load1, load5, load15]) sink.put(doc, Number.parseFloat(scanner.word()));
};
