import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { openWebhook, type WebhookReceiver } from '../support/webhook.ts';

const startedAtMs = Date.now();
const iso = (atMs: number): string => new Date(atMs).toISOString();

/** A declared window on one asset: since when, and until when. */
const window = (id: string, asset: string, fromMs: number, toMs: number): string => `
  - id: ${id}
    from: "${iso(fromMs)}"
    to: "${iso(toMs)}"
    assets: [${asset}]
    reason: upgrade
    approvedBy: 王主任
    approvedAt: "${iso(startedAtMs - 7_200_000)}"`;

/** Three jobs that nobody calls. @param windows with approvals from before they begin, whenever they are declared */
const declaration = (webhookUrl: string, windows: readonly string[]): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: declared, name: 计划内, kind: other, unit: tax, importance: 3 }
  - { id: past, name: 补报, kind: other, unit: tax, importance: 3 }
  - { id: posted, name: 临时, kind: other, unit: tax, importance: 3 }
checks:
  # Long enough that its first call is not overdue before its window begins.
  - { id: declared-run, asset: declared, kind: heartbeat, interval: 1s, graceMs: 60000 }
  - { id: past-run, asset: past, kind: heartbeat, interval: 1s, graceMs: 500 }
  - { id: posted-run, asset: posted, kind: heartbeat, interval: 1s, graceMs: 500 }
maintenance: ${windows.length === 0 ? '[]' : windows.join('')}
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: all, notifier: hook }]
`;

interface Window {
  readonly id: string;
  readonly fromMs: number;
  readonly createdAtMs: number;
  readonly cancelledAtMs: number | null;
}

describe('maintenance', () => {
  let webhook: WebhookReceiver;
  let district: District;
  beforeAll(async () => {
    webhook = await openWebhook();
    district = await openDistrict(declaration(webhook.url, []));
  });
  afterAll(async () => {
    await district.close();
    await webhook.close();
  });

  const reportFailure = async (checkId: string): Promise<void> => {
    const { pathWithToken: path } = await district.get<{ pathWithToken: string }>(`/api/v1/checks/${checkId}/push`);
    for (const status of ['up', 'down']) await fetch(`${district.url}${path}&status=${status}`);
  };
  const partsOf = async (assetId: string, toMs = Date.now()): Promise<Record<string, number>> => {
    const range = `fromMs=${startedAtMs}&toMs=${toMs}`;
    const page = await district.get<{ items: { parts: Record<string, number> }[] }>(
      `/api/v1/availability/assets?assetId=${assetId}&${range}`,
    );
    return page.items[0]?.parts ?? {};
  };
  /** Declares these windows and waits until the record says so of the one with this id. */
  const declare = async (windows: readonly string[], id: string, isSo: (window: Window) => boolean): Promise<Window> => {
    await district.declare(declaration(webhook.url, windows));
    return eventually(`${id} is as declared`, async () => {
      const { items } = await district.get<{ items: Window[] }>('/api/v1/maintenance');
      return items.find((one) => one.id === id && isSo(one)) ?? null;
    });
  };

  test('declared over the past, with an approval from before: what was down stays down, with the line, without it and after a restart', async () => {
    await reportFailure('past-run');
    await webhook.next((notice) => notice.notice === 'firing' && notice.body.includes('"past"'));
    await eventually('it has been down', async () => ((await partsOf('past'))['downMs'] ?? 0) > 100 || null);
    const knownToMs = Date.now();
    const before = await partsOf('past', knownToMs);
    expect(before).toMatchObject({ maintenanceMs: 0 });

    const line = window('retroactive', 'past', startedAtMs - 3_600_000, startedAtMs + 600_000);
    const late = await declare([line], 'retroactive@2', () => true);
    expect(late.createdAtMs).toBeGreaterThanOrEqual(knownToMs);
    expect(await partsOf('past', knownToMs)).toEqual(before);
    await district.restartCollector();
    expect(await partsOf('past', knownToMs)).toEqual(before);
    // Nor does it take out of the figures what comes after it was declared: it is no window for them at all.
    expect(await partsOf('past')).toMatchObject({ maintenanceMs: 0 });
    await declare([], 'retroactive@2', ({ cancelledAtMs }) => cancelledAtMs !== null);
    expect(await partsOf('past', knownToMs)).toEqual(before);
  });

  test('declared in time: what fails in it counts as maintenance and disturbs nobody, also when its line is gone and comes back', async () => {
    const line = window('upgrade', 'declared', Date.now() + 8_000, startedAtMs + 600_000);
    const planned = await declare([line], 'upgrade@4', () => true);
    expect(planned.createdAtMs).toBeLessThan(planned.fromMs);
    await eventually('it has begun', async () => Date.now() > planned.fromMs || null);
    await reportFailure('declared-run');
    await reportFailure('posted-run');
    await webhook.next((notice) => notice.notice === 'firing' && notice.body.includes('"posted"'));
    const knownToMs = Date.now();
    const parts = await partsOf('declared', knownToMs);
    expect(parts['maintenanceMs']).toBeGreaterThan(0);
    expect(parts).toMatchObject({ upMs: 0, degradedMs: 0, downMs: 0 });
    expect(webhook.received.filter(({ body }) => body.includes('"declared"'))).toEqual([]);

    const dropped = await declare([], 'upgrade@4', ({ cancelledAtMs }) => cancelledAtMs !== null);
    expect(await partsOf('declared', knownToMs)).toEqual(parts);
    await webhook.next((notice) => notice.notice === 'firing' && notice.body.includes('"declared"'));
    await district.restartCollector();
    expect(await partsOf('declared', knownToMs)).toEqual(parts);
    await declare([line], 'upgrade@6', () => true);
    const { maintenanceMs = 0, upMs = 0, downMs = 0 } = await partsOf('declared');
    const firstMs = knownToMs - (parts['maintenanceMs'] ?? 0);
    expect(maintenanceMs).toBe((dropped.cancelledAtMs ?? 0) - firstMs);
    expect(upMs + downMs).toBeGreaterThan(0);
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
