import { describe, familiesOf, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const field = describe('node_vmstat_<field>', 'untyped', '/proc/vmstat information field <field>.');
/** node_exporter's default choice. */
const wanted = /^(oom_kill|pgpg|pswp|pg.*fault).*/;

/** Paging, swapping, faults and out-of-memory kills from /proc/vmstat. */
export const vmstatReader: Reader = {
  name: 'vmstat',
  metrics: [field],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/vmstat`;
    const parse = createVmstatParser();
    return (sink) => files.readAtOnce(path, 'lines', (scanner) => parse(scanner, sink)) !== null;
  },
};

/** Lines as `pgfault 17463060`. */
export const createVmstatParser = (): ((scanner: Scanner, sink: Sink) => void) => {
  const familyOf = familiesOf(field);
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      // Most of the two hundred lines need not even become a string.
      if (!scanner.startsWith('p') && !scanner.startsWith('oom_kill')) continue;
      const name = scanner.word();
      if (wanted.test(name)) sink.put(familyOf(name), scanner.number());
    }
  };
};
