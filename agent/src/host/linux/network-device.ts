import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const statistic = (name: string) =>
  describe(`node_network_${name}_total`, 'counter', `Network device statistic ${name}.`, ['device']);

/** The columns of /proc/net/dev after the device; node_exporter's names, which follow the file's header. */
const columns = [
  ...['bytes', 'packets', 'errs', 'drop', 'fifo', 'frame', 'compressed', 'multicast'].map((name) => statistic(`receive_${name}`)),
  ...['bytes', 'packets', 'errs', 'drop', 'fifo', 'colls', 'carrier', 'compressed'].map((name) => statistic(`transmit_${name}`)),
] as const;

/** Traffic and errors of every network device but the loop-back, which node_exporter leaves out as well in its packaged form. */
export const networkDeviceReader: Reader = {
  name: 'netdev',
  metrics: columns,
  everyMs: 0,
  open: ({ files, roots }) => {
    // "self" is the process's own network namespace even where /proc/net is missing.
    const path = `${roots.proc}/self/net/dev`;
    return (sink) => files.readAtOnce(path, 'lines', (scanner) => parseNetworkDevices(scanner, sink)) !== null;
  },
};

/** Lines as `eth0: 1 2 …`, old kernels without the space: `eth0:1 2 …`; the two lines of the header have no colon. */
export const parseNetworkDevices = (scanner: Scanner, sink: Sink): void => {
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const device = scanner.until(':');
    if (device === null || device === 'lo') continue;
    for (const doc of columns) sink.put(doc, scanner.number(), device);
  }
};
