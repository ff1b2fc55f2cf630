import { describe, type Reader } from '../reader.ts';

const allocated = describe('node_filefd_allocated', 'gauge', 'File descriptor statistics: allocated.');
const maximum = describe('node_filefd_maximum', 'gauge', 'File descriptor statistics: maximum.');

/** Open files of the whole host: `764 0 2466193` (allocated, free, maximum). */
export const filefdReader: Reader = {
  name: 'filefd',
  metrics: [allocated, maximum],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/sys/fs/file-nr`;
    return (sink) => {
      const found = files.readAtOnce(path, 'whole', (scanner) => {
        sink.put(allocated, scanner.number());
        scanner.skipWords(1);
        sink.put(maximum, scanner.number());
      });
      return found !== null;
    };
  },
};
