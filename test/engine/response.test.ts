import { describe, expect, test } from 'vitest';
import type { ResponseCycle } from '../../collector/src/engine/incident.ts';
import { onsiteResultOf, responseResultOf } from '../../collector/src/engine/response.ts';

const openedAtMs = 1_793_577_600_000;
const at = (seconds: number): number => openedAtMs + seconds * 1_000;

/** A cycle with the promises of 3 and 15 minutes. */
const cycleOf = (changes: Partial<ResponseCycle> = {}): ResponseCycle => ({
  number: 1,
  openedAtMs,
  respondDueAtMs: at(180),
  respondedAtMs: null,
  onsiteDueAtMs: at(900),
  arrivedAtMs: null,
  resolvedAtMs: null,
  excluded: null,
  ...changes,
});

describe('the promise to acknowledge', () => {
  const cases: readonly { why: string; cycle: Partial<ResponseCycle>; asOf: number; expected: string }[] = [
    { why: 'is open until its due instant', cycle: {}, asOf: 180, expected: 'open' },
    { why: 'is missed from the next millisecond on', cycle: {}, asOf: 180.001, expected: 'miss' },
    { why: 'is kept at once', cycle: { respondedAtMs: at(0) }, asOf: 1, expected: 'hit' },
    { why: 'is kept at the due instant', cycle: { respondedAtMs: at(180) }, asOf: 9_999, expected: 'hit' },
    { why: 'is missed a millisecond later', cycle: { respondedAtMs: at(180) + 1 }, asOf: 9_999, expected: 'miss' },
    { why: 'is missed when it recovered after the due instant', cycle: { resolvedAtMs: at(181) }, asOf: 9_999, expected: 'miss' },
    {
      why: 'does not count when it was over by the due instant',
      cycle: { resolvedAtMs: at(180) },
      asOf: 9_999,
      expected: 'excluded',
    },
    {
      why: 'is open while a flapping one has been good since before the due instant',
      cycle: { quietFromMs: at(180) },
      asOf: 9_999,
      expected: 'open',
    },
    {
      why: 'is missed when a flapping one became good only later',
      cycle: { quietFromMs: at(181) },
      asOf: 9_999,
      expected: 'miss',
    },
    {
      why: 'does not count when a flapping one stayed good from before the due instant on',
      cycle: { quietFromMs: at(180), resolvedAtMs: at(780) },
      asOf: 9_999,
      expected: 'excluded',
    },
    {
      why: 'does not count either when somebody looked at it afterwards',
      cycle: { quietFromMs: at(180), respondedAtMs: at(200), resolvedAtMs: at(780) },
      asOf: 9_999,
      expected: 'excluded',
    },
    { why: 'does not count in maintenance', cycle: { excluded: 'maintenance' }, asOf: 9_999, expected: 'excluded' },
    {
      why: 'does not count for a child, kept or not',
      cycle: { excluded: 'child', respondedAtMs: at(9) },
      asOf: 9_999,
      expected: 'excluded',
    },
  ];
  test.each(cases)('$why', ({ cycle, asOf, expected }) => {
    expect(responseResultOf(cycleOf(cycle), at(asOf))).toBe(expected);
  });
});

test('the promise to be on site is none where nobody needs to go', () => {
  expect(onsiteResultOf(cycleOf({ onsiteDueAtMs: null }), at(9_999))).toBeNull();
});

const count = (results: readonly (string | null)[], wanted: string): number =>
  results.filter((result) => result === wanted).length;

// Vectors of the district's assessment rules: percentages are cut off, never rounded up.
describe('rates', () => {
  test('acknowledged after 0, 30, 179, 180, 181 and 600 s, one overdue, one not due, three that do not count: 4 of 7, 195 s on average', () => {
    const acknowledged = [0, 30, 179, 180, 181, 600];
    const cycles = [
      ...acknowledged.map((seconds) => cycleOf({ respondedAtMs: at(seconds) })),
      cycleOf(),
      cycleOf({ openedAtMs: at(9_900), respondDueAtMs: at(10_080) }),
      cycleOf({ excluded: 'maintenance' }),
      cycleOf({ excluded: 'child' }),
      cycleOf({ excluded: 'autoRecovered' }),
    ];
    const results = cycles.map((cycle) => responseResultOf(cycle, at(10_000)));
    const [hits, misses] = [count(results, 'hit'), count(results, 'miss')];
    expect([hits, misses, count(results, 'open'), count(results, 'excluded')]).toEqual([4, 3, 1, 3]);
    expect(Math.floor((hits * 1_000_000) / (hits + misses)) / 10_000).toBe(57.1428);
    const spans = cycles.flatMap((cycle) => (cycle.respondedAtMs === null ? [] : cycle.respondedAtMs - cycle.openedAtMs));
    expect(spans.reduce((sum, ms) => sum + ms, 0) / spans.length).toBe(195_000);
  });

  test('on site after 300, 899, 900, 901 and 1500 s: 3 of 5', () => {
    const results = [300, 899, 900, 901, 1_500].map((seconds) =>
      onsiteResultOf(cycleOf({ arrivedAtMs: at(seconds) }), at(10_000)),
    );
    expect([count(results, 'hit'), count(results, 'miss')]).toEqual([3, 2]);
  });
});
