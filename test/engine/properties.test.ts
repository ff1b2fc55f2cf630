import { limits } from '@jiwei/shared/limits.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EngineConfig } from '../../collector/src/engine/config.ts';
import { indexConfig } from '../../collector/src/engine/config-index.ts';
import type { Effect } from '../../collector/src/engine/effect.ts';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import { problemIdOf } from '../../collector/src/engine/incident-record.ts';
import type { EngineState } from '../../collector/src/engine/state.ts';
import { createState, nextDeadlineMs, step } from '../../collector/src/engine/step.ts';
import { copyMemory, createMemory, keepEffects, type Memory, restoreFrom } from '../support/engine/memory.ts';
import { afterwardsMs, createTeller, type Moment, moments } from '../support/engine/story.ts';
import { startMs, type WorldParts, worlds } from '../support/engine/world.ts';

// Other worlds each time; JIWEI_SEED=N shows the same again, JIWEI_RUNS=N more of them and to the end.
const seed = Number(process.env['JIWEI_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const wantedRuns = process.env['JIWEI_RUNS'];
const runs = { numRuns: Number(wantedRuns ?? 60), seed, ...(wantedRuns === undefined ? { interruptAfterTimeLimit: 1_500 } : {}) };
console.info(`engine properties: JIWEI_SEED=${seed}`);

/** One event with all it led to. */
interface Chapter {
  readonly event: EngineEvent;
  readonly effects: readonly Effect[];
}

/** Lets a world live through its moments, with a tick at every deadline that falls due in between, as the runtime does it. */
const live = (
  parts: WorldParts,
  story: readonly Moment[],
  look: (state: EngineState, chapter: Chapter) => void = () => undefined,
) => {
  const teller = createTeller(parts);
  const first = teller.config;
  const state = begun(first);
  const chapters: Chapter[] = [];
  const take = (event: EngineEvent): void => {
    const effects = step(state, event);
    teller.hear(effects);
    const chapter = { event, effects };
    chapters.push(chapter);
    look(state, chapter);
  };
  const tickUntil = (untilMs: number): void => {
    for (let guard = 0; guard < 1_000; guard += 1) {
      const dueMs = nextDeadlineMs(state);
      if (dueMs === null || dueMs > untilMs) return;
      take({ kind: 'tick', atMs: Math.max(dueMs, state.nowMs) });
    }
    throw new Error('the engine asks for a thousand ticks and comes to no end');
  };
  for (const moment of story) {
    const event = teller.next(moment);
    tickUntil(event.atMs - 1);
    take(event);
  }
  const endMs = state.nowMs + afterwardsMs;
  tickUntil(endMs);
  take({ kind: 'tick', atMs: endMs });
  return { state, chapters, first };
};

/** A state begins with a configuration that is put in force, as after each start. */
const begun = (config: EngineConfig): EngineState => {
  const state = createState(config, startMs);
  step(state, { kind: 'config', atMs: startMs, config });
  return state;
};

/** Copies, because later steps may change what the engine still holds. */
const frozen = <T>(value: T): T => structuredClone(value);

test('the same events have the same effects', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      const { chapters, first } = live(parts, story);
      const state = begun(first);
      const wanted = frozen(chapters.map(({ effects }) => effects));
      for (const [at, { event }] of chapters.entries()) expect(step(state, event)).toEqual(wanted[at]);
    }),
    runs,
  );
});

test('effects are not changed by later events', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      const copies: (readonly Effect[])[] = [];
      const { chapters } = live(parts, story, (_, { effects }) => copies.push(frozen(effects)));
      expect(chapters.map(({ effects }) => effects)).toEqual(copies);
    }),
    runs,
  );
});

test('a state rebuilt from what was stored goes on exactly like the one it replaces', () => {
  fc.assert(
    fc.property(worlds({ hasRules: false }), moments, fc.nat(200), (parts, story, cut) => {
      const { chapters, first } = live(parts, story);
      const memory = createMemory();
      const at = cut % chapters.length;
      const lived = createState(first, startMs);
      keepEffects(memory, step(lived, { kind: 'config', atMs: startMs, config: first }));
      let config = first;
      for (const { event } of chapters.slice(0, at)) {
        keepEffects(memory, step(lived, event));
        if (event.kind === 'config') config = event.config;
      }
      const restored = restoreFrom(memory, config, lived.nowMs);
      const others = copyMemory(memory);
      for (const { event } of chapters.slice(at)) {
        const wanted = keepEffects(memory, step(lived, event));
        expect(sorted(keepEffects(others, step(restored, event)))).toEqual(sorted(wanted));
        expect(nextDeadlineMs(restored)).toEqual(nextDeadlineMs(lived));
      }
      expect(others.spans).toEqual(memory.spans);
    }),
    runs,
  );
});

