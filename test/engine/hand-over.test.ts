import { expect, test } from 'vitest';
import { createState, step } from '../../collector/src/engine/step.ts';
import { asId } from '../../shared/src/ids.ts';
import { createMemory, keepEffects, restoreFrom } from '../support/engine/memory.ts';
import { agentIds, assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

const agents = agentIds.map((id) => ({ id, assetId: asId<'asset'>('a0'), zoneId: asId<'zone'>('z1'), address: null }));
const assets = [assetOf('a0')];
const both = configOf({ assets, agents, checks: [checkOf('c0', 'a0'), checkOf('c1', 'a0')] });
const one = configOf({ assets, agents, checks: [checkOf('c0', 'a0')] }, 2);
const isKnown = (state: ReturnType<typeof createState>, id: string): boolean => state.lanes.has(id);

test('a handover from a configuration that is not in force is none: all of the new one is looked at', () => {
  const state = createState(both, startMs);
  step(state, { kind: 'config', atMs: startMs, config: both });
  expect(isKnown(state, 'c1@g1')).toBe(true);
  step(state, { kind: 'config', atMs: startMs, config: one, handover: { before: one, checkIds: [] } });
  expect(isKnown(state, 'c0@g1')).toBe(true);
  expect(isKnown(state, 'c1@g1')).toBe(false);
});

test('the first configuration after a restart is looked at as a whole: the store may hold what was declared before', () => {
  const memory = createMemory();
  const lived = createState(both, startMs);
  keepEffects(memory, step(lived, { kind: 'config', atMs: startMs, config: both }));
  const restored = restoreFrom(memory, one, startMs);
  const config = { ...one, version: 3 };
  step(restored, { kind: 'config', atMs: startMs, config, handover: { before: one, checkIds: [] } });
  expect(isKnown(restored, 'c0@g1')).toBe(true);
  expect(isKnown(restored, 'c1@g1')).toBe(false);
});
