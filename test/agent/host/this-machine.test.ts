import { expect, test } from 'vitest';
import { createHostCollector } from '../../../agent/src/host/collector.ts';
import { readersFor } from '../../../agent/src/host/registry.ts';
import { selfMetrics } from '../../../agent/src/host/self-metrics.ts';
import { systemClock } from '../../../shared/src/clock.ts';
import { lacks } from '../../support/components.ts';
import { valuesOf } from './support/collect.ts';

test.skipIf(lacks('linux'))(
  'the host it runs on: every series is of a declared family, and the values fit together',
  async () => {
    const collector = createHostCollector({ clock: systemClock, platform: 'linux' });
    const signal = new AbortController().signal;
    const first = valuesOf(collector.series, await collector.collect(signal));
    const second = valuesOf(collector.series, await collector.collect(signal));
    collector.close();

    const declared = [...readersFor('linux').flatMap(({ metrics }) => metrics), ...selfMetrics];
    for (const { family, labels } of collector.series) {
      const fits = declared.filter(
        ({ name, type }) => type === family.type && new RegExp(`^${name.replace('<field>', '.+')}$`).test(family.name),
      );
      expect(
        fits.map((doc) => doc.labels),
        family.name,
      ).toContainEqual(labels.map(([label]) => label));
    }
    const counters = collector.series.filter(({ family }) => family.type === 'counter').map(({ family }) => family.name);
    for (const [name, value] of second) {
      expect(Number.isFinite(value), name).toBe(true);
      if (counters.includes(name.split('{')[0] ?? '')) expect(value, name).toBeGreaterThanOrEqual(first.get(name) ?? value);
    }
    const told = (name: string): number => second.get(name) ?? Number.NaN;
    expect(told('node_memory_MemTotal_bytes')).toBeGreaterThan(told('node_memory_MemFree_bytes'));
    expect(told('node_boot_time_seconds')).toBeLessThan(told('node_time_seconds'));
    expect(told('node_procs_running')).toBeGreaterThan(0);
    expect(told('node_processes_pids')).toBeGreaterThan(0);
    expect(told('jiwei_agent_process_resident_memory_bytes')).toBeGreaterThan(10 * 1024 * 1024);
  },
);
