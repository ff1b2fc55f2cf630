import { createCrowdLog } from '@jiwei/collector/ingest/crowd-log.ts';
import { expect, test } from 'vitest';

test('refusals are said at the first, then counted and said at most every ten seconds', () => {
  let nowMs = 5;
  const said: number[] = [];
  const note = createCrowdLog({ monotonicMs: () => nowMs }, (refused) => said.push(refused));
  for (let count = 0; count < 1_000; count += 1) note();
  expect(said).toEqual([1]);
  nowMs += 10_000;
  note();
  expect(said).toEqual([1, 1_000]);
  nowMs += 9_999;
  note();
  expect(said).toEqual([1, 1_000]);
});
