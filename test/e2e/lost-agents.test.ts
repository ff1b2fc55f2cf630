import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed, succeeded } from '../support/after-fault.ts';
import { agentWithHeap, type District, openDistrict } from '../support/district.ts';
import { heapEnvironment } from '../support/heap.ts';
import { eventually } from '../support/processes.ts';
import { openWebhook, type WebhookReceiver } from '../support/webhook.ts';

interface IncidentRow {
  readonly id: string;
  readonly assetId: string;
  readonly problem: string;
  readonly reason: string;
  readonly attachedTo: string | null;
}

const declaration = (webhookUrl: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }, { id: west, name: 西片区, crew: 二组 }]
units: [{ id: tax, name: 税务局, zone: east }, { id: school, name: 教育局, zone: west }]
assets:
  - { id: east-a, name: 甲, kind: server, unit: tax, address: 127.0.0.1 }
  - { id: east-b, name: 乙, kind: server, unit: tax, address: 127.0.0.1 }
  - { id: west-a, name: 丙, kind: server, unit: school, address: 127.0.0.1 }
  - { id: west-b, name: 丁, kind: server, unit: school, address: 127.0.0.1 }
  - { id: west-c, name: 戊, kind: server, unit: school, address: 127.0.0.1 }
agents:
  - { id: a1, asset: east-a }
  - { id: a2, asset: east-b }
  - { id: w1, asset: west-a }
  - { id: w2, asset: west-b }
  - { id: w3, asset: west-c }
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: all, notifier: hook }]
`;

describe('agents that are killed', () => {
  let webhook: WebhookReceiver;
  let district: District;

  beforeAll(async () => {
    webhook = await openWebhook();
    district = await openDistrict(declaration(webhook.url), { environment: heapEnvironment });
  });
  afterAll(async () => {
    await district.close();
    await webhook.close();
  });

  const openIncidents = async (): Promise<readonly IncidentRow[]> =>
    (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open')).items;

  test('one agent killed while another still reaches its host: the agent stopped, told within 3 s; its return resolves it', async () => {
    const killed = await district.startAgent('a1', { launch: agentWithHeap });
    const calm = await calmOf(district.collector, killed, await district.startAgent('a2', { launch: agentWithHeap }));
    const killedAtMs = Date.now();
    await killed.kill('SIGKILL');
    const firing = await webhook.next((notice) => notice.notice === 'firing');
    expect(firing.atMs - killedAtMs).toBeLessThanOrEqual(3_000);
    expect(await openIncidents()).toMatchObject([
      { id: firing.incidentId, assetId: 'east-a', problem: 'agent', reason: 'AGENT_STOPPED' },
    ]);
    const next = await district.startAgent('a1', { launch: agentWithHeap });
    await webhook.next((notice) => notice.notice === 'resolved' && notice.incidentId === firing.incidentId);
    expect(await openIncidents()).toEqual([]);
    await expectUnharmed(district, succeeded(calm, killed, next), {
      said: [
        [district.collector, /"agentId":"a1".*agent lost/],
        [next, /the run before did not end properly/],
      ],
    });
  });

  test('three agents of one zone killed at once are one incident of the zone and one notice', async () => {
    const before = webhook.received.length;
    const zone = ['w1', 'w2', 'w3'];
    const start = () => Promise.all(zone.map((id) => district.startAgent(id, { launch: agentWithHeap })));
    const killed = await start();
    const calm = await calmOf(district.collector, ...killed);
    await Promise.all(killed.map((agent) => agent.kill('SIGKILL')));
    const firing = await webhook.next((notice) => notice.notice === 'firing' && webhook.received.indexOf(notice) >= before);
    const incidents = await eventually('the three are attached to it', async () => {
      const open = await openIncidents();
      return open.filter((incident) => incident.attachedTo === firing.incidentId).length === 3 ? open : null;
    });
    expect(incidents.find((incident) => incident.id === firing.incidentId)).toMatchObject({
      assetId: 'zone:west',
      reason: 'ZONE_OUTAGE',
    });
    expect(webhook.received.slice(before).map((notice) => notice.notice)).toEqual(['firing']);
    const next = await start();
    await webhook.next((notice) => notice.notice === 'resolved' && notice.incidentId === firing.incidentId);
    expect(await eventually('all is closed', async () => ((await openIncidents()).length === 0 ? true : null))).toBe(true);
    expect(webhook.received.slice(before).map((notice) => notice.notice)).toEqual(['firing', 'resolved']);
    const level = killed.reduce((so, agent, index) => succeeded(so, agent, next[index] ?? agent), calm);
    await expectUnharmed(district, level, {
      said: [
        ...zone.map((id) => [district.collector, new RegExp(`"agentId":"${id}".*agent lost`)] as const),
        ...next.map((agent) => [agent, /the run before did not end properly/] as const),
      ],
    });
  });
});
