import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const entries = describe('node_arp_entries', 'gauge', 'ARP entries by device', ['device']);

/** Neighbours in the ARP table, counted by device. */
export const arpReader: Reader = {
  name: 'arp',
  metrics: [entries],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/self/net/arp`;
    return (sink) => files.readAtOnce(path, 'lines', (scanner) => parseArp(scanner, sink)) !== null;
  },
};

/** After a header, lines of address, type, flags, hardware address, mask and device. */
export const parseArp = (scanner: Scanner, sink: Sink): void => {
  const counts = new Map<string, number>();
  while (scanner.nextLine()) {
    scanner.skipWords(5);
    const device = scanner.word();
    if (device !== '') counts.set(device, (counts.get(device) ?? 0) + 1);
  }
  for (const [device, count] of counts) sink.put(entries, count, device);
};
