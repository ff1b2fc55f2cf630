import { expect, test } from 'vitest';
import { measureClock } from '../../agent/src/link/clock-offset.ts';

const cases = [
  { why: 'equal clocks', sentAtMs: 1_000, heardAtMs: 1_040, collectorTimeMs: 1_020, offsetMs: 0, roundTripMs: 40 },
  { why: 'a collector ahead', sentAtMs: 1_000, heardAtMs: 1_040, collectorTimeMs: 61_020, offsetMs: 60_000, roundTripMs: 40 },
  { why: 'a collector behind', sentAtMs: 61_000, heardAtMs: 61_040, collectorTimeMs: 1_020, offsetMs: -60_000, roundTripMs: 40 },
  {
    why: 'all the way in one direction: off by half of it',
    sentAtMs: 0,
    heardAtMs: 100,
    collectorTimeMs: 100,
    offsetMs: 50,
    roundTripMs: 100,
  },
  {
    why: 'our clock was set back meanwhile: no time passed',
    sentAtMs: 500,
    heardAtMs: 400,
    collectorTimeMs: 450,
    offsetMs: -50,
    roundTripMs: 0,
  },
];
for (const { why, sentAtMs, heardAtMs, collectorTimeMs, ...measured } of cases) {
  test(`the collector's clock minus ours: ${why}`, () =>
    expect(measureClock(sentAtMs, heardAtMs, collectorTimeMs)).toEqual(measured));
}
