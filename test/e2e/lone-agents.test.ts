import { afterAll, beforeAll, expect, test } from 'vitest';
import { calmOf, expectUnharmed, succeeded } from '../support/after-fault.ts';
import { agentWithHeap, type District, openDistrict } from '../support/district.ts';
import { heapEnvironment } from '../support/heap.ts';
import { eventually } from '../support/processes.ts';

interface IncidentRow {
  readonly id: string;
  readonly assetId: string;
  readonly reason: string;
  readonly details: Readonly<Record<string, string>>;
}
interface Entry {
  readonly kind: string;
  readonly text: string;
}

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: host-a, name: 甲, kind: server, unit: tax, address: 127.0.0.1 }
  - { id: host-b, name: 乙, kind: server, unit: tax, address: 127.0.0.1 }
agents:
  - { id: a, asset: host-a }
  - { id: b, asset: host-b }
`;

/** A question that nobody could be asked is put again every 20 s. */
const nextRoundMsMax = 40_000;

let district: District;
beforeAll(async () => {
  district = await openDistrict(declaration, { environment: heapEnvironment });
});
afterAll(() => district.close());

const told = (assetId: string, reason: string, host: string): Promise<IncidentRow> =>
  eventually(
    `${assetId} is told as ${reason} with its host ${host}`,
    async () => {
      const { items } = await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open');
      return items.find((one) => one.assetId === assetId && one.reason === reason && one.details['host'] === host) ?? null;
    },
    nextRoundMsMax,
  );

const timeline = async ({ id }: IncidentRow): Promise<readonly Entry[]> =>
  (await district.get<{ timeline: Entry[] }>(`/api/v1/incidents/${encodeURIComponent(id)}`)).timeline.filter(({ kind }) =>
    ['opened', 'updated', 'reopened', 'resolved'].includes(kind),
  );

test('an agent that nobody else can ask about: silent when it was killed, stopped when it said goodbye; what is found out later is told in place', async () => {
  const killed = await district.startAgent('a', { launch: agentWithHeap });
  const calm = await calmOf(district.collector, killed);
  await killed.kill('SIGKILL');
  const silent = await told('host-a', 'AGENT_SILENT', 'unknown');

  const stopped = await district.startAgent('b', { launch: agentWithHeap });
  const found = await told('host-a', 'AGENT_STOPPED', 'reachable');
  expect(found.id).toBe(silent.id);

  await stopped.kill('SIGTERM');
  const goodbye = await told('host-b', 'AGENT_STOPPED', 'unknown');
  expect(goodbye.details).toMatchObject({ agent: 'b', cause: 'bye' });
  await told('host-a', 'AGENT_STOPPED', 'unknown');
  expect(await timeline(found)).toMatchObject([
    { kind: 'opened', text: '甲: the agent is silent and nobody can ask its host' },
    { kind: 'updated', text: '甲: the agent stopped; its host answers' },
    { kind: 'updated', text: '甲: the agent stopped; its host answered, and nobody can ask it any more' },
  ]);

  const next = await district.startAgent('a', { launch: agentWithHeap });
  await told('host-b', 'AGENT_STOPPED', 'reachable');
  await district.startAgent('b', { launch: agentWithHeap });
  await eventually('both are resolved', async () => {
    const { items } = await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open');
    return items.length === 0 ? true : null;
  });
  expect((await timeline(goodbye)).map(({ kind }) => kind)).toEqual(['opened', 'updated', 'resolved']);
  await expectUnharmed(district, succeeded(calm, killed, next), {
    said: [
      [district.collector, /"agentId":"b".*agent says goodbye/],
      [next, /the run before did not end properly/],
    ],
  });
}, 240_000);
