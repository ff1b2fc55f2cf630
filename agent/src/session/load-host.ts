import { loadavg } from 'node:os';
import type { Series } from '@jiwei/shared/series.ts';
import type { HostSource } from './host-source.ts';

/** Load averages as node_exporter names them, from what Node itself knows. */
export const createLoadHost = (): HostSource => {
  const series: Series[] = ['1', '5', '15'].map((minutes) => ({
    family: { name: `node_load${minutes}`, type: 'gauge', help: `${minutes}m load average.` },
    labels: [],
  }));
  const indexes = Uint32Array.of(0, 1, 2);
  return { series, collect: async () => ({ atMs: 0, indexes, values: Float64Array.from(loadavg()), errors: [] }) };
};
