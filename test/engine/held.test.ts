import { limits } from '@jiwei/shared/limits.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import { liveViewOf } from '../../collector/src/engine/live-view.ts';
import { createState, step } from '../../collector/src/engine/step.ts';
import { resultOf } from '../support/engine/story.ts';
import { agentIds, assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

const [asker] = agentIds;
if (asker === undefined) throw new Error('a world needs an agent');
const page = checkOf('page', 'web', { agentIds: [asker], confirm: { failures: 1, successes: 1, retryMs: secondMs } });
const config = configOf({
  assets: [assetOf('web')],
  agents: [{ id: asker, assetId: assetOf('web').id, zoneId: null, address: null }],
  checks: [page],
});

/** An asset whose incident a person closed a second after it had opened. */
const closedByHand = () => {
  const state = createState(config, startMs);
  const say = (atMs: number, outcome: Outcome) =>
    step(state, { kind: 'results', atMs: startMs + atMs, agentId: asker, results: [resultOf(page.id, startMs + atMs, outcome)] });
  const look = () => liveViewOf(state).asset(assetOf('web').id) ?? expect.fail();
  say(0, 'down');
  const [incidentId = expect.fail()] = look().openIncidentIds;
  const close = (id: typeof incidentId, atMs: number) =>
    step(state, { kind: 'human', atMs: startMs + atMs, incidentId: id, actor: 'li', act: { kind: 'resolve', note: null } });
  close(incidentId, secondMs);
  return { say, look, close, incidentId };
};

test('an incident closed by hand while its fault goes on is named until the asset was seen good', () => {
  const { say, look, incidentId } = closedByHand();
  say(2 * secondMs, 'down');
  expect(look()).toMatchObject({ status: 'down', openIncidentIds: [], heldIncidentIds: [incidentId] });
  say(3 * secondMs, 'up');
  expect(look()).toMatchObject({ status: 'up', openIncidentIds: [], heldIncidentIds: [] });
});

test('one that was good when a person closed it is not said to fail on', () => {
  const { say, look, close } = closedByHand();
  // Flapping: reopened often enough, it is good but not yet over.
  for (const atMs of [2, 4, 6].map((seconds) => seconds * secondMs)) {
    say(atMs, 'up');
    say(atMs + secondMs, 'down');
  }
  say(8 * secondMs, 'up');
  const [incidentId = expect.fail()] = look().openIncidentIds;
  close(incidentId, 9 * secondMs);
  expect(look()).toMatchObject({ status: 'up', openIncidentIds: [], heldIncidentIds: [] });
});

test('a day after it was closed the fault that goes on opens one anew', () => {
  const { say, look, incidentId } = closedByHand();
  say(limits.reopenMs, 'down');
  expect(look()).toMatchObject({ openIncidentIds: [], heldIncidentIds: [incidentId] });
  say(limits.reopenMs + 3 * secondMs, 'down');
  expect(look().heldIncidentIds).toEqual([]);
  expect(look().openIncidentIds).toHaveLength(1);
  expect(look().openIncidentIds).not.toContain(incidentId);
});
