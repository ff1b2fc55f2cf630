import { expect, test } from 'vitest';
import type { CommitBatch } from '../../collector/src/store/port.ts';
import { planOf } from './generate.ts';
import { Violation } from './observer.ts';
import { type Plan, planSchema } from './plan.ts';
import { judge, shrinkFailure } from './seeds.ts';

/** No such rule: somebody on site is what must happen. It makes worlds fail in which a person arrives, and only these. */
const nobodyArrives = {
  also: (batch: CommitBatch): void => {
    const entry = batch.timeline.find(({ kind }) => kind === 'arrived');
    if (entry !== undefined) throw new Violation(`somebody arrived for ${entry.incidentId}`);
  },
};

const firstFailing = async (): Promise<{ readonly plan: Plan; readonly error: Error }> => {
  for (let seed = 1; seed < 100; seed += 1) {
    const plan = planOf(seed);
    if (plan.faults.length < 5 || plan.agents.length < 2) continue;
    const verdict = await judge(plan, nobodyArrives);
    if (verdict.kind === 'failed' && verdict.error instanceof Violation) return { plan, error: verdict.error };
  }
  throw new Error('in no world somebody arrives');
};

test('a world that fails becomes a short scenario file that fails in the same way, and holds once the defect is gone', async () => {
  const { plan, error } = await firstFailing();
  const small = await shrinkFailure(plan, error, 60_000, nobodyArrives);
  // An asset that fails, an agent that asks, and the person: an incident needs no more, and no fault of the machinery.
  expect(small).toMatchObject({ faults: [], windows: [] });
  expect(small.agents.length + small.assets.length + small.checks.length + small.heartbeats.length).toBeLessThanOrEqual(3);
  expect(small.changes.length + small.calls.length).toBeLessThanOrEqual(2);
  expect(small.acts).toHaveLength(1);

  const replayed = planSchema.parse(JSON.parse(JSON.stringify(small)));
  const again = await judge(replayed, nobodyArrives);
  expect(again).toMatchObject({ kind: 'failed', error: { message: expect.stringMatching(/^somebody arrived for /) } });
  expect(await judge(replayed)).toMatchObject({ kind: 'held' });
});
