import { holdMsOf } from '@jiwei/agent/session/hold.ts';
import { createResultBatch } from '@jiwei/agent/session/result-batch.ts';
import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import { describe, expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';

const confirm = { failures: 3, successes: 2, retryMs: 1_000 };
const every = (intervalMs: number) => ({ schedule: { intervalMs }, confirm });
const up = (ofUp: number) => ({ outcome: 'up', run: { ofDown: 0, ofUp } }) as const;
const down = (ofDown: number) => ({ outcome: 'down', run: { ofDown, ofUp: 0 } }) as const;
const slow = (ofUp: number) => ({ outcome: 'degraded', run: { ofDown: 0, ofUp } }) as const;

describe('how long a result may wait for others', () => {
  const cases: readonly {
    readonly why: string;
    readonly result: Pick<CheckResult, 'outcome' | 'run'>;
    readonly before: Outcome | null;
    readonly check?: Parameters<typeof holdMsOf>[1];
    readonly expected: number;
  }[] = [
    { why: 'the first of a check goes at once', result: up(1), before: null, expected: 0 },
    { why: 'the one that confirms the recovery goes at once', result: up(2), before: 'up', expected: 0 },
    { why: 'one more of the same waits', result: up(3), before: 'up', expected: 5_000 },
    { why: 'the first after a start goes at once, however long the run', result: up(9), before: null, expected: 0 },
    { why: 'a failure goes at once', result: down(1), before: 'up', expected: 0 },
    { why: 'a failure among failures goes at once', result: down(9), before: 'down', expected: 0 },
    { why: 'degraded goes at once', result: slow(9), before: 'up', expected: 0 },
    { why: 'degraded as before goes at once', result: slow(9), before: 'degraded', expected: 0 },
    { why: 'up after degraded goes at once', result: up(10), before: 'degraded', expected: 0 },
    { why: 'a quarter of a short interval', result: up(3), before: 'up', check: every(1_000), expected: 250 },
    { why: 'never longer than the limit', result: up(3), before: 'up', check: every(86_400_000), expected: 5_000 },
    {
      why: 'a calendar check waits for the limit',
      result: up(3),
      before: 'up',
      check: { schedule: { cron: '0 3 * * *', timeZone: 'UTC' }, confirm },
      expected: 5_000,
    },
  ];
  test.each(cases)('$why', ({ result, before, check, expected }) => {
    expect(holdMsOf(result, check ?? every(20_000), before)).toBe(expected);
  });
});

describe('a batch of results', () => {
  const resultOf = (id: string): CheckResult => ({
    checkId: asId<'check'>(id),
    observedAtMs: 1,
    outcome: 'up',
    reason: 'OK',
    latencyMs: 1,
    run: { ofDown: 0, ofUp: 3 },
  });
  const open = () => {
    const clock = createManualClock(0);
    const frames: string[][] = [];
    const batch = createResultBatch(clock, ({ body }) => {
      const { results } = JSON.parse(Buffer.from(body).toString()) as { results: CheckResult[] };
      frames.push(results.map(({ checkId }) => checkId));
    });
    return { clock, frames, batch };
  };

  test('waits no longer than the most impatient of it, and keeps the order', () => {
    const { clock, frames, batch } = open();
    batch.add(resultOf('a'), 5_000);
    clock.advance(1_000);
    batch.add(resultOf('b'), 2_000);
    batch.add(resultOf('c'), 5_000);
    clock.advance(1_999);
    expect(frames).toEqual([]);
    clock.advance(1);
    expect(frames).toEqual([['a', 'b', 'c']]);
  });

  test('one that may not wait takes the others along', () => {
    const { clock, frames, batch } = open();
    batch.add(resultOf('a'), 5_000);
    clock.advance(100);
    batch.add(resultOf('failed'), 0);
    clock.advance(20);
    expect(frames).toEqual([['a', 'failed']]);
    clock.advance(10_000);
    expect(frames).toHaveLength(1);
  });

  test('one that is full goes at once, and the rest with the next', () => {
    const { clock, frames, batch } = open();
    for (let count = 0; count <= limits.resultsPerFrameMax; count += 1) batch.add(resultOf(`c${count}`), 5_000);
    expect(frames.map(({ length }) => length)).toEqual([limits.resultsPerFrameMax]);
    clock.advance(5_000);
    expect(frames[1]).toEqual([`c${limits.resultsPerFrameMax}`]);
  });

  test('a flush begins a new waiting', () => {
    const { clock, frames, batch } = open();
    batch.add(resultOf('a'), 5_000);
    clock.advance(4_000);
    batch.flush();
    batch.add(resultOf('b'), 5_000);
    clock.advance(4_999);
    expect(frames).toEqual([['a']]);
    clock.advance(1);
    expect(frames).toEqual([['a'], ['b']]);
  });
});
