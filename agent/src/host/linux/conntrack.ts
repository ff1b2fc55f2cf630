import type { MetricDoc } from '@jiwei/shared/series.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const entries = describe(
  'node_nf_conntrack_entries',
  'gauge',
  'Number of currently allocated flow entries for connection tracking.',
);
const entriesLimit = describe('node_nf_conntrack_entries_limit', 'gauge', 'Maximum size of connection tracking table.');
const stat = (name: string, help: string): readonly [string, MetricDoc] => [
  name,
  describe(`node_nf_conntrack_stat_${name}`, 'gauge', help),
];
const stats: ReadonlyMap<string, MetricDoc> = new Map([
  stat('found', 'Number of searched entries which were successful.'),
  stat('invalid', 'Number of packets seen which can not be tracked.'),
  stat('ignore', 'Number of packets seen which are already connected to a conntrack entry.'),
  stat('insert', 'Number of entries inserted into the list.'),
  stat('insert_failed', 'Number of entries for which list insertion was attempted but failed.'),
  stat('drop', 'Number of packets dropped due to conntrack failure.'),
  stat('early_drop', 'Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.'),
  stat('search_restart', 'Number of conntrack table lookups which had to be restarted due to hashtable resizes.'),
]);

/** Connection tracking; the files are there once a rule of the firewall uses it. */
export const conntrackReader: Reader = {
  name: 'conntrack',
  metrics: [entries, entriesLimit, ...stats.values()],
  everyMs: 0,
  open: ({ files, roots }) => {
    const folder = `${roots.proc}/sys/net/netfilter`;
    return (sink) => {
      const found = files.readAtOnce(`${folder}/nf_conntrack_count`, 'whole', (scanner) => sink.put(entries, scanner.number()));
      files.readAtOnce(`${folder}/nf_conntrack_max`, 'whole', (scanner) => sink.put(entriesLimit, scanner.number()));
      files.readAtOnce(`${roots.proc}/self/net/stat/nf_conntrack`, 'lines', (scanner) => parseConntrackStat(scanner, sink));
      return found !== null;
    };
  },
};

/** A header of names, then one line of hexadecimal counters per CPU, told as their sum. */
export const parseConntrackStat = (scanner: Scanner, sink: Sink): void => {
  const header = scanner.rest().split(/\s+/);
  const sums = new Float64Array(header.length);
  while (scanner.nextLine()) {
    for (let column = 0; column < sums.length; column += 1) sums[column] = (sums[column] ?? 0) + scanner.hexadecimal();
  }
  for (const [column, name] of header.entries()) {
    const doc = stats.get(name);
    if (doc !== undefined) sink.put(doc, sums[column] ?? Number.NaN);
  }
};
