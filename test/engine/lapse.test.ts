import { dayMs, secondMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import type { Effect } from '../../collector/src/engine/effect.ts';
import type { EngineState } from '../../collector/src/engine/state.ts';
import { createState, step, stepTogether } from '../../collector/src/engine/step.ts';
import { asId } from '../../shared/src/ids.ts';
import { resultOf } from '../support/engine/story.ts';
import { agentIds, assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

// What lapses in one go, much later, is as if it had been looked at in its time.
const assets = [assetOf('a0')];
const agents = agentIds.map((id) => ({ id, assetId: asId<'asset'>('other'), zoneId: null, address: null }));
const atSecond = (second: number): number => startMs + second * secondMs;
const configWith = (askers: Readonly<Record<string, readonly string[]>>, version = 1) =>
  configOf(
    {
      assets: [...assets, assetOf('other')],
      agents,
      checks: Object.entries(askers).map(([id, ids]) =>
        checkOf(id, 'a0', { agentIds: ids.map((agent) => asId<'agent'>(agent)) }),
      ),
    },
    version,
  );
const begin = (askers: Readonly<Record<string, readonly string[]>>): EngineState => {
  const config = configWith(askers);
  const state = createState(config, startMs);
  step(state, { kind: 'config', atMs: startMs, config });
  return state;
};
const up = (agent: string, check: string, second: number, atMs = atSecond(second)) => ({
  kind: 'results' as const,
  atMs,
  agentId: asId<'agent'>(agent),
  results: [resultOf(asId<'check'>(check), atSecond(second), 'up')],
});
const patchOf = (effects: readonly Effect[], kind: string, id: string) =>
  effects.find((effect) => effect.kind === 'spans' && effect.subject.kind === kind && effect.subject.id === id);

test('an agent that is asked no longer is believed until its last word ends, also when it is forgotten in the same go', () => {
  const state = begin({ c0: ['g2'] });
  step(state, { kind: 'config', atMs: atSecond(5), config: configWith({ c0: ['g1'] }, 2) });
  step(state, up('g1', 'c0', 10, atSecond(36)));
  step(state, up('g2', 'c0', 35, atSecond(36)));
  const effects = step(state, { kind: 'tick', atMs: startMs + 8 * dayMs });
  expect(state.lanes.has('c0@g2')).toBe(false);
  expect(patchOf(effects, 'check', 'c0')).toMatchObject({ fromMs: atSecond(65), spans: [{ status: 'unknown' }] });
});

test('what ends in the same go as a correction comes is not told as corrected where it was not', () => {
  const state = begin({ cA: ['g1', 'g2'], cB: ['g3'] });
  step(state, up('g1', 'cA', 0));
  step(state, up('g3', 'cB', 25));
  step(state, { kind: 'tick', atMs: atSecond(31) });
  step(state, up('g2', 'cA', 45));
  step(state, up('g3', 'cB', 50));
  const effects = stepTogether(state, [up('g1', 'cA', 28, atSecond(100))]);
  expect(patchOf(effects, 'check', 'cA')).toMatchObject({
    isCorrection: true,
    spans: [
      { fromMs: startMs, status: 'up' },
      { fromMs: atSecond(75), status: 'unknown' },
    ],
  });
  expect(patchOf(effects, 'asset', 'a0')).toMatchObject({ fromMs: atSecond(80), isCorrection: false });
});
