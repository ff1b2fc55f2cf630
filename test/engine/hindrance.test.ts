import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import { liveViewOf } from '../../collector/src/engine/live-view.ts';
import type { EngineState } from '../../collector/src/engine/state.ts';
import { createState, step } from '../../collector/src/engine/step.ts';
import { createMemory, keepEffects, restoreFrom } from '../support/engine/memory.ts';
import { agentIds, assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

const [first, second] = agentIds;
if (first === undefined || second === undefined) throw new Error('a world needs two agents');
const page = checkOf('page', 'web', { agentIds: [first, second], confirm: { failures: 1, successes: 1, retryMs: secondMs } });
const config = configOf({
  assets: [assetOf('web'), assetOf('host')],
  agents: [first, second].map((id) => ({ id, assetId: assetOf('host').id, zoneId: null, address: null })),
  checks: [page],
});

/** A check that two agents are to ask, and what they say, one second after the other. */
const createWorld = () => {
  const memory = createMemory();
  let state = createState(config, startMs);
  let atMs = startMs;
  keepEffects(memory, step(state, { kind: 'config', atMs, config }));
  return {
    say: (agentId: typeof first, outcome: Outcome, reason: ReasonCode, detail?: string, agoMs = 0): void => {
      atMs += secondMs;
      const result = {
        ...{ checkId: page.id, observedAtMs: atMs - agoMs, outcome, reason, latencyMs: null },
        ...{ run: { ofDown: 1, ofUp: 0 }, ...(detail === undefined ? {} : { detail }) },
      };
      keepEffects(memory, step(state, { kind: 'results', atMs, agentId, results: [result] }));
    },
    restart: (): void => {
      state = restoreFrom(memory, config, atMs);
    },
    look: () => lookAt(state),
  };
};

const lookAt = (state: EngineState) => {
  const view = liveViewOf(state);
  const check = view.check(page.id);
  const { hindrance, status } = view.asset(assetOf('web').id) ?? expect.fail();
  return {
    status,
    reason: check?.reason,
    lanes: check?.lanes.map(({ lastUnusable }) => lastUnusable?.detail ?? null),
    hindrance: hindrance === null ? null : `${hindrance.agentId} ${hindrance.checkId} ${hindrance.result.detail}`,
  };
};

test('of a check that its agents cannot ask it is known why, also after a restart', () => {
  const world = createWorld();
  expect(world.look()).toEqual({ status: 'unknown', reason: null, lanes: [null, null], hindrance: null });
  world.say(first, 'down', 'NOT_PERMITTED', 'no systemd answers');
  const known = {
    ...{ status: 'unknown', reason: 'NOT_PERMITTED', lanes: ['no systemd answers', null] },
    hindrance: `${first} page no systemd answers`,
  };
  expect(world.look()).toEqual(known);
  world.restart();
  expect(world.look()).toEqual(known);
});

test('the latest word of whoever cannot ask is told, and an answer takes it back', () => {
  const world = createWorld();
  world.say(first, 'down', 'NOT_PERMITTED', 'older');
  world.say(second, 'down', 'PROBE_ERROR', 'caFile /nope cannot be read');
  world.say(first, 'down', 'NOT_PERMITTED', 'kept for long', 10 * secondMs);
  expect(world.look()).toMatchObject({ reason: 'PROBE_ERROR', lanes: ['older', 'caFile /nope cannot be read'] });
  world.say(second, 'up', 'OK');
  expect(world.look()).toEqual({ status: 'up', reason: null, lanes: ['older', null], hindrance: null });
  // What came before the answer says nothing any more, whenever it comes.
  world.say(second, 'down', 'PROBE_ERROR', 'late', 2 * secondMs);
  expect(world.look().lanes).toEqual(['older', null]);
});
