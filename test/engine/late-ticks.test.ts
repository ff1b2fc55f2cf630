import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effect, Span } from '../../collector/src/engine/effect.ts';
import type { EngineEvent } from '../../collector/src/engine/event.ts';
import { createState, step } from '../../collector/src/engine/step.ts';
import { spanAt } from '../../collector/src/engine/timeline.ts';
import type { CheckResult } from '../../shared/src/check.ts';
import { asId } from '../../shared/src/ids.ts';
import { type Outcome, outcomes } from '../../shared/src/status.ts';
import { configOf, type Declaration, declareLine } from '../support/scenario/declare.ts';
import { zeroMs } from '../support/scenario/text.ts';

// A busy or just restarted collector does not tick in time: what was due and what has come are then taken in by one and the same step.
// fast-check prints the seed of a counterexample.

const staleMs = 30_000;
const declaration: Declaration = new Map();
declareLine(declaration, 'asset web');
declareLine(declaration, 'check page asset=web agents=a1,a2 confirm=2/2 stale=30s quorum=1');
declareLine(declaration, 'check other asset=web agents=a2 confirm=1/1 stale=20s');
const config = configOf(declaration, 1);
const endMs = zeroMs + 4_000_000;

interface Answer {
  readonly atMs: number;
  readonly outcome: Outcome;
}

const gapMs = fc.constantFrom(1_000, 2_000, 10_000, 25_000, 40_000);
const answers = fc
  .array(fc.tuple(gapMs, fc.constantFrom(...outcomes)), { minLength: 1, maxLength: 40, size: 'max' })
  .map((gaps) => {
    let atMs = zeroMs;
    return gaps.map(([pauseMs, outcome]): Answer => {
      atMs += pauseMs;
      return { atMs, outcome };
    });
  });

const reasons = { up: 'OK', degraded: 'SLOW', down: 'TIMEOUT' } as const;
const resultsOf = (checkId: string, some: readonly Answer[]): CheckResult[] =>
  some.map(({ atMs, outcome }) => ({
    checkId: asId(checkId),
    observedAtMs: atMs,
    outcome,
    reason: reasons[outcome],
    latencyMs: null,
    run: { ofDown: 0, ofUp: 1 },
  }));

interface Delivery {
  readonly atMs: number;
  readonly agentId: string;
  readonly results: readonly CheckResult[];
}

/** Each result at once. */
const live = (checkId: string, agentId: string, some: readonly Answer[]): Delivery[] =>
  resultsOf(checkId, some).map((result) => ({ atMs: result.observedAtMs, agentId, results: [result] }));

/** In portions of `size`, each some time after its last result, never before an earlier one. */
const late = (
  lane: readonly [string, string],
  some: readonly Answer[],
  delaysMs: readonly number[],
  size: number,
): Delivery[] => {
  const [checkId, agentId] = lane;
  const results = resultsOf(checkId, some);
  const portions: Delivery[] = [];
  for (let at = 0; at < results.length; at += size) {
    const portion = results.slice(at, at + size);
    const delayMs = delaysMs[portions.length % delaysMs.length] ?? 0;
    const atMs = Math.max(portions.at(-1)?.atMs ?? 0, (portion.at(-1)?.observedAtMs ?? 0) + delayMs);
    portions.push({ atMs, agentId, results: portion });
  }
  return portions;
};

/** Histories as a store holds them in the end, by subject. Ticks come only when given. */
const historiesAfter = (
  deliveries: readonly Delivery[],
  tickMs: readonly number[],
): Readonly<Record<string, readonly Span[]>> => {
  const state = createState(config, zeroMs);
  const histories = new Map<string, readonly Span[]>();
  const keep = (effect: Effect): void => {
    if (effect.kind !== 'spans') return;
    const subject = `${effect.subject.kind} ${effect.subject.id}`;
    const before = (histories.get(subject) ?? []).filter(({ fromMs }) => fromMs < effect.fromMs);
    histories.set(subject, [...before, ...effect.spans]);
  };
  const events = [
    ...deliveries.map(({ agentId, ...rest }) => ({ kind: 'results' as const, ...rest, agentId: asId<'agent'>(agentId) })),
    ...[...tickMs, endMs].map((atMs) => ({ kind: 'tick' as const, atMs })),
  ];
  for (const event of events.sort((a, b) => a.atMs - b.atMs)) for (const effect of step(state, event)) keep(effect);
  return Object.fromEntries(histories);
};

test('late data ends in the histories of live data, in whatever portions it comes and however seldom the engine is asked', () => {
  const delays = fc.array(fc.constantFrom(0, 500, 20_000, 45_000, 300_000), { minLength: 1, maxLength: 8 });
  const ticks = fc.array(fc.integer({ min: zeroMs, max: zeroMs + 2_000_000 }), { maxLength: 20 });
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(answers, answers, answers, delays, size, ticks, (a, b, c, delaysMs, portionSize, tickMs) => {
      const inTime = [...live('page', 'a1', a), ...live('page', 'a2', b), ...live('other', 'a2', c)];
      const tooLate = [
        ...late(['page', 'a1'], a, delaysMs, portionSize),
        ...late(['page', 'a2'], b, delaysMs.toReversed(), 10 - portionSize),
        ...late(['other', 'a2'], c, [...delaysMs, 1_000], 3),
      ];
      expect(historiesAfter(tooLate, tickMs)).toEqual(historiesAfter(inTime, []));
    }),
    { numRuns: 150 },
  );
});

