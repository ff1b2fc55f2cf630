import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClockSkew, observeSkew, unknownSkew } from '../../collector/src/ingest/clock-skew.ts';

/** How far the agent's clock is ahead, how long this heartbeat took, and how long the answer took that it heard before; ms. */
type Heartbeat = readonly [aheadMs: number, wayMs: number, wayBackMs: number];

/** Heartbeats every 5 s by our clock, each sent 1 s after the last answer was heard. */
const skewAfter = (...heartbeats: readonly Heartbeat[]): ClockSkew =>
  heartbeats.reduce((skew, [aheadMs, wayMs, wayBackMs], index) => {
    const atMs = 1_000_000 + index * 5_000;
    const heard = { heardTimeMs: atMs - 1_000 - wayBackMs, heardAgoMs: 1_000 };
    return observeSkew(skew, { sentAtMs: atMs + aheadMs, ...heard }, atMs + wayMs);
  }, unknownSkew);

const cases: readonly { why: string; heartbeats: readonly Heartbeat[]; skewMs: number; offsetMs: number }[] = [
  { why: 'nothing is corrected while the clocks agree within 2 s', heartbeats: [[2_000, 0, 0]], skewMs: 2_000, offsetMs: 0 },
  {
    why: 'one millisecond more and instants are moved to our clock',
    heartbeats: [[2_001, 0, 0]],
    skewMs: 2_001,
    offsetMs: -2_001,
  },
  { why: 'a clock behind is moved forward', heartbeats: [[-300_000, 0, 0]], skewMs: -300_000, offsetMs: 300_000 },
  { why: 'a heartbeat that waited a minute says nothing of a right clock', heartbeats: [[0, 60_000, 3]], skewMs: 0, offsetMs: 0 },
  {
    why: 'nor does one that waited after others that did not',
    heartbeats: [
      [0, 3, 3],
      [0, 60_000, 3],
    ],
    skewMs: 0,
    offsetMs: 0,
  },
  {
    why: 'of a clock behind the shortest way back counts, however long the heartbeats took',
    heartbeats: [
      [-60_000, 30_000, 900],
      [-60_000, 30_000, 20],
      [-60_000, 30_000, 500],
    ],
    skewMs: -59_980,
    offsetMs: 59_980,
  },
  {
    why: 'of a clock ahead the shortest way here counts',
    heartbeats: [
      [60_000, 900, 5_000],
      [60_000, 20, 5_000],
      [60_000, 500, 5_000],
    ],
    skewMs: 59_980,
    offsetMs: -59_980,
  },
  {
    why: 'jitter does not move an offset in force',
    heartbeats: [
      [10_200, 200, 200],
      [10_200, 0, 200],
    ],
    skewMs: 10_200,
    offsetMs: -10_000,
  },
  {
    why: 'a real change does',
    heartbeats: [
      [10_000, 0, 0],
      [10_300, 0, 0],
    ],
    skewMs: 10_300,
    offsetMs: -10_300,
  },
  {
    why: 'a step back of the clock of the agent is believed at once, on a slow way too',
    heartbeats: [
      [10_000, 10, 10],
      [0, 3_000, 10],
    ],
    skewMs: 0,
    offsetMs: 0,
  },
  {
    why: 'so is a step forward',
    heartbeats: [
      [0, 10, 10],
      [60_000, 10, 3_000],
    ],
    skewMs: 59_990,
    offsetMs: -59_990,
  },
];

describe('clock skew of an agent', () => {
  for (const { why, heartbeats, skewMs, offsetMs } of cases) {
    test(why, () => expect(skewAfter(...heartbeats)).toMatchObject({ skewMs, offsetMs }));
  }

  test('a step back of our own clock shows the agent ahead: what it heard before is about the clock as it was', () => {
    const beforeMs = 1_000_000;
    const skew = observeSkew(
      unknownSkew,
      { sentAtMs: beforeMs, heardTimeMs: beforeMs - 1_000, heardAgoMs: 1_000 },
      beforeMs - 60_000,
    );
    expect(skew).toMatchObject({ skewMs: 60_000, offsetMs: -60_000 });
  });

  test('whatever the ways took, never more is believed than is true, and all of it once a message went unhindered', () => {
    const wayMs = fc.integer({ min: 0, max: 120_000 });
    const ways = fc.array(fc.tuple(wayMs, wayMs), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: -300_000, max: 300_000 }), ways, (aheadMs, taken) => {
        const heartbeats = taken.map(([there, back]): Heartbeat => [aheadMs, there, back]);
        const believedMs = skewAfter(...heartbeats).skewMs;
        expect(Math.abs(believedMs)).toBeLessThanOrEqual(Math.abs(aheadMs));
        if (believedMs !== 0) expect(Math.sign(believedMs)).toBe(Math.sign(aheadMs));
        expect(skewAfter(...heartbeats, [aheadMs, 0, 0]).skewMs).toBe(aheadMs);
      }),
    );
  });

  test('remembers a bounded number of heartbeats', () => {
    const many = Array.from({ length: 1_000 }, (): Heartbeat => [0, 3, 3]);
    expect(skewAfter(...many).bounds.length).toBeLessThanOrEqual(8);
  });
});
