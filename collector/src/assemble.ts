import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FastifyBaseLogger } from 'fastify';
import { excuseHeartbeats } from './engine/absence.ts';
import { prolongGraces } from './engine/agents.ts';
import { restoreState } from './engine/restore.ts';
import { openAccess } from './first-start.ts';
import { buildHttp } from './http/app.ts';
import type { Links } from './ingest/host.ts';
import { createIngest, type Ingest } from './ingest/server.ts';
import { createCollectorCounters } from './metrics/collector-counters.ts';
import { createFleet, type Fleet } from './metrics/fleet.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { createOutbox } from './notify/outbox.ts';
import { notifierSchemas } from './notify/registry.ts';
import type { ServeOptions } from './options.ts';
import { type Collector, collectorIdOf, createCollector, reconnectMsMax } from './runtime/collector.ts';
import { openCrashGuard } from './runtime/crash-guard.ts';
import type { DeclarationReader } from './runtime/declaring.ts';
import { createDirectory } from './runtime/directory.ts';
import { recallIntake, recallSamples } from './runtime/recall.ts';
import { scheduleRetention } from './runtime/retention.ts';
import { ruleNamesOf } from './runtime/rule-names.ts';
import type { CollectorService } from './runtime/service.ts';
import { firstDeclaration, lastStampOf, leaveLocalToken, watchDeclaration } from './runtime/starting.ts';
import { createWriter } from './runtime/writer.ts';
import type { Store } from './store/port.ts';
import { openSqliteStore } from './store/sqlite.ts';

/** What the whole collector is built from besides its options. */
export interface World {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** A bug or a broken store: the process must end. */
  onFatal(error: unknown): void;
}

export interface RunningCollector {
  readonly url: string;
  /** Only at the very first start. */
  readonly adminToken: string | null;
  readonly service: CollectorService;
  /** Closes in the reverse order of building; resolves when everything accepted is stored. */
  close(): Promise<void>;
}

/** What is closed at the end, last built first. */
type Closers = (() => Promise<void> | void)[];

/**
 * Builds the collector and starts to listen.
 * @throws AppError CONFIG_* for options and a first declaration that cannot be used, STORE_* and LOCKED for the database
 */
