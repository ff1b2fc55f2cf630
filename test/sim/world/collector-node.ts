import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { type Core, openCore } from '../../../collector/src/core.ts';
import type { NotifierKind } from '../../../collector/src/notify/notifier.ts';
import type { CommitBatch, OutboxRecord, Store } from '../../../collector/src/store/port.ts';
import { openSqliteStore } from '../../../collector/src/store/sqlite.ts';
import { AppError } from '../../../shared/src/errors.ts';
import type { Random } from '../random.ts';
import type { Loop } from './loop.ts';
import { createMachine, type Machine, type ProcessClock } from './machine.ts';
import type { Network } from './network.ts';

/** How the next commit ends its process. */
interface FatalCommit {
  readonly when: 'beforeCommit' | 'afterCommit' | 'inCommit';
  /** Of the bytes the commit writes, so many get to the log. */
  readonly share: number;
  /** For how long it stays down. */
  readonly forMs: number;
}

/** The collector's machine, with its database. */
export interface CollectorNode {
  readonly machine: Machine;
  /** null while it is down. */
  readonly core: Core | null;
  /** The database, also while the collector is down. */
  store(): Store;
  /** Resolves when the files are as its death left them: making them so takes true time and none of the world's. */
  settle(): Promise<void>;
  start(): Promise<void>;
  kill(): void;
  /** While true commits fail, as on a full disk. */
  isStoreFailing: boolean;
  fatalCommit: FatalCommit | null;
  close(): Promise<void>;
}

export interface CollectorNodeOptions {
  readonly loop: Loop;
  readonly random: Random;
  readonly network: Network;
  readonly driftPpm: number;
  /** Folder for real files; null keeps the database in memory. */
  readonly folder: string | null;
  readonly notifierKind: (clock: ProcessClock) => NotifierKind;
  /** Puts into the new store what people did before the first start. */
  readonly prepare: (store: Store) => Promise<void>;
  /** A batch is truly in the store. */
  readonly onCommitted: (batch: CommitBatch) => void;
  /** Frames it counted as missing in what is truly in the store. */
  readonly onFramesMissing: (count: number) => void;
  /** The state of a notification is truly in the store. */
  readonly onTryPutDown: (notificationId: string) => void;
  /** Its process is there, with all it knew, or is gone. */
  readonly onLife: (isAlive: boolean) => void;
  /** It begins to listen. @param atMs by its own clock */
  readonly onStarted: (atMs: number) => void;
  readonly onLog: (text: string) => void;
  /** It was killed by its own commit. */
  readonly onKilled: (fatal: FatalCommit) => void;
}

const never = new Promise<never>(() => undefined);

const uncounted = {
  frameStored: () => undefined,
  frameDuplicate: () => undefined,
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
  notificationTried: () => undefined,
  notificationsDropped: () => undefined,
};

