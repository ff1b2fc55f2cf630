import { asId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { availabilityParts, groupShares, measureAssets, sharesOf } from '../../collector/src/engine/availability.ts';
import { percentText, weightedMean } from '../../collector/src/engine/ratio.ts';
import { assetOf, configOf } from '../support/engine/world.ts';

const hour = 3_600_000;

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
      const shares = sharesOf(parts);
      expect(percentText(shares.observed)).toBe(observed);
      if (strict !== undefined) expect(percentText(shares.strict)).toBe(strict);
      if (coverage !== undefined) expect(percentText(shares.coverage)).toBe(coverage);
    });
  }

  test('V5: the month before has the other ten minutes of it', () => {
    const october = { fromMs: november.fromMs - 31 * 24 * hour, toMs: november.fromMs };
    const stretches = down(november.fromMs - 600_000, november.fromMs + 1_200_000);
    expect(availabilityParts(stretches, [], october, november.toMs)).toMatchObject({ downMs: 600_000 });
  });

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

const measured = (approvedAtMs: number, createdAtMs: number) => {
  const web = assetOf('web');
  const window = {
    ...{ fromMs: at(8, 22), toMs: at(8, 23), assetIds: [web.id], reason: 'work', approvedBy: 'ann' },
    ...{ approvedAtMs, createdAtMs },
  };
  const config = configOf({
    assets: [web],
    agents: [],
    checks: [],
    maintenance: [{ ...window, id: asId<'maintenance'>('m1') }],
  });
  return measureAssets(config, [web], new Map([['web', down(at(8, 21, 30), at(8, 23, 30))]]), november, november.toMs);
};

describe('a window', () => {
  const begins = at(8, 22);
  test.each([
    {
      why: 'known and approved the moment before it began',
      approvedAtMs: begins - 1,
      createdAtMs: begins - 1,
      percent: '99.8609',
    },
    { why: 'approved at its very beginning', approvedAtMs: begins, createdAtMs: 0, percent: '99.8609' },
    { why: 'approved after it began: it excuses nothing', approvedAtMs: begins + 1, createdAtMs: 0, percent: '99.7222' },
    { why: 'first known of at its very beginning', approvedAtMs: 0, createdAtMs: begins, percent: '99.8609' },
    {
      why: 'first known of after it began, with an approval of before: it excuses nothing',
      ...{ approvedAtMs: 0, createdAtMs: begins + 1, percent: '99.7222' },
    },
    {
      why: 'first known of after it was over: it excuses nothing',
      ...{ approvedAtMs: 0, createdAtMs: at(9, 0), percent: '99.7222' },
    },
  ])('$why', ({ approvedAtMs, createdAtMs, percent }) => {
    expect(measured(approvedAtMs, createdAtMs).map(({ parts }) => percentText(sharesOf(parts).observed))).toEqual([percent]);
  });
});

describe('figures of a group', () => {
  const of = (id: string, importance: number, upMs: number, downMs: number, unknownMs = 0) => ({
    asset: assetOf(id, { importance }),
    parts: { upMs, degradedMs: 0, downMs, unknownMs, maintenanceMs: 0, unrecordedMs: 0 },
  });

  test('time counts by time, importance by importance, and the worst is named; nothing known takes no part', () => {
    const shares = groupShares([of('a', 1, 90, 10), of('b', 3, 50, 50), of('c', 5, 0, 0, 100)]);
    expect(percentText(shares.observed)).toBe('70.0000');
    expect(percentText(shares.strict)).toBe('46.6666');
    expect(percentText(shares.importanceWeighted)).toBe('60.0000');
    expect(shares.worst).toEqual({ assetId: 'b', observed: { num: 50n, den: 100n } });
  });

  test.each([
    { why: 'exactly 95 % known is enough', unknownMs: 5, isEnough: true },
    { why: 'a little less is not', unknownMs: 5.001, isEnough: false },
  ])('$why', ({ unknownMs, isEnough }) => {
    const scaleMs = 1_000;
    const parts = of('a', 1, (100 - unknownMs) * scaleMs, 0, unknownMs * scaleMs).parts;
    const whole = { ...parts, upMs: Math.round(parts.upMs), unknownMs: Math.round(parts.unknownMs) };
    expect(sharesOf(whole).isEnough).toBe(isEnough);
  });

  test('an empty group has no figure', () => {
    expect(groupShares([])).toMatchObject({ worst: null, isEnough: false, observed: { den: 0n } });
  });
});
