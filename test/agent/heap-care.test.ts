import { startHeapCare } from '@jiwei/agent/heap-care.ts';
import { expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';

test('collects a minute after the start and then every hour, until it is stopped', () => {
  const clock = createManualClock(0);
  const collectedAtMs: number[] = [];
  const stop = startHeapCare(clock, () => collectedAtMs.push(clock.monotonicMs()));
  clock.advance(59_999);
  expect(collectedAtMs).toEqual([]);
  clock.advance(1);
  clock.advance(2 * 3_600_000);
  expect(collectedAtMs).toEqual([60_000, 3_660_000, 7_260_000]);
  stop();
  clock.advance(10 * 3_600_000);
  expect(collectedAtMs).toHaveLength(3);
});

test('does nothing where the garbage collector cannot be called', () => {
  const clock = createManualClock(0);
  const stop = startHeapCare(clock, null);
  clock.advance(3_600_000);
  expect(stop()).toBeUndefined();
});
