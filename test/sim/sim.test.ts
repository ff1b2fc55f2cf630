import { expect, test } from 'vitest';
import { mustHold } from './seeds.ts';

test('one agent, one check, one outage: the histories are what truly was', async () => {
  const report = await mustHold(1);
  expect(report).toMatchObject({ incidents: 1, notices: 4 });
});

test('a seed does the same each time', async () => {
  expect(await mustHold(2)).toEqual(await mustHold(2));
});
