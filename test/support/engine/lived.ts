import fc from 'fast-check';
import type { EngineConfig } from '../../../collector/src/engine/config.ts';
import { createState, nextDeadlineMs, step } from '../../../collector/src/engine/step.ts';
import { createMemory, keepEffects, type Memory } from './memory.ts';
import { createTeller, type Moment, moments } from './story.ts';
import { startMs, type WorldParts, worlds } from './world.ts';

/** What is stored of a world that lived for a while, its configuration, and when that was. */
export interface Lived {
  readonly memory: Memory;
  readonly config: EngineConfig;
  readonly atMs: number;
}

const ticksMax = 1_000;

const live = (parts: WorldParts, story: readonly Moment[]): Lived => {
  const teller = createTeller(parts);
  const state = createState(teller.config, startMs);
  const memory = createMemory();
  let { config } = state;
  for (const moment of story) {
    const event = teller.next(moment);
    for (let ticks = 0; ticks < ticksMax; ticks += 1) {
      const dueMs = nextDeadlineMs(state);
      if (dueMs === null || dueMs >= event.atMs) break;
      const effects = step(state, { kind: 'tick', atMs: Math.max(dueMs, state.nowMs) });
      teller.hear(effects);
      keepEffects(memory, effects);
    }
    if (event.kind === 'config') config = event.config;
    const effects = step(state, event);
    teller.hear(effects);
    keepEffects(memory, effects);
  }
  return { memory, config, atMs: state.nowMs };
};

/** So many worlds, the same for a seed. */
export const livedWorlds = (count: number, seed: number): readonly Lived[] =>
  fc.sample(fc.tuple(worlds({ hasRules: true }), moments), { numRuns: count, seed }).map(([parts, story]) => live(parts, story));
