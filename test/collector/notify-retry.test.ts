import { limits } from '@jiwei/shared/limits.ts';
import { dayMs, hourMs, minuteMs } from '@jiwei/shared/time.ts';
import { describe, expect, test } from 'vitest';
import { afterTry, beforeTry } from '../../collector/src/notify/fate.ts';
import { nextTryAtMs } from '../../collector/src/notify/retry.ts';
import { outboxOf } from '../support/store-samples.ts';

describe('when to try again', () => {
  const cases: readonly { why: string; tries: number; nowMs: number; afterMs?: number; expected: number | null }[] = [
    { why: 'a minute after the first', tries: 1, nowMs: 0, expected: minuteMs },
    { why: 'two after the second', tries: 2, nowMs: 0, expected: 2 * minuteMs },
    { why: 'sixteen after the fifth', tries: 5, nowMs: 0, expected: 16 * minuteMs },
    { why: 'hourly from then on', tries: 6, nowMs: 0, expected: hourMs },
    { why: 'a longer wish of the receiver counts', tries: 1, nowMs: 0, afterMs: 5 * minuteMs, expected: 5 * minuteMs },
    { why: 'a shorter one does not', tries: 5, nowMs: 0, afterMs: 1, expected: 16 * minuteMs },
    { why: 'at the very end of the day', tries: 9, nowMs: dayMs - hourMs, expected: dayMs },
    { why: 'not past it', tries: 9, nowMs: dayMs - hourMs + 1, expected: null },
    { why: 'not when the receiver wishes a time past it', tries: 1, nowMs: 0, afterMs: dayMs + 1, expected: null },
    { why: 'not after the last try', tries: limits.notificationTriesMax, nowMs: 0, expected: null },
  ];
  test.each(cases)('$why', ({ tries, nowMs, afterMs, expected }) => {
    expect(nextTryAtMs({ tries, createdAtMs: 0, nowMs, afterMs })).toBe(expected);
  });

  test('all in all 28 tries at most, the last within the day', () => {
    let nowMs = 0;
    let tries = 1;
    for (let next = nextTryAtMs({ tries, createdAtMs: 0, nowMs }); next !== null; tries += 1) {
      nowMs = next;
      next = nextTryAtMs({ tries: tries + 1, createdAtMs: 0, nowMs });
    }
    expect(tries).toBeLessThanOrEqual(limits.notificationTriesMax);
    expect(nowMs).toBeGreaterThan(dayMs - 2 * hourMs);
    expect(nowMs).toBeLessThanOrEqual(dayMs);
  });
});

describe('what becomes of a record', () => {
  const record = outboxOf({ createdAtMs: 0, nextTryAtMs: 0 });

  test('sent', () => {
    expect(afterTry({ ...record, tries: 2, lastError: 'x' }, { kind: 'sent', detail: '' }, 9)).toEqual({
      state: 'sent',
      tries: 3,
      mayHaveArrived: true,
      nextTryAtMs: 0,
      lastError: null,
      finishedAtMs: 9,
    });
  });

  test('waits again, with what went wrong', () => {
    expect(afterTry(record, { kind: 'retry', error: 'refused', mayHaveArrived: false }, 9)).toEqual({
      state: 'waiting',
      tries: 1,
      mayHaveArrived: false,
      nextTryAtMs: 9 + minuteMs,
      lastError: 'refused',
      finishedAtMs: null,
    });
  });

  const arrivals: readonly { why: string; before: boolean; now: boolean; after: boolean }[] = [
    { why: 'what did not arrive did not', before: false, now: false, after: false },
    { why: 'one try that may have is enough', before: false, now: true, after: true },
    { why: 'a later one takes nothing back', before: true, now: false, after: true },
  ];
  test.each(arrivals)('$why, waiting or given up', ({ before, now, after }) => {
    const outcome = { kind: 'retry', error: 'reset', mayHaveArrived: now } as const;
    expect(afterTry({ ...record, mayHaveArrived: before }, outcome, 9)).toMatchObject({
      state: 'waiting',
      mayHaveArrived: after,
    });
    expect(afterTry({ ...record, mayHaveArrived: before, tries: 27 }, outcome, dayMs)).toMatchObject({
      state: 'failed',
      mayHaveArrived: after,
    });
  });

  test('a refusal takes nothing back either', () => {
    expect(afterTry({ ...record, mayHaveArrived: true }, { kind: 'failed', error: 'no' }, 9)).toMatchObject({
      state: 'failed',
      mayHaveArrived: true,
    });
  });

  test.each(['failed', 'disabled'] as const)('given up at once when %s', (kind) => {
    expect(afterTry(record, { kind, error: 'no' }, 9)).toMatchObject({
      state: 'failed',
      tries: 1,
      lastError: 'no',
      finishedAtMs: 9,
    });
  });

  test('given up when the day is over, keeping the last error', () => {
    const fate = afterTry({ ...record, tries: 27 }, { kind: 'retry', error: 'refused', mayHaveArrived: false }, dayMs);
    expect(fate).toMatchObject({ state: 'failed', lastError: 'given up after 28 tries: refused' });
  });

  test('not even tried without a route, or when too old', () => {
    expect(beforeTry(record, true, dayMs)).toBeNull();
    expect(beforeTry(record, true, dayMs + 1)).toMatchObject({ state: 'failed', tries: 0 });
    expect(beforeTry(record, false, 1)).toMatchObject({ state: 'failed', lastError: expect.stringContaining('route duty') });
  });
});
