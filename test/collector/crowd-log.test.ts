import { createCrowdLog } from '@jiwei/collector/ingest/crowd-log.ts';
import { expect, test } from 'vitest';

test('what is done to many is said at the first, then counted, and said with the last of them at most every ten seconds', () => {
  let nowMs = 5;
  const said: [count: number, last: string][] = [];
  const note = createCrowdLog<string>({ monotonicMs: () => nowMs }, (...line) => said.push(line));
  for (let count = 0; count < 1_000; count += 1) note(`10.0.0.${count % 250}`);
  expect(said).toEqual([[1, '10.0.0.0']]);
  nowMs += 10_000;
  note('10.0.0.9');
  expect(said).toEqual([
    [1, '10.0.0.0'],
    [1_000, '10.0.0.9'],
  ]);
  nowMs += 9_999;
  note('10.0.0.7');
  expect(said).toHaveLength(2);
});
