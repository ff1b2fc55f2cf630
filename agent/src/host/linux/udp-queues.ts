import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const queues = describe('node_udp_queues', 'gauge', 'Number of allocated memory in the kernel for UDP datagrams in bytes.', [
  'ip',
  'queue',
]);

/** Bytes waiting in all UDP sockets, from /proc/net/udp and udp6. */
export const udpQueuesReader: Reader = {
  name: 'udp_queues',
  metrics: [queues],
  everyMs: 0,
  open: ({ files, roots }) => {
    const folder = `${roots.proc}/self/net`;
    return async (sink) => {
      const [four] = await Promise.all([
        files.read(`${folder}/udp`, 'lines', (scanner) => parseUdp(scanner, sink, 'v4')),
        files.read(`${folder}/udp6`, 'lines', (scanner) => parseUdp(scanner, sink, 'v6')),
      ]);
      return four !== null;
    };
  },
};

/** After a header, one line per socket; its fifth word is `tx:rx`, hexadecimal bytes. */
export const parseUdp = (scanner: Scanner, sink: Sink, ip: 'v4' | 'v6'): void => {
  let sentBytes = 0;
  let receivedBytes = 0;
  while (scanner.nextLine()) {
    scanner.skipWords(4);
    const [tx = '', rx = ''] = scanner.word().split(':');
    sentBytes += Number.parseInt(tx, 16) || 0;
    receivedBytes += Number.parseInt(rx, 16) || 0;
  }
  sink.put(queues, sentBytes, ip, 'tx');
  sink.put(queues, receivedBytes, ip, 'rx');
};
