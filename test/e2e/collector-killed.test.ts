import type { Series } from '@jiwei/shared/series.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed } from '../support/after-fault.ts';
import { type District, openDistrict } from '../support/district.ts';
import { type LoadAgent, newLoadIdentity, openLoadAgent } from '../support/load-agent.ts';
import { eventually } from '../support/processes.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: web, name: 办税网站, kind: website, unit: tax, needsOnsite: true }]
checks: [{ id: dead-man, asset: web, kind: heartbeat, interval: 1h }]
notifiers: [{ id: log, kind: log }]
routes: [{ id: all, notifier: log }]
`;

const series: readonly Series[] = Array.from({ length: 20 }, (_, index) => ({
  family: { name: 'node_load1', type: 'gauge', help: '1m load average.' },
  labels: [['n', String(index)]],
}));
const agentCount = 4;
const rowsBefore = 300;

interface Cycle {
  readonly respondDueAtMs: number;
  readonly onsiteDueAtMs: number;
}
interface IncidentRow {
  readonly id: string;
  readonly openedAtMs: number;
  readonly faultFromMs: number;
  readonly cycles: readonly Cycle[];
}

describe('a collector killed under load', () => {
  let district: District;
  beforeAll(async () => {
    district = await openDistrict(declaration);
  });
  afterAll(() => district.close());

  const joinToken = async (): Promise<string> =>
    (await district.post<{ token: string }>('/api/v1/join-tokens', { uses: agentCount })).token;

  const openIncident = async (): Promise<IncidentRow> => {
    const [incident] = (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open')).items;
    if (incident === undefined) throw new Error('no incident is open');
    return incident;
  };

  test('has every acknowledged frame after its restart, none twice, and the same incident with the same due instants', async () => {
    const { pathWithToken: pushPath } = await district.get<{ pathWithToken: string }>('/api/v1/checks/dead-man/push');
    await fetch(new URL(`${pushPath}&status=down`, district.url), { method: 'POST' });
    const before = await eventually('the incident is open', () => openIncident());

    const token = await joinToken();
    const startAtMs = Date.now() - 1_000_000;
    const streams = Array.from({ length: agentCount }, (_, index) => ({
      name: `load-${index}`,
      identity: newLoadIdentity(),
      acknowledged: new Set<number>(),
    }));
    const valuesOf = (row: number): Float64Array => Float64Array.from(series, (_, index) => row * 100 + index);
    const connect = (stream: (typeof streams)[number]): Promise<LoadAgent> =>
      openLoadAgent({ url: district.url, joinToken: token, name: stream.name, series, identity: stream.identity });
    const agents = await Promise.all(streams.map(connect));

    // Killed in the middle of it: as soon as each stream has some frames acknowledged and many under way.
    const enough = Promise.withResolvers<void>();
    for (const [index, agent] of agents.entries()) {
      for (let row = 0; row < rowsBefore; row += 1) {
        if (row % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
        void agent.sendRow(startAtMs + row * 1_000, valuesOf(row)).then(() => {
          streams[index]?.acknowledged.add(row);
          if (streams.every((stream) => stream.acknowledged.size > 5)) enough.resolve();
        });
        if (row >= 100) break;
      }
    }
    await enough.promise;
    await district.restartCollector();
    for (const agent of agents) agent.close();

    expect(await openIncident()).toEqual(before);
    const goOn = async (stream: (typeof streams)[number]): Promise<void> => {
      const agent = await connect(stream);
      const stored = agent.storedSeq ?? -1;
      expect(stored).toBeGreaterThanOrEqual(Math.max(...stream.acknowledged));
      // What was stored is sent again on purpose, with other values, and then the rest: only the rest may count.
      await agent.sendFrame(stored, startAtMs + stored * 1_000, valuesOf(-1));
      for (let row = stored + 1; row < rowsBefore; row += 1) await agent.sendFrame(row, startAtMs + row * 1_000, valuesOf(row));
      agent.close();
      const query = `names=node_load1&fromMs=${startAtMs}&toMs=${startAtMs + rowsBefore * 1_000}&stepMs=1000`;
      const { series: found } = await district.get<{ series: { labels: Record<string, string>; points: [number, number][] }[] }>(
        `/api/v1/agents/${agent.agentId}/samples?${query}`,
      );
      expect(found).toHaveLength(series.length);
      for (const one of found) {
        const values = one.points.map(([, value]) => value);
        expect(values).toEqual(Array.from({ length: rowsBefore }, (_, row) => row * 100 + Number(one.labels['n'])));
      }
    };
    await Promise.all(streams.map(goOn));
    // No process lived through it, so there is no level of memory to come back to.
    await expectUnharmed(district, await calmOf(), {
      said: [[district.collector, /the run before did not end properly/]],
      runs: streams.map(({ name, identity }) => ({ agentId: name, bootId: identity.bootId, lastSeq: rowsBefore - 1 })),
      incidents: [before],
    });
  });
});
