import { describe, familiesOf, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const used = describe('node_sockstat_sockets_used', 'gauge', 'Number of IPv4 sockets in use.');
const inState = describe('node_sockstat_<field>', 'gauge', 'Number of <field>.');
/** Size of the kernel's memory pages on x86-64 and on LoongArch and arm64 distributions; `mem` counts pages. */
const pageBytesDefault = 4_096;

/** Sockets by protocol and state from /proc/net/sockstat and sockstat6. */
export const sockstatReader: Reader = {
  name: 'sockstat',
  metrics: [used, inState],
  everyMs: 0,
  open: ({ files, roots }) => {
    const parse = createSockstatParser(pageBytesDefault);
    const folder = `${roots.proc}/self/net`;
    return (sink) => {
      const four = files.readAtOnce(`${folder}/sockstat`, 'whole', (scanner) => parse(scanner, sink));
      files.readAtOnce(`${folder}/sockstat6`, 'whole', (scanner) => parse(scanner, sink));
      return four !== null;
    };
  },
};

/** Lines as `TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 262`. */
export const createSockstatParser = (pageBytes: number): ((scanner: Scanner, sink: Sink) => void) => {
  const familyOf = familiesOf(inState);
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      const protocol = scanner.until(':');
      if (protocol === null) continue;
      for (let name = scanner.word(); name !== ''; name = scanner.word()) {
        const value = scanner.number();
        if (protocol === 'sockets') {
          if (name === 'used') sink.put(used, value);
          continue;
        }
        sink.put(familyOf(`${protocol}_${name}`, `${protocol} sockets in state ${name}`), value);
        if (name !== 'mem') continue;
        sink.put(familyOf(`${protocol}_mem_bytes`, `${protocol} sockets in state mem_bytes`), value * pageBytes);
      }
    }
  };
};
