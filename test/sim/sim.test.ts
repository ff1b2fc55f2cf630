import { expect, test } from 'vitest';
import { mustHold } from './seeds.ts';

test('a seed does the same each time', async () => {
  expect(await mustHold(2)).toEqual(await mustHold(2));
});

// The other half is in more.test.ts, for the other worker.
for (let from = 1; from <= 100; from += 10) {
  test(`seeds ${from} to ${from + 9} hold`, async () => {
    for (let seed = from; seed < from + 10; seed += 1) await mustHold(seed);
  });
}