export const openCollector = async (options: ServeOptions, world: World): Promise<RunningCollector> => {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    return { ...(await build(options, world, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** What the writer continues from, read from the store. */
const recall = async (options: ServeOptions, world: World, store: Store, fleet: Fleet) => {
  const { clock } = world;
  const reader: DeclarationReader = { notifierSchemas };
  const { declaration, refused } = await firstDeclaration(store, reader, options.declarationFile, clock.nowMs());
  const directory = createDirectory(clock, { declaration, agents: await store.agents(), maintenance: await store.maintenance() });
  const entities = await store.entities();
  const nowMs = Math.max(lastStampOf(entities), clock.nowMs());
  const spans = await store.spansSince(nowMs - limits.correctionMsMax);
  const state = restoreState(directory.config, entities, spans, nowMs, lastStampOf(entities));
  excuseHeartbeats(state, lastStampOf(entities), nowMs);
  prolongGraces(state, nowMs + reconnectMsMax);
  const { intake, frames } = await recallIntake(store, ruleNamesOf(directory.config.rules.values()), fleet);
  recallSamples(state, intake, frames, nowMs);
  return { reader, declaration, refused, directory, state, intake, nowMs, awaySinceMs: lastStampOf(entities) };
};

const build = async (options: ServeOptions, world: World, closers: Closers): Promise<Omit<RunningCollector, 'close'>> => {
  const { clock, log } = world;
  const dataFolder = resolve(options.dataFolder);
  const store = await openSqliteStore({ path: join(dataFolder, 'jiwei.db'), clock });
  closers.push(() => store.close());
  const { access, adminToken } = await openAccess(store, options);
  const fleet = createFleet();
  const counters = createCollectorCounters();
  closers.push(() => counters.close());
  const recalled = await recall(options, world, store, fleet);
  const { declaration, refused, directory, state, intake, nowMs } = recalled;

  // Writer, links and service need each other; what comes later is reached through these, which are set before anything flows.
  let ingest: Ingest | null = null;
  let collector: Collector | null = null;
  const crashGuard = await openCrashGuard(store, log, counters.frameParked);
  const writer = createWriter({
    ...{ store, clock, log, counters, state, intake, crashGuard, lastAtMs: nowMs },
    random: world.random,
    gatherMs: limits.commitGatherMs,
    config: () => directory.config,
    setPaused: (isPaused) => ingest?.links.setPaused(isPaused),
    perform: (effects) => collector?.perform(effects),
    onRows: fleet.onRows,
    onSeries: fleet.onSeries,
    onFatal: (error) => void crashGuard.settled().finally(() => world.onFatal(error)),
  });
  closers.push(() => writer.close());

  const outbox = createOutbox({ store, clock, log, counters });
  closers.push(() => outbox.close());
  await outbox.configure(declaration);
  collector = createCollector({
    ...{ ...recalled, store, clock, log, writer },
    version: world.version,
    links: () => ingest?.links ?? noLinks,
    onDeclaration: (next) => outbox.configure(next),
    onNotifications: () => outbox.wake(),
    onAgentGone: (agentId) => fleet.forget(agentId),
  });
  closers.push(() => collector?.close());
  if (refused !== null) collector.noteDeclarationError(refused);

  const { service, host } = collector;
  const plugins = [metricsRoutes({ service, clock, fleet, counters })];
  const app = await buildHttp({ service, clock, access, log, tls: await readTls(options), plugins });
  closers.push(() => app.close());
  ingest = createIngest({
    ...{ server: app.server, host, clock, log, collectorId: await collectorIdOf(store) },
    heartbeatMs: options.heartbeatMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    onRefused: counters.linkRefused,
  });
  closers.push(() => ingest?.close());
  await leaveLocalToken(options.localAgentTokenFile, service);
  const url = await listen(app, options);
  if (options.declarationFile !== null) {
    try {
      const watch = await watchDeclaration(options.declarationFile, clock, collector);
      closers.push(() => watch.close());
    } catch (error) {
      // It was there before (else there were nothing to start with): go on with what was in force, and say so.
      collector.noteDeclarationError(error);
    }
  }
  closers.push(scheduleRetention(store, clock, log));
  outbox.wake();
  log.info({ url, dataFolder }, 'collector listens');
  return { url, adminToken, service };
};

/** Before the links stand, nobody is connected. */
const noLinks: Links = {
  sessions: () => [],
  ask: () => undefined,
  configChanged: () => undefined,
  disconnect: () => undefined,
  setPaused: () => undefined,
};

const listen = async (app: Awaited<ReturnType<typeof buildHttp>>, { host, port, tls }: ServeOptions): Promise<string> => {
  try {
    const url = await app.listen({ host, port });
    return tls === null ? url : url.replace(/^http:/, 'https:');
  } catch (error) {
    throw new AppError('LISTEN_FAILED', `--listen ${host}:${port}: ${messageOf(error)}`, { cause: error });
  }
};

const readTls = async (options: ServeOptions): Promise<{ readonly cert: Buffer; readonly key: Buffer } | null> => {
  if (options.tls === null) return null;
  const { certificateFile, keyFile } = options.tls;
  try {
    const pair = { cert: await readFile(certificateFile), key: await readFile(keyFile) };
    // Throws for what is not PEM and for a key of another certificate, here and not at the first connection.
    createSecureContext(pair);
    return pair;
  } catch (error) {
    throw new AppError('CONFIG_UNREADABLE', `TLS files ${certificateFile}, ${keyFile}: ${messageOf(error)}`, { cause: error });
  }
};
