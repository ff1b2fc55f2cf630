import { resolve } from 'node:path';
import type { Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import { excuseHeartbeats } from './engine/absence.ts';
import { prolongGraces } from './engine/agents.ts';
import { restoreState } from './engine/restore.ts';
import { type AgentLinks, createAgentLinks } from './ingest/agent-links.ts';
import { createFleet, type Fleet } from './metrics/fleet.ts';
import type { NotifierKind } from './notify/notifier.ts';
import { createOutbox, type NotifyCounters } from './notify/outbox.ts';
import type { Over } from './notify/over.ts';
import { type Collector, collectorIdOf, createCollector } from './runtime/collector.ts';
import type { RuntimeCounters } from './runtime/counters.ts';
import { openCrashGuard } from './runtime/crash-guard.ts';
import { type DeclarationFiles, firstDeclaration } from './runtime/declaration-file.ts';
import { createDirectory } from './runtime/directory.ts';
import { recallIntake, recallSamples } from './runtime/recall.ts';
import { ruleNamesOf } from './runtime/rule-names.ts';
import { lastStampOf } from './runtime/starting.ts';
import { recordWindows } from './runtime/window-record.ts';
import { lastNotifierOf } from './runtime/withdrawn-routes.ts';
import { createWriter, type Unstamped } from './runtime/writer.ts';
import { checkEntities } from './store/entity-shapes.ts';
import type { OutboxRecord, Store } from './store/port.ts';

/** What the core of a collector is built from: everything it touches, so that a simulated world can hand in its own. */
export interface CoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** From [0, 1). */
  readonly random: () => number;
  /** A new challenge for each connection: 32 random bytes as base64url. */
  readonly newNonce: () => string;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** null: what was last in force goes on. */
  readonly declarationFile: string | null;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly notifierKinds: readonly NotifierKind[];
  readonly counters: RuntimeCounters & NotifyCounters;
  /** A bug or a broken store: the process must end. */
  onFatal(error: unknown): void;
}

/** A collector without its HTTP side: it takes connections, decides, stores and tells. */
export interface Core {
  readonly collector: Collector;
  readonly links: AgentLinks;
  readonly fleet: Fleet;
  /** The declaration file with its rule files as they were read, to be watched from there on; null without one. */
  readonly files: DeclarationFiles | null;
  /** Stamp of the last commit before this start; 0 at the very first. */
  readonly awaySinceMs: EpochMs;
  /** Resolves when everything accepted is stored. The links are closed before it, and the store after it. */
  close(): Promise<void>;
}

/** What the writer continues from, read from the store. */
const recall = async (options: CoreOptions, fleet: Fleet) => {
  const { clock, store } = options;
  const reader = { notifierSchemas: new Map(options.notifierKinds.map(({ kind, schema }) => [kind, schema])) };
  const { declaration, version, refused, files } = await firstDeclaration({ ...options, reader, file: options.declarationFile });
  await recordWindows(store, options.log, reader);
  const directory = createDirectory(clock, { declaration, agents: await store.agents(), maintenance: await store.maintenance() });
  const entities = await store.entities();
  checkEntities(entities);
  const nowMs = Math.max(lastStampOf(entities), clock.nowMs());
  const spans = await store.spansSince(nowMs - limits.correctionMsMax);
  const state = restoreState(directory.config, entities, spans, nowMs, lastStampOf(entities));
  excuseHeartbeats(state, lastStampOf(entities), nowMs);
  prolongGraces(state, nowMs + limits.reconnectMsMax);
  const { intake, frames } = await recallIntake(store, ruleNamesOf(directory.config.rules.values()), fleet);
  recallSamples(state, intake, frames, nowMs);
  return {
    reader,
    declaration,
    declarationVersion: version,
    refused,
    files,
    directory,
    state,
    intake,
    nowMs,
    awaySinceMs: lastStampOf(entities),
  };
};

/**
 * Builds the core from what the store holds, and starts it.
 * @throws AppError CONFIG_* for a first declaration that cannot be used, STORE_* for the database
 */
export const openCore = async (options: CoreOptions): Promise<Core> => {
  const { store, clock, log, counters } = options;
  const fleet = createFleet();
  const recalled = await recall(options, fleet);
  const { declaration, refused, directory, state, intake, nowMs } = recalled;
  const crashGuard = await openCrashGuard(store, log, counters.frameParked);
  const collectorId = await collectorIdOf(store);

  // From here on nothing waits, so that the four that need each other stand before anything flows.
  let links: AgentLinks | null = null;
  let collector: Collector | null = null;
  const outbox = createOutbox({
    ...{ store, clock, log, counters, kinds: options.notifierKinds },
    noticeLog: log.child({}, { level: 'info' }),
    onTried: async (record) => void (await writer.submit(noticeTried(record, clock.nowMs()))),
    lastNotifierOf: (routeId) => lastNotifierOf(store, recalled.reader, routeId),
    drop: async (over) => void (await writer.submit(noticesOver(over))),
  });
  const writer = createWriter({
    ...{ store, clock, log, counters, state, intake, crashGuard, lastAtMs: nowMs },
    random: options.random,
    gatherMs: limits.commitGatherMs,
    config: () => directory.config,
    setPressure: (pressure) => links?.setPressure(pressure),
    perform: (effects) => collector?.perform(effects),
    onRows: fleet.onRows,
    onSeries: fleet.onSeries,
    onFatal: (error) => void crashGuard.settled().finally(() => options.onFatal(error)),
  });
  const standing = createCollector({
    ...{ ...recalled, store, clock, log, writer },
    version: options.version,
    watchedFile: options.declarationFile === null ? null : resolve(options.declarationFile),
    links: () => agentLinks,
    onDeclaration: (next) => outbox.configure(next),
    onNotifications: () => outbox.wake(),
    onAgentGone: (agentId) => fleet.forget(agentId),
  });
  collector = standing;
  const agentLinks = createAgentLinks({
    ...options,
    host: standing.host,
    collectorId,
    onRefused: counters.linkRefused,
    onThrottled: counters.linkThrottled,
  });
  links = agentLinks;
  if (refused !== null) standing.noteDeclarationError(refused);
  // Only now, since it begins to send what was left over.
  await outbox.configure(declaration);
  return {
    collector: standing,
    links: agentLinks,
    fleet,
    files: recalled.files,
    awaySinceMs: recalled.awaySinceMs,
    close: async () => {
      standing.close();
      await outbox.close();
      await writer.close();
    },
  };
};

/** A try as the engine is told of it. */
const noticeTried = (record: OutboxRecord, triedAtMs: number): Unstamped => ({
  kind: 'noticeTried',
  incidentId: record.incidentId,
  routeId: record.routeId,
  notice: record.notice,
  triedAtMs,
  tries: record.tries,
  outcome: record.state === 'waiting' ? 'again' : record.state === 'sent' ? 'sent' : 'givenUp',
  error: record.lastError,
  nextTryAtMs: record.nextTryAtMs,
});

/** What is over as the engine is told of it. */
const noticesOver = ({ records: [first, ...rest], why }: Over): Unstamped => {
  const records = [first, ...rest];
  return {
    kind: 'noticesOver',
    incidentId: first.incidentId,
    routeId: first.routeId,
    notices: records.map(({ id, notice }) => ({ id, notice })),
    why,
    waitedFromMs: first.createdAtMs,
    tries: records.reduce((sum, { tries }) => sum + tries, 0),
    error: records.findLast(({ lastError }) => lastError !== null)?.lastError ?? null,
  };
};
