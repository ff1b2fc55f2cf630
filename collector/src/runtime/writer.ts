import assert from 'node:assert/strict';
import { type BackoffPolicy, fullJitterMs } from '@jiwei/shared/backoff.ts';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { SampleRow } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { EngineConfig } from '../engine/config.ts';
import type { Effect } from '../engine/effect.ts';
import type { EngineEvent } from '../engine/event.ts';
import { laneIdOf } from '../engine/lane.ts';
import type { EngineState } from '../engine/state.ts';
import { nextDeadlineMs, step, stepTogether } from '../engine/step.ts';
import type { Delivery } from '../ingest/delivery.ts';
import type { Pressure } from '../ingest/host.ts';
import type { Store } from '../store/port.ts';
import { addEffect, closeBatch, type OpenBatch, openBatch } from './batch.ts';
import type { RuntimeCounters } from './counters.ts';
import type { CrashGuard } from './crash-guard.ts';
import { type Intake, takeIn, weightOf } from './intake.ts';

/** An event before it is taken in: the writer stamps it. */
export type Unstamped = EngineEvent extends infer Event ? (Event extends EngineEvent ? Omit<Event, 'atMs'> : never) : never;

interface DeliveryItem {
  readonly kind: 'delivery';
  readonly agentId: AgentId;
  readonly delivery: Delivery;
  readonly acknowledge: () => void;
}

interface EventItem {
  readonly kind: 'event';
  readonly event: Unstamped;
  readonly done: (effects: readonly Effect[]) => void;
}

type Item = DeliveryItem | EventItem;

/** What a person did: whoever did it waits for what came of it. All else is word of targets, agents and channels. */
const isAct = (item: Item): item is EventItem => item.kind === 'event' && item.event.kind === 'human';

/** An unstamped event of a kind, stamped, is an event of that kind; TypeScript does not follow Omit through the union. */
const stamped = (event: Unstamped, atMs: EpochMs): EngineEvent => ({ ...event, atMs }) as EngineEvent;

export interface WriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: FastifyBaseLogger;
  readonly counters: RuntimeCounters;
  readonly state: EngineState;
  readonly intake: Intake;
  readonly crashGuard: CrashGuard;
  /** Stamp of the last event before the restart; stamps never go back, even when the clock does. */
  readonly lastAtMs: EpochMs;
  /**
   * Commits begin at least this far apart, ms (0 when left out): what comes meanwhile shares the next one. One that follows a pause does not
   * wait. A commit of one frame costs as much as 30 frames in a commit of many, and a busy collector would make thousands of them a second.
   */
  readonly gatherMs?: number;
  config(): EngineConfig;
  /** Slows the sources while the queue fills, those that fill it first, and lets them go on. */
  setPressure(pressure: Pressure): void;
  /** Performs outward effects; called after their commit, in order. */
  perform(effects: readonly Effect[]): void;
  onRows(agentId: AgentId, bootId: number, rows: readonly SampleRow[], offsetMs: number): void;
  onSeries(agentId: AgentId, bootId: number, firstIndex: number, series: readonly Series[]): void;
  /** A bug: the process must stop, because the state in memory is no longer that of the store. */
  onFatal(error: unknown): void;
}

/** The only writer of the collector's state: queue → engine → one transaction → acknowledge and perform. */
export interface Writer {
  deliver(agentId: AgentId, delivery: Delivery, acknowledge: () => void): void;
  /** Resolves after its commit: a person's act with its own effects, all else, which is taken in together, with none. */
  submit(event: Unstamped): Promise<readonly Effect[]>;
  /** False while commits fail. */
  isHealthy(): boolean;
  /** Takes nothing more and resolves when everything queued is committed (or the store refuses). */
  close(): Promise<void>;
}

const commitRetry: BackoffPolicy = { firstMs: 200, mostMs: 5_000 };

/** Up at the half and at the end of the queue, down again some way below, so that sources do not stop and go with each commit. */
const pressureAfter = (before: Pressure, fillRatio: number): Pressure => {
  if (fillRatio >= 1 || (before === 'full' && fillRatio > 0.5)) return 'full';
  return fillRatio >= 0.5 || (before !== 'none' && fillRatio > 0.25) ? 'half' : 'none';
};

