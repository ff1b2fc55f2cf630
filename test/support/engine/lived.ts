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

/** Whether an entity of the kind is stored. */
const holds = (memory: Memory, kind: string): boolean => [...memory.entities.keys()].some((key) => key.startsWith(`${kind}\n`));

/** @param kind ends the life as soon as such an entity is stored @returns null when none ever was */
const live = (parts: WorldParts, story: readonly Moment[], kind: string): Lived | null => {
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
      if (holds(memory, kind)) return { memory, config, atMs: state.nowMs };
    }
    if (event.kind === 'config') config = event.config;
    const effects = step(state, event);
    teller.hear(effects);
    keepEffects(memory, effects);
    if (holds(memory, kind)) return { memory, config, atMs: state.nowMs };
  }
  return null;
};

/** Lives tried for one kind of entity; a few are enough for each. */
const livesMax = 200;

/** A world in which an entity of the kind has just come to be, the same for a seed. @throws Error when none of many lives had one */
export const livedWith = (kind: string, seed: number): Lived => {
  for (const [parts, story] of fc.sample(fc.tuple(worlds({ hasRules: true }), moments), { numRuns: livesMax, seed })) {
    const lived = live(parts, story, kind);
    if (lived !== null) return lived;
  }
  throw new Error(`none of ${livesMax} lives stored a ${kind}`);
};
