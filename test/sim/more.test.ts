import { test } from 'vitest';
import { mustHold } from './seeds.ts';

// The first ones are in sim.test.ts.
for (let from = 101; from <= 200; from += 10) {
  test(`seeds ${from} to ${from + 9} hold`, async () => {
    for (let seed = from; seed < from + 10; seed += 1) await mustHold(seed);
  });
}
