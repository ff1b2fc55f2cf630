import { asId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Span } from '../../collector/src/engine/effect.ts';
import { districtParts } from '../support/district-fixture.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { batchOf } from '../support/store-samples.ts';

const hour = 3_600_000;
const span = (fromMs: number, status: Status): Span => ({ fromMs, status, reason: null, attributedTo: null });
const assetPatch = (id: string, spans: readonly Span[]) => ({
  kind: 'spans' as const,
  subject: { kind: 'asset' as const, id: asId<'asset'>(id) },
  fromMs: spans[0]?.fromMs ?? 0,
  spans,
  isCorrection: false,
});

describe('history over HTTP', () => {
  let http: HttpFixture;
  const fromMs = fixtureNowMs - 10 * hour;
  beforeAll(async () => {
    const maintenance = [
      {
        ...{ id: asId<'maintenance'>('w1'), fromMs: fixtureNowMs - 2 * hour, toMs: fixtureNowMs - hour },
        ...{ assetIds: [asId<'asset'>('db')], reason: '升级', approvedBy: '王', approvedAtMs: fixtureNowMs - 3 * hour },
        createdAtMs: fixtureNowMs - 3 * hour,
      },
      {
        // Approved after its start: holds notices back, mends no figure.
        ...{ id: asId<'maintenance'>('w2'), fromMs: fixtureNowMs - 4 * hour, toMs: fixtureNowMs - 3 * hour },
        ...{ assetIds: [asId<'asset'>('db')], reason: '补录', approvedBy: '王', approvedAtMs: fixtureNowMs - 3 * hour },
        createdAtMs: fixtureNowMs - 3 * hour,
      },
    ];
    http = await createHttpFixture({ parts: { ...districtParts, maintenance } });
    await http.store.commit(
      batchOf({
        atMs: fixtureNowMs,
        spans: [
          assetPatch('portal', [span(fromMs - hour, 'up'), span(fixtureNowMs - hour, 'down')]),
          assetPatch('db', [span(fromMs, 'up'), span(fixtureNowMs - 4 * hour, 'down')]),
          assetPatch('cam-1', [span(fromMs, 'unknown')]),
          assetPatch('retired', [span(fromMs, 'up')]),
        ],
        results: [1, 2, 3].map((second) => ({
          ...{
            checkId: asId<'check'>('portal-tcp'),
            agentId: asId<'agent'>('a1'),
            outcome: 'up',
            reason: 'OK',
            latencyMs: second,
          },
          ...{ observedAtMs: fixtureNowMs - second * 1_000, receivedAtMs: fixtureNowMs, run: { ofDown: 0, ofUp: second } },
        })),
      }),
    );
    await http.store.commit(
      batchOf({
        atMs: fixtureNowMs,
        spans: [{ ...assetPatch('cam-1', [span(fromMs + hour, 'up'), span(fromMs + 2 * hour, 'unknown')]), isCorrection: true }],
      }),
    );
  });
  afterAll(() => http.close());
  const get = async (url: string) => (await http.get(url)).json();

  test('spans that touch the range, whole', async () => {
    const { items } = await get(`/api/v1/spans?kind=asset&id=portal&fromMs=${fromMs}&toMs=${fixtureNowMs}`);
    expect(items).toEqual([
      { fromMs: fromMs - hour, toMs: fixtureNowMs - hour, status: 'up', reason: null, attributedTo: null },
      { fromMs: fixtureNowMs - hour, toMs: null, status: 'down', reason: null, attributedTo: null },
    ]);
  });

  test('what is no longer declared stays readable, also where nothing of it lies in the range', async () => {
    expect((await get(`/api/v1/spans?kind=asset&id=retired&fromMs=${fromMs}&toMs=${fixtureNowMs}`)).items).toHaveLength(1);
    for (const path of [
      'spans?kind=asset&id=retired&fromMs=0&toMs=1',
      'corrections?kind=asset&id=retired',
      'incidents?assetId=retired',
    ])
      expect((await get(`/api/v1/${path}`)).items, path).toEqual([]);
  });

  test('results newest first, in pages', async () => {
    const url = `/api/v1/checks/portal-tcp/results?fromMs=${fromMs}&toMs=${fixtureNowMs}&limit=2`;
    const first = await get(url);
    expect(first.items.map((result: { latencyMs: number }) => result.latencyMs)).toEqual([1, 2]);
    const second = await get(`${url}&cursor=${encodeURIComponent(first.next)}`);
    expect(second).toMatchObject({ items: [{ latencyMs: 3, agentId: 'a1', receivedAtMs: fixtureNowMs }], next: null });
  });

  test('corrections of all and of one subject', async () => {
    const all = await get('/api/v1/corrections');
    expect(all.items[0]).toMatchObject({ subject: { kind: 'asset', id: 'cam-1' }, atMs: fixtureNowMs });
    expect(all.items[0].after.map((item: { status: string }) => item.status)).toContain('up');
    expect((await get('/api/v1/corrections?kind=asset&id=cam-1')).items).toHaveLength(all.items.length);
    expect((await get('/api/v1/corrections?kind=asset&id=portal')).items).toEqual([]);
  });

  test('availability of an asset: only the window approved before its begin is left out', async () => {
    const { items, asOfMs, declarationVersion } = await get(
      `/api/v1/availability/assets?assetId=db&fromMs=${fromMs}&toMs=${fixtureNowMs}`,
    );
    expect({ asOfMs, declarationVersion }).toEqual({ asOfMs: fixtureNowMs, declarationVersion: 17 });
    expect(items).toEqual([
      {
        assetId: 'db',
        parts: { upMs: 6 * hour, degradedMs: 0, downMs: 3 * hour, unknownMs: 0, maintenanceMs: hour, unrecordedMs: 0 },
        observed: { num: 6 * hour, den: 9 * hour, percentText: '66.6666' },
        strict: { num: 6 * hour, den: 9 * hour, percentText: '66.6666' },
        coverage: { num: 9 * hour, den: 9 * hour, percentText: '100.0000' },
        isEnough: true,
      },
    ]);
  });

  test('availability of assets is filtered and paged; one never watched has no figure', async () => {
    const range = `fromMs=${fromMs}&toMs=${fixtureNowMs}`;
    const first = await get(`/api/v1/availability/assets?${range}&limit=4`);
    expect(first.items).toHaveLength(4);
    const last = await get(`/api/v1/availability/assets?${range}&limit=4&cursor=${first.next}`);
    expect(last.items).toMatchObject([{ assetId: 'ups', observed: { num: 0, den: 0, percentText: null }, isEnough: false }]);
    expect((await get(`/api/v1/availability/assets?${range}&unitId=u2`)).items).toHaveLength(2);
  });

  test('a group has three figures', async () => {
    const { items } = await get(`/api/v1/availability/groups?by=unit&fromMs=${fromMs}&toMs=${fixtureNowMs}`);
    expect(items.map((item: { id: string }) => item.id)).toEqual(['u1', 'u2']);
    // portal: 9 of 10 h, importance 5; db: 6 of 9 h, importance 4.
    expect(items[0]).toMatchObject({
      assets: 2,
      observed: { num: 15 * hour, den: 19 * hour, percentText: '78.9473' },
      importanceWeightedText: '79.6296',
      worst: { assetId: 'db', observed: { percentText: '66.6666' } },
    });
    expect(items[1]).toMatchObject({
      id: 'u2',
      coverage: { num: hour, den: 10 * hour, percentText: '10.0000' },
      isEnough: false,
    });
  });

  test('all and zones', async () => {
    const range = `fromMs=${fromMs}&toMs=${fixtureNowMs}`;
    const all = await get(`/api/v1/availability/groups?by=all&${range}`);
    expect(all).toMatchObject({ items: [{ id: null, assets: 5 }], next: null });
    const zones = await get(`/api/v1/availability/groups?by=zone&${range}`);
    expect(zones.items[0]).toEqual({ ...all.items[0], id: 'z1' });
  });
});
