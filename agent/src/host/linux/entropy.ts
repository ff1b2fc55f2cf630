import { describe, type Reader } from '../reader.ts';

const available = describe('node_entropy_available_bits', 'gauge', 'Bits of available entropy.');
const poolBits = describe('node_entropy_pool_size_bits', 'gauge', 'Bits of entropy pool.');

/** The kernel's random pool. */
export const entropyReader: Reader = {
  name: 'entropy',
  metrics: [available, poolBits],
  everyMs: 0,
  open: ({ files, roots }) => {
    const folder = `${roots.proc}/sys/kernel/random`;
    return (sink) => {
      const found = files.readAtOnce(`${folder}/entropy_avail`, 'whole', (scanner) => sink.put(available, scanner.number()));
      files.readAtOnce(`${folder}/poolsize`, 'whole', (scanner) => sink.put(poolBits, scanner.number()));
      return found !== null;
    };
  },
};
