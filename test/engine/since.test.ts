import { limits } from '@jiwei/shared/limits.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import { liveViewOf } from '../../collector/src/engine/live-view.ts';
import { createState, step } from '../../collector/src/engine/step.ts';
import { createMemory, keepEffects, restoreFrom } from '../support/engine/memory.ts';
import { agentIds, assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';

const [asker] = agentIds;
if (asker === undefined) throw new Error('a world needs an agent');
const nothing = configOf({ assets: [], agents: [], checks: [] });
/** `page` is asked by an agent that never answers; nobody asks for `form`; `bare` has no check at all. */
const declared = configOf({
  assets: [assetOf('web'), assetOf('shop'), assetOf('bare')],
  agents: [{ id: asker, assetId: assetOf('bare').id, zoneId: null, address: null }],
  checks: [checkOf('page', 'web', { agentIds: [asker] }), checkOf('form', 'shop', { agentIds: [] })],
});

test('what was never known is unknown since it was declared, whenever one looks and over a restart', () => {
  const memory = createMemory();
  const state = createState(nothing, startMs);
  keepEffects(memory, step(state, { kind: 'config', atMs: startMs, config: declared }));
  const sinceOf = (from: typeof state) => {
    const view = liveViewOf(from);
    const [lane] = view.check(checkOf('page', 'web').id)?.lanes ?? [];
    return [
      ...[...view.assets()].map(({ sinceMs }) => sinceMs),
      ...[...view.checks()].map(({ sinceMs }) => sinceMs),
      lane?.sinceMs,
    ];
  };
  const expected = [startMs, startMs, startMs, startMs, startMs, startMs];
  for (const minutes of [0, 1, 5]) {
    keepEffects(memory, step(state, { kind: 'tick', atMs: startMs + minutes * minuteMs }));
    expect(sinceOf(state), `after ${minutes} minutes`).toEqual(expected);
  }
  const restored = restoreFrom(memory, declared, startMs + 6 * minuteMs);
  keepEffects(memory, step(restored, { kind: 'config', atMs: startMs + 7 * minuteMs, config: declared }));
  expect(sinceOf(restored)).toEqual(expected);
});

test('spans forgotten because a subject changes too often are counted', () => {
  const state = createState(nothing, startMs);
  const flapping = checkOf('page', 'web', {
    agentIds: [asker],
    critical: false,
    confirm: { failures: 1, successes: 1, retryMs: 1_000 },
  });
  const config = { ...declared, checks: new Map([[flapping.id, flapping]]) };
  step(state, { kind: 'config', atMs: startMs, config });
  const answer = (at: number) => {
    const outcome = at % 2 === 0 ? ('up' as const) : ('down' as const);
    const result = { checkId: flapping.id, observedAtMs: startMs + at, outcome, reason: 'OK' as const, latencyMs: null };
    return { ...result, run: { ofDown: 0, ofUp: 0 } };
  };
  const say = (at: number) => step(state, { kind: 'results', atMs: startMs + at, agentId: asker, results: [answer(at)] });
  for (let at = 1; at < limits.timelineSpansMax; at += 1) say(at);
  expect(liveViewOf(state).spansForgottenCount()).toBe(0);
  // Of the lane and of its check.
  for (let at = limits.timelineSpansMax; at < limits.timelineSpansMax + 2; at += 1) say(at);
  expect(liveViewOf(state).spansForgottenCount()).toBeGreaterThanOrEqual(2);
});

test('what is declared later is unknown since then, also where something of the same name was there before', () => {
  const state = createState(nothing, startMs);
  step(state, { kind: 'config', atMs: startMs, config: declared });
  step(state, { kind: 'config', atMs: startMs + minuteMs, config: nothing });
  step(state, { kind: 'config', atMs: startMs + 2 * minuteMs, config: declared });
  step(state, { kind: 'tick', atMs: startMs + 3 * minuteMs });
  const view = liveViewOf(state);
  expect([...view.assets(), ...view.checks()].map(({ sinceMs }) => sinceMs)).toEqual(Array(5).fill(startMs + 2 * minuteMs));
});
