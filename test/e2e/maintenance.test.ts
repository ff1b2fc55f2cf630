import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { openWebhook, type WebhookReceiver } from '../support/webhook.ts';

const startedAtMs = Date.now();
const iso = (atMs: number): string => new Date(atMs).toISOString();

/** Two jobs that nobody calls; one of them is declared to be in maintenance, with an approval from before. */
const declaration = (webhookUrl: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: declared, name: 计划内, kind: other, unit: tax, importance: 3 }
  - { id: posted, name: 临时, kind: other, unit: tax, importance: 3 }
checks:
  - { id: declared-run, asset: declared, kind: heartbeat, interval: 1s, graceMs: 500 }
  - { id: posted-run, asset: posted, kind: heartbeat, interval: 1s, graceMs: 500 }
maintenance:
  - id: upgrade
    from: "${iso(startedAtMs - 60_000)}"
    to: "${iso(startedAtMs + 600_000)}"
    assets: [declared]
    reason: upgrade
    approvedBy: 王主任
    approvedAt: "${iso(startedAtMs - 120_000)}"
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: all, notifier: hook }]
`;

describe('maintenance', () => {
  let webhook: WebhookReceiver;
  let district: District;
  beforeAll(async () => {
    webhook = await openWebhook();
    district = await openDistrict(declaration(webhook.url));
  });
  afterAll(async () => {
    await district.close();
    await webhook.close();
  });

  const reportFailure = async (checkId: string): Promise<void> => {
    const { path } = await district.get<{ path: string }>(`/api/v1/checks/${checkId}/push`);
    for (const status of ['up', 'down']) await fetch(`${district.url}${path}&status=${status}`);
  };
  const partsOf = async (assetId: string): Promise<Record<string, number>> => {
    const range = `fromMs=${startedAtMs}&toMs=${Date.now()}`;
    const page = await district.get<{ items: { parts: Record<string, number> }[] }>(
      `/api/v1/availability/assets?assetId=${assetId}&${range}`,
    );
    return page.items[0]?.parts ?? {};
  };

  test('declared: what fails in it counts as maintenance and disturbs nobody, while another asset does', async () => {
    await reportFailure('declared-run');
    await reportFailure('posted-run');
    await webhook.next((notice) => notice.notice === 'firing' && notice.body.includes('"posted"'));
    const parts = await partsOf('declared');
    expect(parts['maintenanceMs']).toBeGreaterThan(0);
    expect(parts).toMatchObject({ upMs: 0, degradedMs: 0, downMs: 0 });
    expect(webhook.received.filter(({ body }) => body.includes('"declared"'))).toEqual([]);
  });

  test('by API: takes time out of the denominator from its approval on, and not before', async () => {
    const window = await district.post<{ id: string; fromMs: number; approvedAtMs: number }>('/api/v1/maintenance', {
      ...{ fromMs: Date.now() + 300, toMs: Date.now() + 600_000 },
      ...{ assetIds: ['posted'], reason: 'urgent repair', approvedBy: '王主任' },
    });
    await eventually('time of the window is counted', async () => ((await partsOf('posted'))['maintenanceMs'] ?? 0) > 0 || null);
    const parts = await partsOf('posted');
    // What was down before stays down: no window mends the past.
    expect(parts['downMs']).toBeGreaterThan(0);
    const { cancelledAtMs } = await district.post<{ cancelledAtMs: number }>(`/api/v1/maintenance/${window.id}/cancel`, {});
    expect(cancelledAtMs).toBeGreaterThan(window.fromMs);
    const atEnd = await eventually('down time goes on after it was called off', async () => {
      const later = await partsOf('posted');
      return (later['downMs'] ?? 0) > (parts['downMs'] ?? 0) ? later : null;
    });
    expect(atEnd['maintenanceMs']).toBe(cancelledAtMs - window.fromMs);
  });

  const refused: readonly { why: string; body: object; says: RegExp }[] = [
    { why: 'an unknown asset', body: { assetIds: ['gone'] }, says: /asset gone: not declared/ },
    { why: 'nothing named', body: { assetIds: [] }, says: /at least one asset/ },
    { why: 'an end before its beginning', body: { toMs: startedAtMs - 1 }, says: /before toMs/ },
    { why: 'an unknown key', body: { colour: 'red' }, says: /colour/ },
  ];
  for (const { why, body, says } of refused) {
    test(`a window with ${why} is refused in words`, async () => {
      const whole = { fromMs: startedAtMs, toMs: startedAtMs + 900_000, assetIds: ['posted'], reason: 'x', approvedBy: 'y' };
      await expect(district.post('/api/v1/maintenance', { ...whole, ...body })).rejects.toThrow(says);
    });
  }
});
