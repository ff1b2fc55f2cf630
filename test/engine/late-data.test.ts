import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import { liveViewOf } from '../../collector/src/engine/live-view.ts';
import { createState, nextDeadlineMs, step } from '../../collector/src/engine/step.ts';
import { createMemory, keepEffects, type Memory } from '../support/engine/memory.ts';
import { resultOf } from '../support/engine/story.ts';
import { agentIds, assetOf, checkOf, configOf, startMs, type WorldParts, worlds } from '../support/engine/world.ts';

const seed = Date.now() % 1_000_000;
const runs = { numRuns: 100, seed, interruptAfterTimeLimit: 1_500 };
console.info(`late data: seed ${seed}`);

const endMs = startMs + 30 * minuteMs;

interface Answer {
  readonly agentId: AgentId;
  readonly result: CheckResult;
}

/** Answers of every lane over twenty minutes, in order of time, some minutes silent. */
const answersIn = (parts: WorldParts): fc.Arbitrary<readonly Answer[]> => {
  const lanes = parts.checks.flatMap((check) => check.agentIds.map((agentId) => ({ check, agentId })));
  return fc
    .array(
      fc.record({
        lane: fc.nat(Math.max(0, lanes.length - 1)),
        afterMs: fc.constantFrom(0, 1, 1_000, 5_000, 20_000, 60_000),
        outcome: fc.constantFrom('up', 'up', 'down', 'down', 'degraded'),
      }),
      { minLength: 5, maxLength: 60, size: 'max' },
    )
    .map((shapes) => {
      let atMs = startMs;
      const seen = new Map<number, number>();
      return shapes.flatMap(({ lane, afterMs, outcome }) => {
        atMs = Math.min(atMs + afterMs, endMs);
        const own = lanes[lane];
        if (own === undefined || seen.get(lane) === atMs) return [];
        seen.set(lane, atMs);
        return [{ agentId: own.agentId, result: resultOf(own.check.id, atMs, outcome) }];
      });
    });
};

/** Takes the events in with ticks at all deadlines in between. @returns what a store would hold in the end */
const endOf = (parts: WorldParts, events: readonly EngineEvent[]): Memory => {
  const state = createState(configOf(parts), startMs);
  const memory = createMemory();
  for (const event of [...events, { kind: 'tick', atMs: endMs } as const]) {
    for (let dueMs = nextDeadlineMs(state); dueMs !== null && dueMs < event.atMs; dueMs = nextDeadlineMs(state))
      keepEffects(memory, step(state, { kind: 'tick', atMs: Math.max(dueMs, state.nowMs) }));
    keepEffects(memory, step(state, event));
  }
  return memory;
};

const liveEvents = (answers: readonly Answer[]): EngineEvent[] =>
  answers.map(({ agentId, result }) => ({ kind: 'results', atMs: result.observedAtMs, agentId, results: [result] }));

/** Each agent keeps its answers and sends them in portions: all up to an instant, when that instant or some later one comes. */
const lateEvents = (
  answers: readonly Answer[],
  portions: ReadonlyMap<AgentId, readonly { untilMs: number; sentAtMs: number }[]>,
): EngineEvent[] => {
  const events: EngineEvent[] = [];
  for (const [agentId, cuts] of portions) {
    let fromMs = 0;
    for (const { untilMs, sentAtMs } of cuts) {
      const own = answers.filter(
        (answer) => answer.agentId === agentId && answer.result.observedAtMs >= fromMs && answer.result.observedAtMs < untilMs,
      );
      fromMs = untilMs;
      if (own.length > 0) events.push({ kind: 'results', atMs: sentAtMs, agentId, results: own.map(({ result }) => result) });
    }
  }
  return events.sort((a, b) => a.atMs - b.atMs);
};

const portionsOf = (shape: readonly { lengthMs: number; lagMs: number }[]): { untilMs: number; sentAtMs: number }[] => {
  let untilMs = startMs;
  let sentAtMs = startMs;
  const cuts = shape.map(({ lengthMs, lagMs }) => {
    untilMs = Math.min(untilMs + lengthMs, endMs);
    sentAtMs = Math.min(Math.max(sentAtMs, untilMs + lagMs), endMs);
    return { untilMs, sentAtMs };
  });
  return [...cuts, { untilMs: endMs + 1, sentAtMs: endMs }];
};

test('late answers, in whatever portions, end in the histories they would have made live', () => {
  fc.assert(
    fc.property(
      worlds({ hasRules: false }).chain((parts) => fc.tuple(fc.constant(parts), answersIn(parts))),
      fc.array(fc.array(fc.record({ lengthMs: fc.nat(5 * minuteMs), lagMs: fc.nat(4 * minuteMs) }), { maxLength: 6 }), {
        minLength: 3,
        maxLength: 3,
      }),
      ([parts, answers], shapes) => {
        const portions = new Map(parts.agents.map((agent, at) => [agent.id, portionsOf(shapes[at] ?? [])]));
        const live = endOf(parts, liveEvents(answers));
        const late = endOf(parts, lateEvents(answers, portions));
        expect(late.spans).toEqual(live.spans);
      },
    ),
    runs,
  );
});

test('the order in which agents speak at one instant does not matter for what the assets were', () => {
  fc.assert(
    fc.property(
      worlds({ hasRules: false }).chain((parts) => fc.tuple(fc.constant(parts), answersIn(parts))),
      ([parts, answers]) => {
        const events = liveEvents(answers);
        // Reversed within each instant: a lane answers at most once in one.
        const reversed = events.toReversed().sort((a, b) => a.atMs - b.atMs);
        expect(endOf(parts, reversed).spans).toEqual(endOf(parts, events).spans);
      },
    ),
    runs,
  );
});

test('what is older than corrections reach is counted and changes nothing; a moment younger it is taken', () => {
  const check = checkOf('c1', 'a1');
  const [agentId] = agentIds;
  if (agentId === undefined) throw new Error('the world has agents');
  const state = createState(
    configOf({
      assets: [assetOf('a1')],
      agents: [{ id: agentId, assetId: check.assetId, zoneId: null, address: null }],
      checks: [check],
    }),
    startMs,
  );
  const tell = (observedAtMs: number): void => {
    step(state, { kind: 'results', atMs: startMs, agentId, results: [resultOf(check.id, observedAtMs, 'down')] });
  };
  const lastAtMs = () => liveViewOf(state).check(check.id)?.lanes[0]?.lastResult?.observedAtMs ?? null;
  tell(startMs - limits.correctionMsMax - 1);
  expect([lastAtMs(), liveViewOf(state).tooLateResultCount()]).toEqual([null, 1]);
  tell(startMs - limits.correctionMsMax);
  expect([lastAtMs(), liveViewOf(state).tooLateResultCount()]).toEqual([startMs - limits.correctionMsMax, 1]);
});