test('checks handed over to others are as a whole new configuration would have them', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      const { chapters, first } = live(parts, story);
      const handed = begun(first);
      const whole = begun(first);
      const memories = { handed: createMemory(), whole: createMemory() };
      for (const { event } of chapters) {
        const compiled: EngineEvent =
          event.kind === 'config' ? { kind: 'config', atMs: event.atMs, config: event.config } : event;
        const wanted = keepEffects(memories.whole, step(whole, compiled));
        expect(sorted(keepEffects(memories.handed, step(handed, event)))).toEqual(sorted(wanted));
        expect(handed.index).toEqual(indexConfig(handed.config));
        expect(new Map([...handed.deadlines.wanted].sort())).toEqual(new Map([...whole.deadlines.wanted].sort()));
      }
      expect(memories.handed).toEqual(memories.whole);
      expect(new Map([...handed.lanes].sort())).toEqual(new Map([...whole.lanes].sort()));
    }),
    runs,
  );
});

/** In which order entities are stored says nothing. */
const sorted = (effects: readonly Effect[]): readonly Effect[] =>
  effects.toSorted((a, b) =>
    a.kind === 'entity' && b.kind === 'entity' ? (`${a.entity} ${a.id}` < `${b.entity} ${b.id}` ? -1 : 1) : 0,
  );

test('a problem never has two open incidents', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      live(parts, story, (state) => {
        const open = [...state.incidents.values()].filter(({ incident }) => incident.state !== 'resolved');
        const problems = open.map(({ incident }) => problemIdOf(incident.assetId, incident.problem));
        expect(problems).toHaveLength(new Set(problems).size);
        expect(new Set([...state.openOf.values()].flatMap((ids) => [...ids]))).toEqual(
          new Set(open.map(({ incident }) => incident.id)),
        );
      });
    }),
    runs,
  );
});

/** All spans ascend, and no two neighbours say the same. */
const checkSpans = (memory: Memory): void => {
  for (const [key, spans] of memory.spans) {
    for (const [at, span] of spans.entries()) {
      const next = spans[at + 1];
      if (next === undefined) continue;
      expect(next.fromMs, key).toBeGreaterThan(span.fromMs);
      expect(next.status === span.status && next.attributedTo === span.attributedTo, `${key} at ${next.fromMs}`).toBe(false);
    }
  }
};

test('histories ascend, no two neighbours are alike, and no patch reaches back further than corrections may', () => {
  fc.assert(
    fc.property(worlds({ hasRules: false }), moments, (parts, story) => {
      const memory = createMemory();
      live(parts, story, (state, { effects }) => {
        for (const effect of effects) {
          if (effect.kind === 'spans') expect(effect.fromMs).toBeGreaterThanOrEqual(state.nowMs - limits.correctionMsMax);
        }
        keepEffects(memory, effects);
        checkSpans(memory);
      });
      expect(memory.spans.size).toBeGreaterThanOrEqual(0);
    }),
    runs,
  );
});

test('whoever was told that it fires is told that it is over, and every notice has its own id', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      const told = new Map<string, Set<string>>();
      const ids = new Set<string>();
      live(parts, story, (state, { effects }) => {
        for (const effect of effects) {
          if (effect.kind !== 'notify') continue;
          expect(ids.has(effect.id), effect.id).toBe(false);
          ids.add(effect.id);
          const routes = told.get(effect.incidentId) ?? new Set();
          told.set(effect.incidentId, routes);
          if (effect.notice === 'resolved') expect(routes.delete(effect.routeId), effect.id).toBe(true);
          else if (effect.notice !== 'warning') routes.add(effect.routeId);
        }
        for (const { incident } of state.incidents.values()) {
          expect(incident.isTold).toBe((told.get(incident.id)?.size ?? 0) > 0);
          if (incident.state === 'resolved') expect([...(told.get(incident.id) ?? [])]).toEqual([]);
        }
      });
    }),
    runs,
  );
});

test('after a tick nothing is due any more, and a tick at the next deadline leads on', () => {
  fc.assert(
    fc.property(worlds({ hasRules: true }), moments, (parts, story) => {
      const { state, chapters } = live(parts, story, (now) => {
        const dueMs = nextDeadlineMs(now);
        if (dueMs !== null) expect(dueMs).toBeGreaterThan(now.nowMs);
      });
      expect(state.nowMs).toBe(chapters.at(-1)?.event.atMs);
    }),
    runs,
  );
});
