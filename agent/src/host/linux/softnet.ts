import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const processed = describe('node_softnet_processed_total', 'counter', 'Number of processed packets', ['cpu']);
const dropped = describe('node_softnet_dropped_total', 'counter', 'Number of dropped packets', ['cpu']);
const squeezed = describe('node_softnet_times_squeezed_total', 'counter', 'Number of times processing packets ran out of quota', [
  'cpu',
]);
/** Column of the CPU's number; kernels before 5.10 do not have it and leave no CPU out. */
const cpuColumn = 12;
const columnsRead = 3;

/** How each CPU copes with incoming packets, from /proc/net/softnet_stat. */
export const softnetReader: Reader = {
  name: 'softnet',
  metrics: [processed, dropped, squeezed],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/self/net/softnet_stat`;
    return (sink) => files.readAtOnce(path, 'lines', (scanner) => parseSoftnet(scanner, sink)) !== null;
  },
};

/** One line of hexadecimal words per online CPU. */
export const parseSoftnet = (scanner: Scanner, sink: Sink): void => {
  for (let line = 0; !scanner.isAtEnd; line += 1, scanner.nextLine()) {
    const values = [scanner.hexadecimal(), scanner.hexadecimal(), scanner.hexadecimal()];
    scanner.skipWords(cpuColumn - columnsRead);
    const number = scanner.hexadecimal();
    const cpu = String(Number.isNaN(number) ? line : number);
    for (const [column, doc] of [processed, dropped, squeezed].entries()) sink.put(doc, values[column] ?? Number.NaN, cpu);
  }
};
