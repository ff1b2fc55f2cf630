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
  step(state, { kind: 'human', atMs: startMs + secondMs, incidentId, actor: 'li', act: { kind: 'resolve', note: null } });
  return { say, look, incidentId };
};

test('an incident closed by hand while its fault goes on is named until the asset was seen good', () => {
  const { say, look, incidentId } = closedByHand();
  say(2 * secondMs, 'down');
  expect(look()).toMatchObject({ status: 'down', openIncidentIds: [], heldIncidentIds: [incidentId] });
  say(3 * secondMs, 'up');
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
