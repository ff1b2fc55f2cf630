import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';

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
const declaration = (comparison: string): string => `
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
`;

describe('a rule over host series', () => {
  let district: District;
  beforeAll(async () => {
    district = await openDistrict(declaration('>'));
    await district.startAgent('local');
  });
  afterAll(() => district.close());

  const incidents = async (): Promise<readonly IncidentRow[]> =>
    (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents')).items;

  test('opens an incident of the host once it held long enough, and a changed rule takes it back', async () => {
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

    await district.declare(declaration('<'));
    const [closed] = await eventually('the incident ends with its rule', async () => {
      const items = await incidents();
      return items[0]?.state === 'resolved' ? items : null;
    });
    expect(closed?.cycles.at(-1)?.excluded).toBe('retired');
  });
});
