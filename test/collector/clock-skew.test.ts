import { describe, expect, test } from 'vitest';
import { type ClockSkew, observeSkew, unknownSkew } from '../../collector/src/ingest/clock-skew.ts';

/** Feeds heartbeats as [agent's clock, our clock] and returns what is known then. */
const skewAfter = (...heartbeats: readonly (readonly [sentAtMs: number, receivedAtMs: number])[]): ClockSkew =>
  heartbeats.reduce((skew, [sentAtMs, receivedAtMs]) => observeSkew(skew, sentAtMs, receivedAtMs), unknownSkew);

const cases: readonly { why: string; heartbeats: readonly (readonly [number, number])[]; skewMs: number; offsetMs: number }[] = [
  { why: 'nothing is corrected while the clocks agree within 2 s', heartbeats: [[102_000, 100_000]], skewMs: 2_000, offsetMs: 0 },
  {
    why: 'one millisecond more and instants are moved to our clock',
    heartbeats: [[102_001, 100_000]],
    skewMs: 2_001,
    offsetMs: -2_001,
  },
  { why: 'a clock behind is moved forward', heartbeats: [[0, 300_000]], skewMs: -300_000, offsetMs: 300_000 },
  {
    why: 'the message with the shortest way counts',
    heartbeats: [
      [9_500, 10_000],
      [19_990, 20_000],
      [29_600, 30_000],
    ],
    skewMs: -10,
    offsetMs: 0,
  },
  {
    why: 'jitter does not move an offset in force',
    heartbeats: [
      [110_000, 100_000],
      [120_200, 110_000],
    ],
    skewMs: 10_200,
    offsetMs: -10_000,
  },
  {
    why: 'a real change does',
    heartbeats: [
      [110_000, 100_000],
      [120_300, 110_000],
    ],
    skewMs: 10_300,
    offsetMs: -10_300,
  },
  {
    why: 'a step back is believed at once',
    heartbeats: [
      [110_000, 100_000],
      [110_000, 110_000],
    ],
    skewMs: 0,
    offsetMs: 0,
  },
];

describe('clock skew of an agent', () => {
  for (const { why, heartbeats, skewMs, offsetMs } of cases) {
    test(why, () => expect(skewAfter(...heartbeats)).toMatchObject({ skewMs, offsetMs }));
  }

  test('remembers a bounded number of heartbeats', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => [index * 5_000, index * 5_000 + 3] as const);
    expect(skewAfter(...many).observedMs.length).toBeLessThanOrEqual(8);
  });
});