test('what lanes say at the same instant may come in any order', () => {
  fc.assert(
    fc.property(answers, answers, (a, b) => {
      const one = live('page', 'a1', a);
      const two = live('other', 'a2', b);
      expect(historiesAfter([...two, ...one], [])).toEqual(historiesAfter([...one, ...two], []));
    }),
    { numRuns: 80 },
  );
});

/** The definition of a lane's history read literally, answer by answer, for two failures and two successes. */
const expectedHistory = (some: readonly Answer[]): readonly { readonly fromMs: number; readonly status: string }[] => {
  let history: { fromMs: number; status: string }[] = [];
  let belief: 'good' | 'down' | null = null;
  let run: Answer[] = [];
  const put = (fromMs: number, status: string): void => {
    history = [...history.filter((span) => span.fromMs < fromMs), { fromMs, status }];
  };
  const close = (last: Answer): void => {
    if (history.length > 0) put(last.atMs + staleMs, 'unknown');
  };
  for (const [at, answer] of some.entries()) {
    const before = some[at - 1];
    if (before !== undefined && answer.atMs - before.atMs > staleMs) {
      run = [];
      close(before);
    }
    const isDown = answer.outcome === 'down';
    if (isDown === (belief === 'down')) {
      run = [];
      belief = isDown ? 'down' : 'good';
      put(answer.atMs, answer.outcome);
      continue;
    }
    run.push(answer);
    if (run.length < 2) continue;
    for (const [place, member] of run.entries()) if (place === 0 || !isDown) put(member.atMs, member.outcome);
    belief = isDown ? 'down' : 'good';
    run = [];
  }
  const last = some.at(-1);
  if (last !== undefined) close(last);
  return history;
};

test('a lane is at every instant what its answers say, read one by one', () => {
  fc.assert(
    fc.property(answers, (some) => {
      const spans = historiesAfter(live('page', 'a1', some), [])['lane page@a1'] ?? [];
      const expected = expectedHistory(some);
      for (let atMs = zeroMs; atMs < (some.at(-1)?.atMs ?? 0) + 2 * staleMs; atMs += 500) {
        const status = expected.findLast(({ fromMs }) => fromMs <= atMs)?.status;
        if (spanAt(spans, atMs)?.status !== status) expect.fail(`at ${atMs - zeroMs} ms: not ${status}`);
      }
    }),
    { numRuns: 80 },
  );
});

/** Everything a state makes of events that come without a tick in between. */
const effectsOf = (declared: Declaration, events: readonly EngineEvent[]): readonly Effect[] => {
  const state = createState(configOf(declared, 1), zeroMs);
  return events.flatMap((event) => step(state, event));
};

test('a heartbeat that was missed is down from its due instant, whenever the engine is asked', () => {
  const declared: Declaration = new Map();
  declareLine(declared, 'asset job');
  declareLine(declared, 'heartbeat beat asset=job interval=60s grace=5s');
  const effects = effectsOf(declared, [
    { kind: 'push', atMs: zeroMs, checkId: asId('beat'), isUp: true, detail: null },
    { kind: 'tick', atMs: zeroMs + 100_000 },
  ]);
  const spans = effects.flatMap((effect) => (effect.kind === 'spans' && effect.subject.kind === 'check' ? effect.spans : []));
  expect(spans.filter(({ status }) => status === 'down').map(({ fromMs }) => fromMs - zeroMs)).toEqual([65_000]);
});

test('a heartbeat that was missed and has come after all when the engine is asked tells nobody', () => {
  const declared: Declaration = new Map();
  declareLine(declared, 'asset job');
  declareLine(declared, 'heartbeat beat asset=job interval=60s grace=5s');
  const call = { kind: 'push' as const, checkId: asId<'check'>('beat'), isUp: true, detail: null };
  const effects = effectsOf(declared, [
    { ...call, atMs: zeroMs },
    { ...call, atMs: zeroMs + 100_000 },
    { kind: 'tick', atMs: zeroMs + 120_000 },
  ]);
  const spans = effects.flatMap((effect) => (effect.kind === 'spans' && effect.subject.kind === 'asset' ? effect.spans : []));
  expect(spans.map(({ fromMs, status }) => [fromMs - zeroMs, status])).toEqual([
    [0, 'up'],
    [65_000, 'down'],
    [100_000, 'up'],
  ]);
  expect(effects.filter(({ kind }) => kind === 'notify' || kind === 'incident')).toEqual([]);
});

test('an acknowledgement after the due instant finds the promise broken, though nothing was done at that instant', () => {
  const down = { kind: 'results' as const, atMs: zeroMs, agentId: asId<'agent'>('a2') };
  const opened = effectsOf(declaration, [{ ...down, results: resultsOf('other', [{ atMs: zeroMs, outcome: 'down' }]) }]);
  const incident = opened.flatMap((effect) => (effect.kind === 'incident' ? [effect.incident] : []))[0];
  const dueAtMs = incident?.cycles[0]?.respondDueAtMs ?? 0;
  const kindsWhen = (ackAtMs: number): string[] =>
    effectsOf(declaration, [
      { ...down, results: resultsOf('other', [{ atMs: zeroMs, outcome: 'down' }]) },
      {
        kind: 'human',
        atMs: ackAtMs,
        incidentId: incident?.id ?? asId('none'),
        actor: 'ann',
        act: { kind: 'acknowledge', note: null },
      },
    ])
      .flatMap((effect) => (effect.kind === 'incident' ? effect.entries : []))
      .map(({ kind }) => kind)
      .filter((kind) => kind === 'acknowledged' || kind === 'respondOverdue');
  expect(kindsWhen(dueAtMs)).toEqual(['acknowledged']);
  expect(kindsWhen(dueAtMs + 1)).toEqual(['respondOverdue', 'acknowledged']);
});