/** Starts the writer; it works whenever something is queued or the engine has something due. */
export const createWriter = (options: WriterOptions): Writer => {
  const { store, clock, log, counters, state, intake } = options;
  let queue: Item[] = [];
  let queueBytes = 0;
  let pressure: Pressure = 'none';
  let lastAtMs = options.lastAtMs;
  /** When the last commit began. */
  let committedMonotonicMs = Number.NEGATIVE_INFINITY;
  let isRunning = false;
  /** Nothing more is taken; what is queued is still committed, until `isClosed`. */
  let isClosing = false;
  let isClosed = false;
  let isStoreHealthy = true;
  let cancelDeadline: CancelTimer = () => undefined;
  let onIdle: (() => void) | null = null;

  const put = (item: Item): void => {
    assert(!isClosed, 'the writer is closed');
    queue.push(item);
    if (item.kind === 'delivery') queueBytes += weightOf(item.delivery);
    noteQueue();
    wake();
  };

  const noteQueue = (): void => {
    counters.queueLength(queue.length, queueBytes);
    pressure = pressureAfter(pressure, Math.max(queue.length / limits.queueEventsMax, queueBytes / limits.queueBytesMax));
    options.setPressure(pressure);
  };

  /** Starts the loop at the end of the present turn of the event loop: what comes in the same turn shares a commit. */
  const wake = (): void => {
    if (isRunning) return;
    isRunning = true;
    setImmediate(() => {
      run().catch((error: unknown) => options.onFatal(error));
    });
  };

  const run = async (): Promise<void> => {
    while (!isClosed && (queue.length > 0 || isDue())) {
      await gather();
      await turn();
    }
    isRunning = false;
    if (queue.length > 0) return;
    onIdle?.();
    armDeadline();
  };

  /** Waits until the next commit may begin, unless more is there already than one may hold. */
  const gather = async (): Promise<void> => {
    const waitMs = committedMonotonicMs + (options.gatherMs ?? 0) - clock.monotonicMs();
    if (waitMs <= 0 || queue.length >= limits.batchEventsMax) return;
    await new Promise<void>((resolve) => {
      clock.after(waitMs, resolve);
    });
  };

  const isDue = (): boolean => {
    const dueAtMs = nextDeadlineMs(state);
    return dueAtMs !== null && dueAtMs <= stamp();
  };

  const stamp = (): EpochMs => Math.max(lastAtMs, clock.nowMs());

  const armDeadline = (): void => {
    cancelDeadline();
    const dueAtMs = nextDeadlineMs(state);
    if (dueAtMs === null || isClosed) return;
    cancelDeadline = clock.after(Math.max(0, dueAtMs - clock.nowMs()), wake);
  };

  const turn = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    committedMonotonicMs = startedMs;
    const atMs = stamp();
    lastAtMs = atMs;
    const batch = openBatch();
    const items = queue.splice(0, limits.batchEventsMax);
    for (const item of items) if (item.kind === 'delivery') queueBytes -= weightOf(item.delivery);
    const afterCommit = handleAll(items, batch, atMs);
    for (const effect of step(state, { kind: 'tick', atMs })) addEffect(batch, effect);
    batch.entities.set('writer', { entity: 'writer', id: 'clock', value: { lastAtMs: atMs } });
    await commit(batch, atMs);
    counters.committed((clock.monotonicMs() - startedMs) / 1_000, items.length);
    for (const action of afterCommit) action();
    options.perform(batch.outward);
    noteQueue();
  };

  /** @returns what to do once the batch is committed */
  const handleAll = (items: readonly Item[], batch: OpenBatch, atMs: EpochMs): (() => void)[] => {
    // All that is not a person's act goes in together and first: what was over by the end of it needs no notice.
    const words = items.filter((item) => !isAct(item));
    const together = options.crashGuard.isWatching() ? words.map((one) => [one]) : words.length > 0 ? [words] : [];
    const afterCommit = together.flatMap((some) => handleWords(some, batch, atMs));
    for (const item of items) {
      if (!isAct(item)) continue;
      const effects = step(state, stamped(item.event, atMs));
      for (const effect of effects) addEffect(batch, effect);
      afterCommit.push(() => item.done(effects));
    }
    return afterCommit;
  };

  const handleWords = (words: readonly Item[], batch: OpenBatch, atMs: EpochMs): (() => void)[] => {
    const afterCommit: (() => void)[] = [];
    const events = words.flatMap((item): EngineEvent[] => {
      if (item.kind === 'event') {
        afterCommit.push(() => item.done([]));
        return [stamped(item.event, atMs)];
      }
      const { agentId, delivery, acknowledge } = item;
      const taken = takeIn(
        {
          ...{ intake, batch, counters, atMs, config: options.config() },
          hasAsked: (checkId, agent) => state.lanes.has(laneIdOf(checkId, agent)),
          onRows: (...row) => afterCommit.push(() => options.onRows(...row)),
          onSeries: (...series) => afterCommit.push(() => options.onSeries(...series)),
        },
        agentId,
        delivery,
      );
      afterCommit.push(acknowledge);
      return options.crashGuard.isParked(agentId, delivery) ? [] : taken;
    });
    options.crashGuard.during(
      words.filter((item) => item.kind === 'delivery'),
      () => {
        if (events.length > 0) for (const effect of stepTogether(state, events)) addEffect(batch, effect);
      },
    );
    return afterCommit;
  };

  /** Until the store takes it: nothing is acknowledged and the agents keep their data meanwhile. */
  const commit = async (batch: OpenBatch, atMs: EpochMs): Promise<void> => {
    const rows = closeBatch(batch, atMs);
    for (let attempt = 0; ; attempt += 1) {
      try {
        await store.commit(rows);
        if (!isStoreHealthy) log.info('the store takes commits again');
        isStoreHealthy = true;
        return;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'STORE_UNAVAILABLE' || isClosed) throw error;
        isStoreHealthy = false;
        counters.commitFailed();
        log.error({ err: error, attempt }, 'a commit failed and is tried again; nothing is acknowledged until it succeeds');
        await new Promise<void>((resolve) => {
          clock.after(100 + fullJitterMs(commitRetry, attempt, options.random()), resolve);
        });
      }
    }
  };

  armDeadline();
  return {
    deliver: (agentId, delivery, acknowledge) => {
      if (!isClosing) put({ kind: 'delivery', agentId, delivery, acknowledge });
    },
    submit: (event) =>
      new Promise((resolve, reject) => {
        if (isClosing) reject(new AppError('OVERLOADED', 'the collector is stopping and takes nothing more'));
        else put({ kind: 'event', event, done: resolve });
      }),
    isHealthy: () => isStoreHealthy,
    close: async () => {
      isClosing = true;
      cancelDeadline();
      if (isRunning || queue.length > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
          clock.after(limits.shutdownMsMax / 2, resolve);
        });
      }
      isClosed = true;
      cancelDeadline();
      queue = [];
    },
  };
};
