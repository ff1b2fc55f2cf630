import { systemClock } from '@jiwei/shared/clock.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { fastify } from 'fastify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { retainOnce, scheduleRetention } from '../../collector/src/runtime/retention.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import {
  agentA,
  batchOf,
  entryOf,
  frameOf,
  incidentOf,
  outboxOf,
  resultOf,
  webCheck,
  webSubject,
} from '../support/store-samples.ts';

/** 03:40 in China, when the job is to run. */
const jobMs = Date.parse('2026-06-01T19:40:00Z');
const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const frameLimitMs = jobMs - limits.frameRetentionMs;
const historyLimitMs = jobMs - limits.historyRetentionMs;

let store: Store;
beforeEach(async () => {
  store = await openSqliteStore({ path: ':memory:' });
});
afterEach(() => store.close());

const frameTimes = async (): Promise<readonly number[]> =>
  (await store.frames(agentA, everything, 100)).map(({ lastAtMs }) => lastAtMs);

describe('the retention job', () => {
  const logged: string[] = [];
  const { log } = fastify({ logger: { stream: { write: (line: string) => void logged.push(line) } } });
  let stop: () => Promise<void> = async () => undefined;
  /** What it asked the store for, at which time. */
  let runs: { readonly atMs: number; readonly framesBeforeMs: number; readonly historyBeforeMs: number }[] = [];

  beforeEach(() => {
    logged.length = 0;
    runs = [];
    vi.useFakeTimers();
  });
  afterEach(async () => {
    await stop();
    vi.useRealTimers();
  });

  const scheduleAt = (startMs: number): void => {
    vi.setSystemTime(startMs);
    const watched: Store = {
      ...store,
      retain: (bounds, rowCountMax) => {
        runs.push({ atMs: Date.now(), ...bounds });
        return store.retain(bounds, rowCountMax);
      },
    };
    stop = scheduleRetention(watched, systemClock, log);
  };
  /** The runs, without the last look of each that finds nothing more. */
  const minutesOfRuns = (): readonly number[] => [...new Set(runs.map(({ atMs }) => Math.floor(atMs / minuteMs) * minuteMs))];

  test('runs every night at 03:40 in China and at no other time, and says what was deleted', async () => {
    await store.commit(
      batchOf({ frames: [frameOf({ seq: 0, lastAtMs: frameLimitMs - 1 }), frameOf({ seq: 1, lastAtMs: jobMs })] }),
    );
    scheduleAt(jobMs - minuteMs);
    await vi.advanceTimersByTimeAsync(minuteMs - secondMs);
    expect(runs).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * secondMs);
    expect(minutesOfRuns()).toEqual([jobMs]);
    expect(await frameTimes()).toEqual([jobMs]);
    expect(logged.join('')).toMatch(/"deleted":\{"frame":1,.*old data deleted/);
    await vi.advanceTimersByTimeAsync(hourMs);
    runs = [];
    await vi.advanceTimersByTimeAsync(2 * dayMs);
    expect(minutesOfRuns()).toEqual([jobMs + dayMs, jobMs + 2 * dayMs]);
    const last = runs.at(-1);
    expect((last?.atMs ?? 0) - (last?.framesBeforeMs ?? 0)).toBe(limits.frameRetentionMs);
    expect((last?.atMs ?? 0) - (last?.historyBeforeMs ?? 0)).toBe(limits.historyRetentionMs);
  });

  test('runs once some minutes after the start too, for a collector that is off at night', async () => {
    const morningMs = jobMs + 6 * hourMs;
    await store.commit(batchOf({ frames: [frameOf({ seq: 0, lastAtMs: 0 })] }));
    scheduleAt(morningMs);
    await vi.advanceTimersByTimeAsync(10 * minuteMs - 1);
    expect(runs).toEqual([]);
    // A timer of the machine may come a millisecond late.
    await vi.advanceTimersByTimeAsync(2);
    expect(await frameTimes()).toEqual([]);
    await vi.advanceTimersByTimeAsync(8 * hourMs);
    expect(minutesOfRuns()).toEqual([morningMs + 10 * minuteMs]);
  });

  test('is tried again the next night when the store fails', async () => {
    const failing: Store = { ...store, retain: () => Promise.reject(new Error('the disk is away')) };
    vi.setSystemTime(jobMs - secondMs);
    stop = scheduleRetention(failing, systemClock, log);
    await vi.advanceTimersByTimeAsync(minuteMs + dayMs);
    // The first night, after the start, and the second night.
    expect(logged.filter((line) => /"error":"the disk is away".*tried again next night/.test(line))).toHaveLength(3);
  });

  test('is never run twice at once', async () => {
    let calls = 0;
    let release: () => void = () => undefined;
    const slow: Store = {
      ...store,
      retain: async () => {
        calls += 1;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return {};
      },
    };
    vi.setSystemTime(jobMs - 15 * minuteMs);
    stop = scheduleRetention(slow, systemClock, log);
    await vi.advanceTimersByTimeAsync(20 * minuteMs);
    expect(calls).toBe(1);
    release();
    await vi.advanceTimersByTimeAsync(dayMs);
    expect(calls).toBe(2);
    release();
  });

  test('runs no more once it is stopped', async () => {
    scheduleAt(jobMs - hourMs);
    await stop();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * dayMs);
    expect([runs, logged]).toEqual([[], []]);
  });
});

