import { asId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Span } from '../../collector/src/engine/effect.ts';
import { availabilityParts } from '../../collector/src/http/availability-parts.ts';
import { percentText, weightedMean } from '../../collector/src/http/ratio.ts';
import { districtParts } from '../support/district-fixture.ts';
import { batchOf } from '../support/empty-batch.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';

const hour = 3_600_000;
const span = (fromMs: number, status: Status): Span => ({ fromMs, status, reason: null, attributedTo: null });
const assetPatch = (id: string, spans: readonly Span[]) => ({
  kind: 'spans' as const,
  subject: { kind: 'asset' as const, id: asId<'asset'>(id) },
  fromMs: spans[0]?.fromMs ?? 0,
  spans,
  isCorrection: false,
});

/** November 2025 in Shanghai, 30 days. */
const november = { fromMs: 1_761_926_400_000, toMs: 1_764_518_400_000 };
const at = (day: number, hours: number, minutes = 0): number =>
  november.fromMs + (day - 1) * 24 * hour + hours * hour + minutes * 60_000;
const down = (fromMs: number, toMs: number) => [
  { fromMs: november.fromMs - hour, toMs: fromMs, status: 'up' as const },
  { fromMs, toMs, status: 'down' as const },
  { fromMs: toMs, toMs: null, status: 'up' as const },
];

describe('availability', () => {
  const vectors: readonly {
    why: string;
    parts: ReturnType<typeof availabilityParts>;
    observed: string;
    strict?: string;
    coverage?: string;
  }[] = [
    {
      why: 'V1: down 43 min 12 s in a month',
      parts: availabilityParts(down(at(8, 1), at(8, 1) + 2_592_000), [], november, november.toMs),
      observed: '99.9000',
    },
    {
      why: 'V2: an hour of two hours down lies in an approved window',
      parts: availabilityParts(
        down(at(8, 21, 30), at(8, 23, 30)),
        [{ fromMs: at(8, 22), toMs: at(8, 23) }],
        november,
        november.toMs,
      ),
      observed: '99.8609',
    },
    {
      why: 'V2: the same without the window',
      parts: availabilityParts(down(at(8, 21, 30), at(8, 23, 30)), [], november, november.toMs),
      observed: '99.7222',
    },
    {
      why: 'V4: 6 h unknown and 1 h down',
      parts: availabilityParts(
        [
          { fromMs: november.fromMs, toMs: at(3, 0), status: 'up' },
          { fromMs: at(3, 0), toMs: at(3, 6), status: 'unknown' },
          { fromMs: at(3, 6), toMs: at(3, 7), status: 'down' },
          { fromMs: at(3, 7), toMs: null, status: 'degraded' },
        ],
        [],
        november,
        november.toMs,
      ),
      observed: '99.8599',
      strict: '99.0277',
      coverage: '99.1666',
    },
    {
      why: 'V5: a fault across the month’s begin counts with its part inside',
      parts: availabilityParts(down(november.fromMs - 600_000, november.fromMs + 1_200_000), [], november, november.toMs),
      observed: '99.9537',
    },
    {
      why: 'V6: one second down is never 100',
      parts: availabilityParts(down(at(2, 0), at(2, 0) + 1_000), [], november, november.toMs),
      observed: '99.9999',
    },
  ];
  for (const { why, parts, observed, strict, coverage } of vectors) {
    test(why, () => {
      const up = BigInt(parts.upMs + parts.degradedMs);
      const known = up + BigInt(parts.downMs);
      const all = known + BigInt(parts.unknownMs);
      expect(percentText({ num: up, den: known })).toBe(observed);
      if (strict !== undefined) expect(percentText({ num: up, den: all })).toBe(strict);
      if (coverage !== undefined) expect(percentText({ num: known, den: all })).toBe(coverage);
    });
  }

  test('time before the first span and time to come belong to no share', () => {
    const parts = availabilityParts([{ fromMs: 400, toMs: null, status: 'up' }], [], { fromMs: 0, toMs: 1_000 }, 700);
    expect(parts).toEqual({ upMs: 300, degradedMs: 0, downMs: 0, unknownMs: 0, maintenanceMs: 0, unrecordedMs: 700 });
  });

  test('overlapping windows are counted once', () => {
    const windows = [
      { fromMs: 500, toMs: 900 },
      { fromMs: 100, toMs: 600 },
      { fromMs: 550, toMs: 580 },
    ];
    expect(
      availabilityParts([{ fromMs: 0, toMs: null, status: 'down' }], windows, { fromMs: 0, toMs: 1_000 }, 1_000),
    ).toMatchObject({
      downMs: 200,
      maintenanceMs: 800,
    });
  });

  test('the parts sum exactly to the range, whatever the history', () => {
    const ranges = fc.array(fc.tuple(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 300 })), {
      maxLength: 8,
      size: 'max',
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -500, max: 1_500 }), { maxLength: 30, size: 'max' }),
        fc.infiniteStream(fc.constantFrom<Status>('up', 'down', 'degraded', 'unknown')),
        ranges,
        fc.integer({ min: 0, max: 1_200 }),
        (instants, statuses, windows, nowMs) => {
          const starts = instants.toSorted((left, right) => left - right);
          const stretches = starts.map((fromMs, place) => ({
            ...{ fromMs, toMs: starts[place + 1] ?? null },
            status: statuses.next().value ?? 'up',
          }));
          const maintenance = windows.map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs }));
          const parts = availabilityParts(stretches, maintenance, { fromMs: 0, toMs: 1_000 }, nowMs);
          expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBe(1_000);
          expect(Math.min(...Object.values(parts))).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  test('percentages are cut off, and nothing known is neither 0 nor 100', () => {
    expect(percentText({ num: 0n, den: 0n })).toBeNull();
    expect(percentText({ num: 0n, den: 5n })).toBe('0.0000');
    expect(percentText({ num: 5n, den: 5n })).toBe('100.0000');
    expect(percentText({ num: 999_999_999n, den: 1_000_000_000n })).toBe('99.9999');
    expect(percentText({ num: 1n, den: 3n })).toBe('33.3333');
  });

  test('a weighted mean is exact and leaves out what is not known', () => {
    const shares = [
      { ratio: { num: 1n, den: 3n }, weight: 1 },
      { ratio: { num: 2n, den: 3n }, weight: 2 },
      { ratio: { num: 0n, den: 0n }, weight: 9 },
    ];
    expect(weightedMean(shares)).toEqual({ num: 5n, den: 9n });
    expect(weightedMean([]).den).toBe(0n);
  });
});

