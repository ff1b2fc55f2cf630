import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { openTarget, type Target } from '../support/target.ts';
import { openWebhook, type WebhookReceiver } from '../support/webhook.ts';

interface ResultRow {
  readonly observedAtMs: number;
  readonly outcome: string;
  readonly run: { readonly ofDown: number; readonly ofUp: number };
}
interface IncidentRow {
  readonly id: string;
  readonly state: string;
  readonly assetId: string;
  readonly faultFromMs: number;
  readonly faultToMs: number | null;
  readonly openedAtMs: number;
}

const intervalMs = 5_000;

const declaration = (targetPort: number, webhookUrl: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: web, name: 办税网站, kind: website, unit: tax, importance: 5, needsOnsite: true }
agents: [{ id: prober, zone: east }]
checks:
  - { id: web-page, asset: web, kind: http, url: "http://127.0.0.1:${targetPort}/", interval: 5s, timeout: 2s, severity: critical, from: { agents: [prober] } }
notifiers: [{ id: hook, kind: webhook, url: "${webhookUrl}", allowPlainHttp: true, secret: 0123456789abcdef }]
routes: [{ id: all, notifier: hook }]
`;

describe('a website that stops and comes back', () => {
  let target: Target;
  let webhook: WebhookReceiver;
  let district: District;
  const startedAtMs = Date.now();

  beforeAll(async () => {
    target = await openTarget();
    webhook = await openWebhook();
    district = await openDistrict(declaration(target.port, webhook.url));
    await district.startAgent('prober');
  });
  afterAll(async () => {
    await district.close();
    await webhook.close();
    await target.stop();
  });

  const results = async (): Promise<readonly ResultRow[]> => {
    const page = await district.get<{ items: ResultRow[] }>(
      `/api/v1/checks/web-page/results?fromMs=${startedAtMs}&toMs=${Date.now() + 60_000}&limit=1000`,
    );
    return page.items.toSorted((a, b) => a.observedAtMs - b.observedAtMs);
  };

  test('opens an incident, tells the webhook in time, resolves, and counts the downtime to the millisecond', async () => {
    await eventually('the check is up', async () =>
      (await district.get<{ status: string }>('/api/v1/checks/web-page')).status === 'up' ? true : null,
    );
    const stoppedAtMs = Date.now();
    await target.stop();
    const firing = await webhook.next((notice) => notice.notice === 'firing');
    // The promise: check interval + 3 s from the failure to the notice.
    expect(firing.atMs - stoppedAtMs).toBeLessThanOrEqual(intervalMs + 3_000);
    expect(firing.headers['idempotency-key']).toBeTruthy();
    expect(firing.headers['x-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);

    const [open] = (await district.get<{ items: IncidentRow[] }>('/api/v1/incidents?state=open')).items;
    expect(open).toMatchObject({ id: firing.incidentId, assetId: 'web', state: 'open' });
    const acknowledged = await district.post<IncidentRow>(`/api/v1/incidents/${firing.incidentId}/acknowledge`, {
      actor: '值班员',
    });
    expect(acknowledged.state).toBe('acknowledged');

    await target.start();
    await webhook.next((notice) => notice.notice === 'resolved' && notice.incidentId === firing.incidentId);
    await eventually('the check is up again', async () =>
      (await district.get<{ status: string }>('/api/v1/checks/web-page')).status === 'up' ? true : null,
    );

    // The arithmetic of the run: from the first failed probe to the first good one after it.
    const all = await results();
    const firstFailed = all.findIndex((result) => result.outcome === 'down');
    const firstGood = all.findIndex((result, index) => index > firstFailed && result.outcome === 'up');
    const downFromMs = all[firstFailed]?.observedAtMs ?? 0;
    const downToMs = all[firstGood]?.observedAtMs ?? 0;
    expect(all.slice(firstFailed, firstFailed + 3).map((result) => result.run.ofDown)).toEqual([1, 2, 3]);
    expect(downFromMs).toBeGreaterThanOrEqual(stoppedAtMs - 1_000);

    const fromMs = all[0]?.observedAtMs ?? 0;
    const toMs = all.at(-1)?.observedAtMs ?? 0;
    const { items } = await district.get<{ items: { parts: Record<string, number> }[] }>(
      `/api/v1/availability/assets?assetId=web&fromMs=${fromMs}&toMs=${toMs}`,
    );
    const downMs = downToMs - downFromMs;
    const nothing = { unknownMs: 0, degradedMs: 0, maintenanceMs: 0, unrecordedMs: 0 };
    expect(items[0]?.parts).toEqual({ ...nothing, downMs, upMs: toMs - fromMs - downMs });

    const { incident: closed } = await district.get<{ incident: IncidentRow }>(`/api/v1/incidents/${firing.incidentId}`);
    expect(closed).toMatchObject({ state: 'resolved', faultFromMs: downFromMs, faultToMs: downToMs });
    expect(webhook.received.filter((notice) => notice.incidentId === firing.incidentId).map((notice) => notice.notice)).toEqual([
      'firing',
      'resolved',
    ]);
    const tries = await eventually('both notices are on the incident’s record', async () => {
      const { timeline } = await district.get<{ timeline: { kind: string; text: string }[] }>(
        `/api/v1/incidents/${firing.incidentId}`,
      );
      const told = timeline.filter((entry) => entry.kind === 'notified').map((entry) => entry.text);
      return told.length < 2 ? null : told;
    });
    expect(tries).toEqual([
      expect.stringMatching(/^firing over .*, try 1: sent$/),
      expect.stringMatching(/^resolved over .*: sent$/),
    ]);
  });
});
