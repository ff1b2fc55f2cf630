import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import Fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createState } from '../../collector/src/engine/step.ts';
import type { Delivery } from '../../collector/src/ingest/delivery.ts';
import type { RuntimeCounters } from '../../collector/src/runtime/counters.ts';
import { openCrashGuard } from '../../collector/src/runtime/crash-guard.ts';
import { createIntake } from '../../collector/src/runtime/intake.ts';
import { createWriter } from '../../collector/src/runtime/writer.ts';
import type { CommitBatch, Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { resultOf } from '../support/engine/story.ts';
import { assetOf, checkOf, configOf, startMs } from '../support/engine/world.ts';
import { createManualClock } from '../support/manual-clock.ts';

const agentId = asId<'agent'>('g1');
const web = checkOf('web', 'a0', { confirm: { failures: 1, successes: 1, retryMs: secondMs } });
const config = configOf({
  assets: [assetOf('a0')],
  agents: [{ id: agentId, assetId: asId<'asset'>('a0'), zoneId: null, address: null }],
  checks: [web],
});

const noCounters: RuntimeCounters = {
  frameStored: () => undefined,
  frameDuplicate: () => undefined,
  framesMissing: () => undefined,
  framesDropped: () => undefined,
  frameParked: () => undefined,
  samplesStored: () => undefined,
  resultsStored: () => undefined,
  resultsIgnored: () => undefined,
  linkRefused: () => undefined,
  linkThrottled: () => undefined,
  committed: () => undefined,
  commitFailed: () => undefined,
  queueLength: () => undefined,
};

const frame = (seq: number, outcome: 'up' | 'down' = 'up', messageBytes = 100): Delivery => ({
  kind: 'results',
  bootId: 1,
  seq,
  offsetMs: 0,
  receivedAtMs: startMs,
  messageBytes,
  results: [resultOf(web.id, startMs - 100 + seq, outcome)],
});

const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

interface Setting {
  /** Commits that fail before one succeeds. */
  readonly failures?: number;
  readonly store?: Store;
  readonly lastAtMs?: number;
  readonly onParked?: () => void;
}

/** A writer over a real store in memory, a real engine and a clock that is moved by hand. */
const open = async (setting: Setting = {}) => {
  const clock = createManualClock(startMs);
  const memory = setting.store ?? (await openSqliteStore({ path: ':memory:', clock }));
  if (setting.store === undefined) stores.push(memory);
  const commits: CommitBatch[] = [];
  const said: string[] = [];
  let failuresLeft = setting.failures ?? 0;
  const store: Store = {
    ...memory,
    commit: async (batch) => {
      said.push('commit');
      if (failuresLeft > 0) {
        failuresLeft -= 1;
        throw new AppError('STORE_UNAVAILABLE', 'the disk is full');
      }
      await memory.commit(batch);
      commits.push(batch);
    },
  };
  const log = Fastify({ logger: false }).log;
  const state = createState(config, startMs);
  const paused: boolean[] = [];
  const fatal: unknown[] = [];
  const guard = await openCrashGuard(memory, log, setting.onParked ?? (() => undefined));
  const writer = createWriter({
    ...{ store, clock, log, state, crashGuard: guard },
    random: () => 0.5,
    counters: noCounters,
    intake: createIntake(),
    lastAtMs: setting.lastAtMs ?? 0,
    config: () => config,
    setPressure: (pressure) => paused.push(pressure === 'full'),
    perform: (effects) => said.push(`perform ${effects.length > 0}`),
    onRows: () => undefined,
    onSeries: () => undefined,
    onFatal: (error) => fatal.push(error),
  });
  const deliver = (seq: number, outcome: 'up' | 'down' = 'up', messageBytes = 100) =>
    writer.deliver(agentId, frame(seq, outcome, messageBytes), () => said.push(`ack ${seq}`));
  return { clock, memory, writer, commits, said, paused, fatal, guard, state, deliver };
};

/** Lets everything that needs no clock come to rest. */
const settled = async (isDone: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1_000 && !isDone(); turn += 1) await turnOfLoop();
  expect(isDone()).toBe(true);
};

