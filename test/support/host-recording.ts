import { readFileSync } from 'node:fs';
import type { SampleRow } from '../../shared/src/protocol/samples.ts';
import { type MetricFamily, metricTypes, type Series } from '../../shared/src/series.ts';

interface Recording {
  readonly families: Readonly<Record<string, { readonly type: string; readonly help: string }>>;
  readonly series: readonly string[];
  readonly rows: readonly { readonly atMs: number; readonly values: readonly number[] }[];
}

/** A real host, scraped every 15 s: its series and 48 rows of them. */
export const hostRecording = (): { series: readonly Series[]; rows: readonly SampleRow[] } => {
  const recording: Recording = JSON.parse(readFileSync(new URL('../fixtures/host-recording.json', import.meta.url), 'utf8'));
  const families = new Map(
    Object.entries(recording.families).map(([name, { type, help }]): [string, MetricFamily] => [
      name,
      { name, type: metricTypes.find((known) => known === type) ?? 'untyped', help },
    ]),
  );
  const indexes = Uint32Array.from(recording.series, (_, index) => index);
  return {
    series: recording.series.map((text) => seriesOf(text, families)),
    rows: recording.rows.map(({ atMs, values }) => ({ atMs, indexes, values: Float64Array.from(values) })),
  };
};

const seriesOf = (text: string, families: ReadonlyMap<string, MetricFamily>): Series => {
  const name = text.split('{')[0] ?? '';
  const family = families.get(name);
  if (family === undefined) throw new Error(`the recording does not describe ${name}`);
  return { family, labels: [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]) };
};
