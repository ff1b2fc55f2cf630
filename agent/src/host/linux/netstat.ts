import { describe, familiesOf, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const statistic = describe('node_netstat_<field>', 'untyped', 'Statistic <field>.');

/** node_exporter's default choice out of some 400 counters. */
const wanted =
  /^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$/;

/** Protocol counters from /proc/net/{netstat,snmp,snmp6}. */
export const netstatReader: Reader = {
  name: 'netstat',
  metrics: [statistic],
  everyMs: 0,
  open: ({ files, roots }) => {
    const folder = `${roots.proc}/self/net`;
    const snmp = createHeaderParser();
    const netstat = createHeaderParser();
    const snmp6 = createSnmp6Parser();
    return (sink) => {
      const first = files.readAtOnce(`${folder}/netstat`, 'whole', (scanner) => netstat(scanner, sink));
      const second = files.readAtOnce(`${folder}/snmp`, 'whole', (scanner) => snmp(scanner, sink));
      // Not there where IPv6 is switched off.
      files.readAtOnce(`${folder}/snmp6`, 'whole', (scanner) => snmp6(scanner, sink));
      return first !== null && second !== null;
    };
  },
};

interface WantedColumn {
  readonly column: number;
  readonly doc: ReturnType<ReturnType<typeof familiesOf>>;
}

/** Line pairs: `Tcp: names …`, `Tcp: values …`. The names do not change while the kernel runs, so their columns are looked up once. */
export const createHeaderParser = (): ((scanner: Scanner, sink: Sink) => void) => {
  const familyOf = familiesOf(statistic);
  const known = new Map<string, { readonly header: string; readonly columns: readonly WantedColumn[] }>();
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      const protocol = scanner.until(':');
      if (protocol === null) continue;
      const header = scanner.rest();
      if (!scanner.nextLine() || scanner.until(':') !== protocol) return;
      let group = known.get(protocol);
      if (group?.header !== header) {
        group = { header, columns: columnsOf(protocol, header, familyOf) };
        known.set(protocol, group);
      }
      let at = 0;
      for (const { column, doc } of group.columns) {
        scanner.skipWords(column - at);
        sink.put(doc, scanner.number());
        at = column + 1;
      }
    }
  };
};

const columnsOf = (protocol: string, header: string, familyOf: ReturnType<typeof familiesOf>): WantedColumn[] =>
  header.split(/\s+/).flatMap((name, column) => {
    const field = `${protocol}_${name}`;
    return wanted.test(field) ? [{ column, doc: familyOf(field, `${protocol}${name}`) }] : [];
  });

/** Lines as `Ip6InReceives   1`; the protocol ends with the 6, and UdpLite6 must not be taken for Udp6. */
export const createSnmp6Parser = (): ((scanner: Scanner, sink: Sink) => void) => {
  const familyOf = familiesOf(statistic);
  const known = new Map<string, string | null>();
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      const word = scanner.word();
      let field = known.get(word);
      if (field === undefined) {
        field = snmp6Field(word);
        if (known.size < snmp6FieldsMax) known.set(word, field);
      }
      if (field !== null) sink.put(familyOf(field, word), scanner.number());
    }
  };
};

/** Far more than the kernel has; ICMP message types come and go with the traffic. */
const snmp6FieldsMax = 2_000;

const snmp6Field = (word: string): string | null => {
  const at = word.indexOf('6');
  const field = at < 0 ? '' : `${word.slice(0, at + 1)}_${word.slice(at + 1)}`;
  return wanted.test(field) ? field : null;
};