describe('the writer', () => {
  test('puts all that comes in one turn of the event loop into one commit, and acknowledges and performs after it', async () => {
    const { writer, commits, said, deliver, memory } = await open();
    deliver(1);
    deliver(2, 'down');
    deliver(3, 'down');
    await writer.submit({ kind: 'tick' });
    expect(commits).toHaveLength(1);
    expect(said).toEqual(['commit', 'ack 1', 'ack 2', 'ack 3', 'perform true']);
    expect(await memory.positions()).toEqual([{ agentId, bootId: 1, seq: 3 }]);
    expect((await memory.incidents({}, { limit: 10, cursor: null })).items.map((incident) => incident.problem)).toEqual(['down']);
  });

  test('tries a failing commit again and acknowledges nothing meanwhile', async () => {
    const { writer, clock, commits, said, deliver } = await open({ failures: 3 });
    deliver(1);
    await settled(() => said.length === 1);
    expect(writer.isHealthy()).toBe(false);
    for (const tries of [2, 3, 4]) {
      deliver(tries);
      await turnOfLoop();
      expect(said.filter((word) => word !== 'commit')).toEqual([]);
      clock.advance(10 * secondMs);
      await settled(() => said.filter((word) => word === 'commit').length >= tries);
    }
    await settled(() => said.includes('ack 4'));
    expect(said.filter((word) => word.startsWith('ack'))).toEqual(['ack 1', 'ack 2', 'ack 3', 'ack 4']);
    expect(writer.isHealthy()).toBe(true);
    expect(commits[0]?.positions).toEqual([{ agentId, bootId: 1, seq: 1 }]);
  });

  test.each([
    { why: 'the clock was set back an hour while it was away', lastAtMs: startMs + 3_600_000, stampMs: startMs + 3_600_000 },
    { why: 'the clock went on', lastAtMs: startMs - 1, stampMs: startMs },
  ])('stamps never go back: $why', async ({ lastAtMs, stampMs }) => {
    const { writer, commits, clock } = await open({ lastAtMs });
    await writer.submit({ kind: 'tick' });
    clock.advance(1);
    await writer.submit({ kind: 'tick' });
    const stamps = commits.map(({ atMs }) => atMs);
    expect(stamps[0]).toBe(stampMs);
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  });

  test('pauses the sources when the queue is full and lets them go on when it is half empty', async () => {
    const { writer, paused, deliver, clock, said } = await open({ failures: 1 });
    deliver(1);
    await settled(() => said.length === 1);
    const heavyBytes = limits.queueBytesMax / 4;
    for (const seq of [2, 3, 4]) deliver(seq, 'up', heavyBytes);
    expect(paused.at(-1)).toBe(false);
    deliver(5, 'up', heavyBytes);
    expect(paused.at(-1)).toBe(true);
    clock.advance(10 * secondMs);
    await settled(() => said.includes('ack 5'));
    expect(paused.at(-1)).toBe(false);
    expect(writer.isHealthy()).toBe(true);
  });

  test('pauses them also when the queue is full of small ones', async () => {
    const { paused, deliver, writer } = await open();
    for (let seq = 1; seq < limits.queueEventsMax; seq += 1) deliver(seq, 'up', 1);
    expect(paused).not.toContain(true);
    deliver(limits.queueEventsMax, 'up', 1);
    expect(paused.at(-1)).toBe(true);
    await writer.close();
    expect(paused.at(-1)).toBe(false);
  });

  test('takes only so many into one commit, and the rest into the next', async () => {
    const { commits, deliver, writer } = await open();
    for (let seq = 1; seq <= 2 * limits.batchEventsMax + 1; seq += 1) deliver(seq);
    await writer.submit({ kind: 'tick' });
    expect(commits.map(({ results }) => results.length)).toEqual([limits.batchEventsMax, limits.batchEventsMax, 1]);
  });

  test('does what falls due though nothing comes', async () => {
    const { clock, commits, deliver, said, memory } = await open();
    deliver(1);
    await settled(() => said.includes('ack 1'));
    clock.advance(web.staleAfterMs + 1);
    await settled(() => commits.length === 2);
    const spans = await memory.spans([{ kind: 'check', id: web.id }], { fromMs: 0, toMs: startMs + 60 * secondMs });
    expect(spans.map(({ fromMs, status }) => [fromMs - startMs, status])).toEqual([
      [-99, 'up'],
      [-99 + web.staleAfterMs, 'unknown'],
    ]);
  });

  test('a repeated frame changes nothing and is acknowledged again', async () => {
    const { writer, said, commits, deliver } = await open();
    deliver(1);
    await writer.submit({ kind: 'tick' });
    deliver(1, 'down');
    await writer.submit({ kind: 'tick' });
    expect(said.filter((word) => word === 'ack 1')).toHaveLength(2);
    expect(commits[1]).toMatchObject({ results: [], spans: [], positions: [] });
  });

  test('commits what is queued before it closes, and takes nothing more', async () => {
    const { writer, said, deliver } = await open();
    deliver(1);
    const closing = writer.close();
    deliver(2);
    await closing;
    expect(said.filter((word) => word.startsWith('ack'))).toEqual(['ack 1']);
    await expect(writer.submit({ kind: 'tick' })).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  test('closes in bounded time when the store refuses', async () => {
    const { writer, clock, said, deliver } = await open({ failures: 1_000 });
    deliver(1);
    await settled(() => said.length === 1);
    const closing = writer.close();
    clock.advance(limits.shutdownMsMax);
    await closing;
    expect(said.filter((word) => word.startsWith('ack'))).toEqual([]);
  });
});

describe('a frame that stops the collector', () => {
  test('is parked after three stops: kept and acknowledged, but no longer shown to the engine', async () => {
    const store = await openSqliteStore({ path: ':memory:' });
    stores.push(store);
    for (const stop of [1, 2, 3]) {
      const { said, fatal, guard, state, deliver } = await open({ store });
      // A bug in the engine: what it needs is not there.
      state.checks.set = () => {
        throw new Error(`bug ${stop}`);
      };
      deliver(7);
      await settled(() => fatal.length === 1);
      await guard.settled();
      expect(said).toEqual([]);
      expect(await store.positions()).toEqual([]);
    }
    let parkedCount = 0;
    const { said, fatal, deliver } = await open({ store, onParked: () => (parkedCount += 1) });
    deliver(7);
    await settled(() => said.includes('ack 7'));
    expect(fatal).toEqual([]);
    expect(parkedCount).toBe(1);
    expect(await store.positions()).toEqual([{ agentId, bootId: 1, seq: 7 }]);
  });
});
