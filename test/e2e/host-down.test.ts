import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Calm, calmOf, expectUnharmed, succeeded } from '../support/after-fault.ts';
import { lacks } from '../support/components.ts';
import { agentWithHeap, agentWithHeapAt, type District, openDistrict } from '../support/district.ts';
import { heapEnvironment } from '../support/heap.ts';
import { openSecondHost, type SecondHost } from '../support/network.ts';
import { eventually } from '../support/processes.ts';
import { openWebhook, type WebhookReceiver } from '../support/webhook.ts';

interface IncidentRow {
  readonly assetId: string;
  readonly problem: string;
  readonly reason: string;
  readonly severity: string;
  readonly faultFromMs: number;
}
interface SpanRow {
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly status: string;
}

const declaration = (webhookUrl: string, farAddress: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: near-host, name: 近, kind: server, unit: tax, address: 127.0.0.1 }
  - { id: far-host, name: 远, kind: server, unit: tax, address: ${farAddress} }
agents:
  - { id: near, asset: near-host }
  - { id: far, asset: far-host }
checks:
  - { id: far-port, asset: far-host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, critical: false, from: host }
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: critical, notifier: hook, severities: [critical] }, { id: minor, notifier: hook, severities: [minor] }]
`;

// Elsewhere than under root on Linux the machine cannot have a second host; in CI it can.
describe.skipIf(lacks('root', 'ip', 'ping'))('a host that loses its power', () => {
  let host: SecondHost;
  let webhook: WebhookReceiver;
  let district: District;
  let calm: Calm;
  const startFar = () =>
    district.startAgent('far', { args: ['--insecure'], inside: host.inside, launch: agentWithHeapAt(host.farAddress) });

  beforeAll(async () => {
    host = await openSecondHost();
    webhook = await openWebhook();
    district = await openDistrict(declaration(webhook.url, host.farAddress), {
      host: host.nearAddress,
      environment: heapEnvironment,
      collectorArgs: ['--allow-plain-http', '--heartbeat-ms', '500', '--heartbeat-timeout-ms', '2000'],
    });
    const near = await district.startAgent('near', { args: ['--insecure'], launch: agentWithHeap });
    const far = await startFar();
    calm = await calmOf(district.collector, near, far);
  });
  afterAll(async () => {
    await district.close();
    await webhook.close();
    await host.remove();
  });

  const openIncidents = async (): Promise<readonly IncidentRow[]> =>
    (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open')).items.filter(
      (incident) => incident.problem === 'agent',
    );

  test('is told from a stopped agent, and what its agent measured meanwhile fills the gap', async () => {
    // Before its first answer a check is unknown, which nothing can fill.
    await eventually('the check was asked', async () => {
      const { items } = await district.get<{ items: { id: string; status: string }[] }>('/api/v1/checks');
      return items.some((one) => one.id === 'far-port' && one.status === 'down') ? true : null;
    });
    const pulledAtMs = Date.now();
    await host.setPlugged(false);
    const firing = await webhook.next((notice) => notice.notice === 'firing' && notice.incidentId.startsWith('far-host~agent'));
    const [incident] = await openIncidents();
    expect(incident).toMatchObject({ assetId: 'far-host', reason: 'HOST_DOWN', severity: 'critical' });
    expect(firing.atMs - pulledAtMs).toBeLessThanOrEqual(20_000);

    await host.setPlugged(true);
    await webhook.next((notice) => notice.notice === 'resolved' && notice.incidentId === firing.incidentId, 60_000);

    // The agent went on probing while the cable was out: nothing of that is unknown in the end.
    const check = await eventually('the gap is filled', async () => {
      const query = `kind=check&id=far-port&fromMs=${pulledAtMs}&toMs=${Date.now()}`;
      const { items } = await district.get<{ items: SpanRow[] }>(`/api/v1/spans?${query}`);
      return items.every((span) => span.status === 'down') ? items : null;
    });
    expect(check.length).toBeGreaterThan(0);
    const { items } = await district.get<{ items: SpanRow[] }>(
      `/api/v1/spans?kind=check&id=agent:far&fromMs=${pulledAtMs}&toMs=${Date.now()}`,
    );
    expect(items.map((span) => span.status)).toContain('down');
    await expectUnharmed(district, calm, {
      said: [
        [district.collector, /"agentId":"far".*"code":"SILENT".*connection ended/],
        [district.agent('far'), /nothing came from the collector for the heartbeat timeout/],
        [district.agent('far'), /connected to the collector/],
      ],
    });
  });

  test('an agent that is killed on a host that answers is a stopped agent', async () => {
    const before = webhook.received.length;
    const far = district.agent('far');
    await far.kill('SIGKILL');
    const firing = await webhook.next(
      (notice) =>
        notice.notice === 'firing' &&
        webhook.received.indexOf(notice) >= before &&
        notice.incidentId.startsWith('far-host~agent'),
    );
    expect(await openIncidents()).toMatchObject([{ assetId: 'far-host', reason: 'AGENT_STOPPED', severity: 'minor' }]);

    const next = await startFar();
    await webhook.next((notice) => notice.notice === 'resolved' && notice.incidentId === firing.incidentId);
    await expectUnharmed(district, succeeded(calm, far, next), {
      said: [
        [district.collector, /"agentId":"far".*"cause":"closed".*agent lost/],
        [next, /the run before did not end properly/],
      ],
    });
  });
});
