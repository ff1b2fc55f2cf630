import { fileURLToPath } from 'node:url';
import { createHostCollector, type HostCollectorOptions, type HostRow } from '../../../../agent/src/host/collector.ts';
import { type Series, seriesText } from '../../../../shared/src/series.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

/** Wall time of the clocks in these tests. */
export const startAtMs = 1_795_467_078_000;

/** The folders of a recorded host. */
export const rootsOf = (recording: string) => {
  const folder = fileURLToPath(new URL(`../../../fixtures/proc/${recording}`, import.meta.url));
  return { proc: `${folder}/proc`, sys: `${folder}/sys`, run: `${folder}/run`, etc: `${folder}/etc` };
};

/** A row as text and value, the form in which people know it. */
export const valuesOf = (series: readonly Series[], row: HostRow): Map<string, number> => {
  const values = new Map<string, number>();
  for (const [at, index] of row.indexes.entries()) {
    const one = series[index];
    if (one !== undefined) values.set(seriesText(one.family.name, one.labels), row.values[at] ?? Number.NaN);
  }
  return values;
};

/** Collects a recorded host once. */
export const collectRecording = async (recording: string, options: Partial<HostCollectorOptions> = {}) => {
  const collector = createHostCollector({
    clock: createManualClock(startAtMs),
    platform: 'linux',
    roots: rootsOf(recording),
    statfs: async () => ({ bsize: 4_096, blocks: 100, bfree: 40, bavail: 30, files: 20, ffree: 10 }),
    ...options,
  });
  const row = await collector.collect(new AbortController().signal);
  collector.close();
  return { row, series: collector.series, values: valuesOf(collector.series, row) };
};
