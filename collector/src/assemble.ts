import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FastifyBaseLogger } from 'fastify';
import { openCore } from './core.ts';
import { descriptorsMaxOf, watchDescriptors } from './descriptors.ts';
import { openAccess } from './first-start.ts';
import { buildHttp } from './http/app.ts';
import { connectionsMaxFor, createDoor } from './http/door.ts';
import type { NewAdminToken } from './http/secrets.ts';
import { createIngest } from './ingest/server.ts';
import { type CollectorCounters, createCollectorCounters } from './metrics/collector-counters.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { notifierKinds } from './notify/registry.ts';
import type { ServeOptions } from './options.ts';
import type { Watch } from './registry/watch.ts';
import { watchDeclaration } from './runtime/declaration-file.ts';
import { scheduleRetention } from './runtime/retention.ts';
import { beginRun } from './runtime/run-mark.ts';
import type { CollectorService } from './runtime/service.ts';
import { leaveLocalToken } from './runtime/starting.ts';
import { watchTime } from './runtime/time-watch.ts';
import { scheduleVerification } from './runtime/verification.ts';
import type { Store } from './store/port.ts';
import { databasePath, openSqliteStore } from './store/sqlite.ts';
import { certificateEndMs, readTls, secureOptionsOf, type TlsMaterial, watchTls } from './tls-files.ts';

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
  /** To be shown and then kept; null when one was kept before. */
  readonly adminToken: NewAdminToken | null;
  readonly service: CollectorService;
  /** Looks at the declaration, its rule files and the TLS files now; what changed is put in force as when a change is noticed. */
  readFilesAgain(): void;
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

const build = async (options: ServeOptions, world: World, closers: Closers): Promise<Omit<RunningCollector, 'close'>> => {
  const { clock, log } = world;
  const dataFolder = resolve(options.dataFolder);
  const store = await openSqliteStore({ path: databasePath(dataFolder), clock, bytesMax: options.storeBytesMax });
  closers.push(() => store.close());
  const run = await beginRun(store, log, closers);
  const { access, adminToken } = await openAccess(store, clock, options);
  const counters = createCollectorCounters();
  closers.push(() => counters.close());
  const { declarationFile, heartbeatMs, heartbeatTimeoutMs } = options;
  const core = await openCore({
    ...world,
    ...{ store, counters, notifierKinds, declarationFile, heartbeatMs, heartbeatTimeoutMs },
    newNonce: () => randomBytes(32).toString('base64url'),
  });
  closers.push(() => core.close());
  run.tell(core.awaySinceMs, clock.nowMs());

  const { collector, links } = core;
  const { service } = collector;
  const plugins = [metricsRoutes({ service, clock, fleet: core.fleet, counters })];
  const material = options.tls === null ? null : await readTls(options.tls);
  const noteTls = (found: TlsMaterial | null): void =>
    found === null ? counters.tlsRefused() : counters.tlsInForce(certificateEndMs(found));
  if (material !== null) noteTls(material);
  const connectionsMax = connectionsMaxFor(descriptorsMaxOf());
  const door = createDoor({
    ...{ clock, log, connectionsMax },
    provedFrom: links.provedFrom,
    onRefused: counters.connectionRefused,
  });
  const app = await buildHttp({
    ...{ service, clock, access, log, door },
    tls: material === null ? null : { ...secureOptionsOf(material), requestCert: material.clientCa !== null },
    plugins,
  });
  closers.push(() => app.close());
  const watches: Watch[] = [];
  const keepWatch = (watch: Watch): void => {
    watches.push(watch);
    closers.push(() => watch.close());
  };
  if (options.tls !== null) keepWatch(await watchTls({ files: options.tls, server: app.server, clock, log, onReload: noteTls }));
  const ingest = createIngest({
    server: app.server,
    links,
    log,
    clock,
    bindsChannel: options.bindsChannel,
    needsClientCertificate: material !== null && material.clientCa !== null,
    onRefused: counters.linkRefused,
  });
  closers.push(() => links.close());
  closers.push(() => ingest.close());
  await leaveLocalToken(options.localAgentTokenFile, service);
  const url = await listen(app, options);
  if (declarationFile !== null && core.files !== null) keepWatch(watchDeclaration(declarationFile, core.files, clock, collector));
  closers.push(...startJobs(store, counters, world));
  log.info({ url, dataFolder, connectionsMax }, 'collector listens');
  if (connectionsMax < limits.connectionsMax / 2)
    log.warn(
      { connectionsMax, connectionsWanted: limits.connectionsMax },
      'the process may have few files and connections open, so fewer agents can connect; raise LimitNOFILE of the service (ulimit -n)',
    );
  const readFilesAgain = (): void => {
    log.info({ files: watches.length }, 'SIGHUP: files are looked at again');
    for (const watch of watches) watch.look();
  };
  return { url, adminToken, service, readFilesAgain };
};

/** What the collector does by the clock alone. */
const startJobs = (store: Store, counters: CollectorCounters, { clock, log }: World): Closers => [
  scheduleRetention(store, clock, log),
  scheduleVerification({ store, clock, log, counters }),
  watchTime(clock, log),
  watchDescriptors(clock, log),
];

const listen = async (app: Awaited<ReturnType<typeof buildHttp>>, { host, port, tls }: ServeOptions): Promise<string> => {
  try {
    const url = await app.listen({ host, port });
    return tls === null ? url : url.replace(/^http:/, 'https:');
  } catch (error) {
    throw new AppError('LISTEN_FAILED', `--listen ${host}:${port}: ${messageOf(error)}`, { cause: error });
  }
};