/** A collector that is not yet started. */
export const createCollectorNode = (options: CollectorNodeOptions): CollectorNode => {
  const { loop, random, network, folder } = options;
  const machine = createMachine(loop, { skewMs: 0, driftPpm: options.driftPpm });
  let life = 0;
  let store: Store | null = null;
  let core: Core | null = null;
  let clock: ProcessClock | null = null;
  let bootCount = 0;
  /** Counted in the batch that is not yet committed; dies with the process. */
  let framesMissing = 0;

  const present = (): Store => {
    if (store === null) throw new Error('the store was never opened');
    return store;
  };

  const pathOf = (count: number): string => (folder === null ? ':memory:' : join(folder, String(count), 'jiwei.db'));

  /** The files as they are when the process dies while it writes to the log: a share of the new bytes over what was there. */
  const tearLog = async (commit: () => Promise<void>, share: number): Promise<void> => {
    const path = pathOf(bootCount);
    const before = await readFile(`${path}-wal`).catch(() => Buffer.alloc(0));
    // Written after each commit, so that of the one before.
    const mark = await readFile(`${path}.mark`);
    await commit();
    const after = await readFile(`${path}-wal`);
    let first = 0;
    while (first < before.length && before[first] === after[first]) first += 1;
    const cut = first + Math.floor((after.length - first) * share);
    const torn = Buffer.concat([after.subarray(0, cut), before.subarray(cut)]);
    bootCount += 1;
    await mkdir(join(path, '..', '..', String(bootCount)), { recursive: true });
    await copyFile(path, pathOf(bootCount));
    await writeFile(`${pathOf(bootCount)}-wal`, torn);
    await writeFile(`${pathOf(bootCount)}.mark`, mark);
    await present().close();
    store = await openSqliteStore({ path: pathOf(bootCount), clock: machine.boot() });
  };

  const die = (fatal: FatalCommit): void => {
    node.fatalCommit = null;
    kill();
    options.onKilled(fatal);
  };

  /** The store as one process has it: after its death nothing of that process gets to it or comes back from it. */
  const storeOf = (own: number): Store => {
    const isAlive = (): boolean => own === life;
    const committed = (batch: CommitBatch): void => {
      options.onCommitted(batch);
      options.onFramesMissing(framesMissing);
      framesMissing = 0;
    };
    const commit = async (batch: CommitBatch): Promise<void> => {
      if (!isAlive()) return never;
      const fatal = node.fatalCommit;
      if (fatal === null) {
        if (node.isStoreFailing) throw new AppError('STORE_UNAVAILABLE', 'the disk is full');
        await present().commit(batch);
        committed(batch);
        return isAlive() ? undefined : never;
      }
      if (fatal.when === 'beforeCommit') {
        die(fatal);
        return never;
      }
      if (fatal.when === 'afterCommit' || folder === null) {
        await present().commit(batch);
        committed(batch);
        die(fatal);
        return never;
      }
      tearing = (async () => {
        const before = await contentOf(present());
        await tearLog(() => present().commit(batch), fatal.share);
        // A commit is there as a whole or not at all.
        if ((await contentOf(present())) !== before) committed(batch);
      })();
      die(fatal);
      return never;
    };
    const guarded: Store = new Proxy(present(), {
      get: (_target, name) => {
        if (name === 'commit') return commit;
        return async (...args: unknown[]) => {
          if (!isAlive()) return never;
          // Every member of the port is a method; the proxy only stands between.
          const method = Reflect.get(present(), name) as (...values: unknown[]) => Promise<unknown>;
          if (node.isStoreFailing && String(name).startsWith('save')) throw new AppError('STORE_UNAVAILABLE', 'the disk is full');
          const answer = await method.apply(present(), args);
          // Its first argument is the record.
          if (name === 'saveOutbox') options.onTryPutDown((args[0] as OutboxRecord).id);
          return isAlive() ? answer : never;
        };
      },
    });
    return guarded;
  };
  let tearing: Promise<void> | null = null;

  const start = async (): Promise<void> => {
    if (core !== null) return;
    await tearing;
    tearing = null;
    life += 1;
    framesMissing = 0;
    const own = life;
    const ownClock = machine.boot();
    clock = ownClock;
    if (store === null) {
      store = await openSqliteStore({ path: pathOf(bootCount), clock: ownClock });
      await options.prepare(store);
    }
    options.onStarted(machine.wallMs());
    const chance = random.fork(`boot${life}`);
    const opened = await openCore({
      store: storeOf(own),
      clock: ownClock,
      random: chance.next,
      newNonce: () => Buffer.from(Array.from({ length: 32 }, () => chance.whole(0, 255))).toString('base64url'),
      log: logOf(options.onLog),
      version: 'sim',
      declarationFile: null,
      heartbeatMs: 5_000,
      heartbeatTimeoutMs: 15_000,
      notifierKinds: [options.notifierKind(ownClock)],
      counters: {
        ...uncounted,
        framesMissing: (count) => {
          framesMissing += count;
        },
      },
      onFatal: (error) => {
        if (own === life) loop.fail(error);
      },
    });
    core = opened;
    options.onLife(true);
    network.setDoor(opened.links.open);
  };

  const kill = (): void => {
    if (core === null) return;
    life += 1;
    core = null;
    options.onLife(false);
    clock?.kill();
    network.killCollector();
  };

  const node: CollectorNode = {
    machine,
    get core() {
      return core;
    },
    store: present,
    settle: async () => {
      await tearing;
    },
    start,
    kill,
    isStoreFailing: false,
    fatalCommit: null,
    close: async () => {
      kill();
      await tearing;
      await store?.close();
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
  return node;
};

/** What tells whether a batch is in the store: nothing that a batch brings leaves all of it as it was. */
const contentOf = async (store: Store): Promise<string> =>
  JSON.stringify([await store.entities(), await store.positions(), await store.latestResults(), await store.outboxNextAtMs()]);

/** The part of a logger that the core uses. */
const logOf = (write: (text: string) => void): FastifyBaseLogger => {
  const line =
    (level: string) =>
    (first: unknown, second?: unknown): void => {
      if (level === 'debug') return;
      const fields = typeof first === 'object' && first !== null && 'err' in first ? { ...first, err: String(first.err) } : first;
      write(`collector ${level} ${typeof second === 'string' ? second : ''} ${JSON.stringify(fields)}`);
    };
  const log = {
    level: 'info',
    fatal: line('fatal'),
    error: line('error'),
    warn: line('warn'),
    info: line('info'),
    debug: line('debug'),
    trace: line('debug'),
    silent: () => undefined,
    child: () => log,
  };
  return log as unknown as FastifyBaseLogger;
};
