import { describe, familiesOf, isThere, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const inBytes = describe('node_memory_<field>_bytes', 'gauge', 'Memory information field <field>.');
const inPieces = describe('node_memory_<field>', 'gauge', 'Memory information field <field>.');

/** Every line of /proc/meminfo, whatever the kernel calls it. */
export const memoryReader: Reader = {
  name: 'meminfo',
  metrics: [inBytes, inPieces],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/meminfo`;
    const parse = createMemoryParser();
    return (sink) => isThere(files.read(path, 'whole', (scanner) => parse(scanner, sink)));
  },
};

/** Lines as `Active(anon):   1608 kB` become bytes; lines without unit (huge pages) stay counts. */
export const createMemoryParser = (): ((scanner: Scanner, sink: Sink) => void) => {
  const bytesFamily = familiesOf(inBytes);
  const countFamily = familiesOf(inPieces);
  const names = new Map<string, string>();
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      const key = scanner.word();
      if (!key.endsWith(':')) continue;
      let name = names.get(key);
      if (name === undefined) {
        name = fieldName(key);
        names.set(key, name);
      }
      const value = scanner.number();
      // A line cut short could be missing its unit, and then digits too.
      const unit = scanner.word();
      if (unit === 'kB') sink.put(bytesFamily(name, `${name}_bytes`), value * 1024);
      else if (unit === '' && name.startsWith('HugePages_')) sink.put(countFamily(name), value);
    }
  };
};

/** `Active(anon):` → `Active_anon`, as node_exporter writes it. */
const fieldName = (key: string): string => key.slice(0, -1).replace(/\((.*)\)/, '_$1');
