import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { openReceiver, type Receiver } from '../support/webhook-receiver.ts';

interface IncidentRow {
  readonly assetId: string;
  readonly problem: string;
  readonly reason: string;
  readonly severity: string;
  readonly summary: string;
  readonly state: string;
  readonly cycles: readonly { readonly excluded: string | null }[];
}

/** A rule that holds on every host at once, or on none. */
const declaration = (comparison: string, routes: string): string => `
host: { interval: 1s }
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax, address: 127.0.0.1 }]
agents: [{ id: local, asset: host }]
groups:
  - name: host
    interval: 1s
    rules:
      - alert: ManyFilesAllowed
        expr: node_filefd_maximum ${comparison} 0
        for: 2s
        labels: { severity: critical }
        annotations: { summary: "{{ $labels.instance }} allows {{ $value }} open files" }
${routes}`;

describe('a rule over host series', () => {
  let district: District;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await openReceiver();
    const routes = `notifiers: [{ id: hook, kind: webhook, url: '${receiver.url}', allowPlainHttp: true }]
routes: [{ id: duty, notifier: hook }]
`;
    district = await openDistrict(declaration('>', routes));
    await district.startAgent('local');
  });
  afterAll(async () => {
    await district.close();
    await receiver.close();
  });

  const incidents = async (): Promise<readonly IncidentRow[]> =>
    (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents')).items;

  test('opens an incident of the host once it held long enough; a changed rule takes it back, and who heard of it is told', async () => {
    const [open] = await eventually(
      'the rule fires',
      async () => {
        const items = await incidents();
        return items.length > 0 ? items : null;
      },
      60_000,
    );
    expect(open).toMatchObject({ assetId: 'host', reason: 'RULE', severity: 'critical', state: 'open' });
    expect(open?.problem).toMatch(/^rule:/);
    expect(open?.summary).toMatch(/主机: local allows \S+ open files/);
    const alerts = await district.get<{ items: { state: string; labels: Record<string, string> }[] }>('/api/v1/alerts');
    expect(alerts.items).toMatchObject([{ state: 'firing', labels: { alertname: 'ManyFilesAllowed', instance: 'local' } }]);

    await receiver.count(1);
    // Another rule, and nobody is told of anything any more.
    await district.declare(declaration('<', ''));
    const [closed] = await eventually('the incident ends with its rule', async () => {
      const items = await incidents();
      return items[0]?.state === 'resolved' ? items : null;
    });
    expect(closed?.cycles.at(-1)?.excluded).toBe('retired');
    await receiver.count(2);
    expect(receiver.received.map(({ body }) => JSON.parse(body).notice)).toEqual(['firing', 'resolved']);
  });
});