describe('what is past its time', () => {
  const inc = asId<'incident'>;
  const run = () => retainOnce(store, jobMs, () => false);

  test('goes to the millisecond, and nothing else', async () => {
    const around = (limitMs: number): readonly number[] => [limitMs - 1, limitMs, jobMs];
    await store.commit(
      batchOf({
        frames: around(frameLimitMs).map((lastAtMs, seq) => frameOf({ seq, firstAtMs: lastAtMs - 1_000, lastAtMs })),
        results: around(historyLimitMs).map((observedAtMs) => resultOf({ observedAtMs })),
        gaps: around(historyLimitMs).map((receivedAtMs) => ({
          agentId: agentA,
          receivedAtMs,
          fromMs: receivedAtMs - 10,
          toMs: receivedAtMs,
          frames: 1,
          bytes: 1,
          cause: 'spool-full' as const,
        })),
      }),
    );
    expect(await run()).toMatchObject({ frame: 1, result: 1, gap: 1 });
    expect(await frameTimes()).toEqual([frameLimitMs, jobMs]);
    const { items } = await store.results(webCheck, everything, { cursor: null, limit: 100 });
    expect(items.map(({ observedAtMs }) => observedAtMs).sort((a, b) => a - b)).toEqual([historyLimitMs, jobMs]);
    expect(Object.values(await run()).every((count) => count === 0)).toBe(true);
  });

  test('goes whole, however much it is', async () => {
    const old = Array.from({ length: 12_001 }, (_, index) => resultOf({ observedAtMs: historyLimitMs - 20_000 + index }));
    await store.commit(batchOf({ results: [...old, resultOf({ observedAtMs: jobMs })] }));
    expect((await run())['result']).toBe(12_001);
    const { items } = await store.results(webCheck, everything, { cursor: null, limit: 100 });
    expect(items.map(({ observedAtMs }) => observedAtMs)).toEqual([jobMs]);
  });

  test('an incident that is still open keeps its timeline and its notices, and its asset the fault, however old', async () => {
    const longAgoMs = historyLimitMs - 100 * dayMs;
    const openOld = incidentOf({ id: inc('open-old'), openedAtMs: longAgoMs, faultFromMs: longAgoMs });
    const endedOld = incidentOf({
      id: inc('ended-old'),
      openedAtMs: longAgoMs,
      state: 'resolved',
      resolvedAtMs: historyLimitMs - 1,
    });
    const endedLate = incidentOf({
      id: inc('ended-late'),
      openedAtMs: longAgoMs,
      state: 'resolved',
      resolvedAtMs: historyLimitMs,
    });
    const notice = (incident: typeof openOld, name: string, finishedAtMs: number | null) =>
      outboxOf({
        id: asId<'notification'>(name),
        incidentId: incident.id,
        incident,
        createdAtMs: longAgoMs,
        ...(finishedAtMs === null ? {} : { state: 'sent', finishedAtMs }),
      });
    await store.commit(
      batchOf({
        incidents: [openOld, endedOld, endedLate],
        timeline: [openOld, endedOld, endedLate].flatMap(({ id }) => [
          entryOf({ incidentId: id, number: 1, atMs: longAgoMs }),
          entryOf({ incidentId: id, number: 2, atMs: longAgoMs, kind: 'acknowledged', actor: '李' }),
        ]),
        outbox: [
          notice(openOld, 'waits', null),
          notice(openOld, 'sent-long-ago', historyLimitMs - 1),
          notice(endedOld, 'over-sent-long-ago', historyLimitMs - 1),
          notice(endedOld, 'over-sent', historyLimitMs),
        ],
        spans: [
          {
            kind: 'spans',
            subject: webSubject,
            fromMs: longAgoMs - dayMs,
            spans: [
              { fromMs: longAgoMs - dayMs, status: 'up', reason: 'OK', attributedTo: null },
              { fromMs: longAgoMs, status: 'down', reason: 'TIMEOUT', attributedTo: null },
            ],
            isCorrection: false,
          },
        ],
        entities: [{ entity: 'incident', id: 'open-old', value: { incident: openOld } }],
      }),
    );
    expect(await run()).toMatchObject({ incident: 1, outbox: 1, span: 1 });
    expect(await store.incident(openOld.id)).toEqual(openOld);
    expect((await store.timeline(openOld.id)).map(({ kind }) => kind)).toEqual(['opened', 'acknowledged']);
    expect((await store.outboxOf(openOld.id)).map(({ id }) => id)).toEqual(['waits', 'sent-long-ago']);
    expect((await store.outboxOf(endedOld.id)).map(({ id }) => id)).toEqual(['over-sent']);
    expect(await store.spans([webSubject], everything)).toMatchObject([{ fromMs: longAgoMs, status: 'down' }]);
    expect(await store.entities()).toHaveLength(1);
    expect(await store.incident(endedOld.id)).toBeNull();
    expect(await store.timeline(endedOld.id)).toEqual([]);
    expect((await store.timeline(endedLate.id)).map(({ kind }) => kind)).toEqual(['opened', 'acknowledged']);
  });

  test('stops between two portions when the collector ends', async () => {
    const old = Array.from({ length: 12_000 }, (_, index) => resultOf({ observedAtMs: index }));
    await store.commit(batchOf({ results: old }));
    let portions = 0;
    const deleted = await retainOnce(store, jobMs, () => {
      portions += 1;
      return portions > 1;
    });
    expect(deleted['result']).toBe(5_000);
  });
});