describe('history over HTTP', () => {
  let http: HttpFixture;
  const fromMs = fixtureNowMs - 10 * hour;
  beforeAll(async () => {
    const maintenance = [
      {
        ...{ id: asId<'maintenance'>('w1'), fromMs: fixtureNowMs - 2 * hour, toMs: fixtureNowMs - hour },
        ...{ assetIds: [asId<'asset'>('db')], reason: '升级', approvedBy: '王', approvedAtMs: fixtureNowMs - 3 * hour },
      },
      {
        // Approved after its start: holds notices back, mends no figure.
        ...{ id: asId<'maintenance'>('w2'), fromMs: fixtureNowMs - 4 * hour, toMs: fixtureNowMs - 3 * hour },
        ...{ assetIds: [asId<'asset'>('db')], reason: '补录', approvedBy: '王', approvedAtMs: fixtureNowMs - 3 * hour },
      },
    ];
    http = await createHttpFixture({ parts: { ...districtParts, maintenance } });
    await http.store.commit(
      batchOf(fixtureNowMs, {
        spans: [
          assetPatch('portal', [span(fromMs - hour, 'up'), span(fixtureNowMs - hour, 'down')]),
          assetPatch('db', [span(fromMs, 'up'), span(fixtureNowMs - 4 * hour, 'down')]),
          assetPatch('cam-1', [span(fromMs, 'unknown')]),
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
      batchOf(fixtureNowMs, {
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
    expect({ asOfMs, declarationVersion }).toEqual({ asOfMs: fixtureNowMs, declarationVersion: 7 });
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
