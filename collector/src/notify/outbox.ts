import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { NotificationId, RouteId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { zoneOfAsset } from '../engine/subject.ts';
import type { Declaration, DeclaredNotifier } from '../registry/declaration.ts';
import type { OutboxRecord, Store } from '../store/port.ts';
import { type OpenNotifier, openNotifier } from './channels.ts';
import { afterTry, beforeTry, type Fate } from './fate.ts';
import type { NoticeNames, NotifierKind, NotifyLog, SendOutcome } from './notifier.ts';
import { type Over, overOf } from './over.ts';
import { notifierKinds } from './registry.ts';
import { notifyWorld } from './world.ts';

/** The part of a declaration notifications need. */
export type NotifyDeclaration = Pick<Declaration, 'notifiers' | 'routes'> & {
  readonly [Part in 'assets' | 'units' | 'zones']: readonly { readonly id: string; readonly name: string }[];
};

/** What is counted, by notifier. */
export interface NotifyCounters {
  notificationTried(notifierId: string, outcome: SendOutcome['kind']): void;
  /** @param notifierId null when the route has none any more */
  notificationsDropped(notifierId: string | null, routeId: RouteId, count: number): void;
}

export interface OutboxOptions {
  readonly store: Pick<Store, 'outboxDue' | 'outboxNextAtMs' | 'outboxOf' | 'saveOutbox' | 'setting' | 'saveSetting'>;
  readonly clock: Clock;
  readonly log: NotifyLog;
  /** Where channels of kind `log` write: whoever chose one wants its notices, however little the rest is to say. */
  readonly noticeLog: NotifyLog;
  readonly counters: NotifyCounters;
  /** Kinds of channels; those of the registry by default. */
  readonly kinds?: readonly NotifierKind[];
  /**
   * A try has ended, or there will be none any more: the record as it will be stored. Resolves when that is on the incident's record. Called before
   * the state of the try is stored: a crash in between repeats the try, and the repeat is recorded as well.
   */
  readonly onTried?: (record: OutboxRecord) => Promise<void>;
  /** The notifier a withdrawn route had last; null when nobody knows. */
  readonly lastNotifierOf?: (routeId: RouteId) => Promise<DeclaredNotifier | null>;
  /** Puts down that the notices are dropped, and on the incident's record why, both or neither. Resolves when that is stored. */
  readonly drop: (over: Over) => Promise<void>;
}

/** Performs what the engine decided to tell people. */
export interface Outbox {
  /** Puts notifiers and routes in force; tries under way end with what they began. Never rejects for a notifier's fault. */
  configure(declaration: NotifyDeclaration): Promise<void>;
  /** New notifications may be due. Returns at once. */
  wake(): void;
  /** Ends tries under way without counting them; resolves when nothing runs any more. */
  close(): Promise<void>;
}

interface Setup {
  readonly notifiers: ReadonlyMap<string, OpenNotifier>;
  readonly notifierOf: ReadonlyMap<RouteId, OpenNotifier>;
  /** Of withdrawn routes whose alarms wait for their end, as far as they were looked for. */
  readonly withdrawn: Map<RouteId, OpenNotifier | null>;
  readonly names: ReadonlyMap<string, string>;
}

// Enough to fill every channel of a large installation at once; what is left comes with the next look, which each finished try causes.
const lookCountMax = 500;
// The wall clock may be set: a look at least this often finds what became due by that.
const lookAgainMs = 1 * minuteMs;
const storeRetryMs = 1 * secondMs;
// Longer than any commit of a healthy store takes.
const noteMsMax = 3 * secondMs;

/**
 * Makes the performer. Each notifier has its own places (limits.notificationsAtOnceMax), so that a slow one delays only itself; notices of an
 * incident over a route go one after the other, in the order they were decided, and those that are over by then go nowhere. The state of a try is
 * stored before anything else is done with it: a crash repeats at most the tries under way, with their ids.
 */
export const createOutbox = (options: OutboxOptions): Outbox => {
  const { store, clock, log, counters } = options;
  const world = notifyWorld(options.noticeLog);
  const closing = new AbortController();
  /** By lane: an incident's notices over a route. */
  const running = new Map<string, { readonly place: string; readonly done: Promise<void> }>();
  let setup: Setup | null = null;
  let looking: Promise<void> | null = null;
  let isLookWanted = false;
  let cancelTimer: CancelTimer = () => undefined;

  const configure = async (declaration: NotifyDeclaration): Promise<void> => {
    const opened = await Promise.all(declaration.notifiers.map(open));
    const notifiers = new Map(opened.map((notifier) => [notifier.id, notifier]));
    const notifierOf = new Map<RouteId, OpenNotifier>();
    for (const route of declaration.routes) {
      const notifier = notifiers.get(route.notifier);
      if (notifier !== undefined) notifierOf.set(route.id, notifier);
    }
    setup = { notifiers, notifierOf, withdrawn: new Map(), names: namesOf(declaration) };
    wake();
  };

  const open = (declared: DeclaredNotifier): Promise<OpenNotifier> =>
    openNotifier(declared, { kinds: options.kinds ?? notifierKinds, world, store });

  /**
   * By which an end is told over a route that was withdrawn: whoever heard the alarm must not wait for ever. A notifier of the same id that is still
   * declared goes before what it was once.
   */
  const withdrawnNotifier = async ({ notifiers, withdrawn }: Setup, routeId: RouteId): Promise<OpenNotifier | null> => {
    const known = withdrawn.get(routeId);
    if (known !== undefined) return known;
    const last = (await options.lastNotifierOf?.(routeId)) ?? null;
    const found = last === null ? null : (notifiers.get(last.id) ?? (await open(last)));
    withdrawn.set(routeId, found);
    if (found !== null) log.info({ routeId, notifier: found.id }, 'a route was withdrawn; it still tells the ends of its alarms');
    return found;
  };

  const wake = (): void => {
    isLookWanted = true;
    if (looking !== null || setup === null || closing.signal.aborted) return;
    looking = lookUntilQuiet().finally(() => {
      looking = null;
      // Woken after the last look and before the timer was set.
      if (isLookWanted) wake();
    });
  };

  const lookUntilQuiet = async (): Promise<void> => {
    cancelTimer();
    let nextLookMs = storeRetryMs;
    try {
      while (isLookWanted && setup !== null && !closing.signal.aborted) {
        isLookWanted = false;
        await look(setup);
      }
      nextLookMs = await waitMs();
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, 'the outbox cannot be read; it is tried again');
    }
    if (!closing.signal.aborted) cancelTimer = clock.after(nextLookMs, wake);
  };

  /** Until the next one is due. What is due already is under way or waits for one that is, and the end of that wakes. */
  const waitMs = async (): Promise<number> => {
    const nextAtMs = await store.outboxNextAtMs();
    const untilMs = nextAtMs === null ? lookAgainMs : nextAtMs - clock.nowMs();
    return untilMs > 0 ? Math.min(untilMs, lookAgainMs) : running.size > 0 ? lookAgainMs : storeRetryMs;
  };

  const look = async (now: Setup): Promise<void> => {
    const due = await store.outboxDue(clock.nowMs(), lookCountMax, fullRoutes(now));
    for (const { id, routeId, incidentId } of due) {
      const lane = `${routeId}\n${incidentId}`;
      const declared = now.notifierOf.get(routeId) ?? null;
      if (running.has(lane) || (declared !== null && isFull(declared.id))) continue;
      // Read anew: what was due when the look began may have been sent since. Nothing but a look starts anything.
      const notices = (await store.outboxOf(incidentId)).filter((one) => one.routeId === routeId);
      const over = overOf(notices, clock.nowMs());
      const waiting = notices.filter((one) => one.state === 'waiting');
      const [first] = waiting;
      if (first === undefined) continue;
      if (over.length === 0 && first.id !== id) {
        await postpone(waiting, id);
        continue;
      }
      const notifier = declared ?? (first.notice === 'resolved' ? await withdrawnNotifier(now, routeId) : null);
      const place = notifier?.id ?? '';
      if (isFull(place)) continue;
      const act = over.length > 0 ? dropAll(over, notifier) : perform(first, notifier, now);
      const done = act.finally(() => {
        running.delete(lane);
        wake();
      });
      running.set(lane, { place, done });
    }
  };

  /** What is behind one that waits for its next try comes due with it, after it. */
  const postpone = async ([first, ...later]: readonly OutboxRecord[], id: NotificationId): Promise<void> => {
    const record = later.find((one) => one.id === id);
    if (first === undefined || record === undefined || first.nextTryAtMs <= clock.nowMs()) return;
    await store.saveOutbox({ ...record, nextTryAtMs: first.nextTryAtMs });
  };

  const isFull = (place: string): boolean =>
    [...running.values()].filter((one) => one.place === place).length >= limits.notificationsAtOnceMax;

  const fullRoutes = ({ notifierOf, withdrawn }: Setup): readonly RouteId[] =>
    [...notifierOf, ...withdrawn].filter(([, notifier]) => isFull(notifier?.id ?? '')).map(([routeId]) => routeId);

  const perform = async (record: OutboxRecord, notifier: OpenNotifier | null, { names }: Setup): Promise<void> => {
    const refused = beforeTry(record, notifier !== null, clock.nowMs());
    if (refused !== null || notifier === null) {
      if (refused !== null) await settle(record, refused);
      return;
    }
    if (!(await isMarked(record))) return;
    const deadline = new AbortController();
    const cancelDeadline = clock.after(limits.notificationMsMax, () => deadline.abort());
    const { id, notice, incident, createdAtMs } = record;
    const outcome = await notifier.send(
      { id, notice, incident, createdAtMs, names: noticeNames(record, names) },
      AbortSignal.any([deadline.signal, closing.signal]),
    );
    cancelDeadline();
    // A try cut off by closing is none: it is made again after the start, with the same id.
    if (closing.signal.aborted && outcome.kind === 'retry') {
      if (!outcome.mayHaveArrived) await unmark(record);
      return;
    }
    await settle(record, afterTry(record, outcome, clock.nowMs()));
    counters.notificationTried(notifier.id, outcome.kind);
  };

  /** While the store is away it waits in the writer's queue; it must not keep a stopping collector from ending. */
  const dropAll = async (all: readonly Over[], notifier: OpenNotifier | null): Promise<void> => {
    for (const over of all) {
      const { routeId, incidentId } = over.records[0];
      try {
        await unlessAborted(options.drop(over), closing.signal);
      } catch (thrown) {
        log.error(
          { incidentId, routeId, error: messageOf(thrown) },
          'notices that are over cannot be dropped; it is tried again',
        );
        return pause(clock, storeRetryMs, closing.signal);
      }
      if (closing.signal.aborted) return;
      counters.notificationsDropped(notifier?.id ?? null, routeId, over.records.length);
      const notices = over.records.map(({ notice }) => notice);
      log.warn({ incidentId, routeId, notices, why: over.why }, 'notices were dropped: what they tell of is over');
    }
  };

  /**
   * Stored before the try, so that one that is cut off with the process counts as one that may have arrived.
   * @returns false when the store is away: then there is no try
   */
  const isMarked = async (record: OutboxRecord): Promise<boolean> => {
    if (record.mayHaveArrived) return true;
    if (closing.signal.aborted) return false;
    try {
      await store.saveOutbox({ ...record, mayHaveArrived: true });
      return true;
    } catch (thrown) {
      log.error({ notificationId: record.id, error: messageOf(thrown) }, 'a notification waits until the store takes its state');
      await pause(clock, storeRetryMs, closing.signal);
      return false;
    }
  };

  /** The try has certainly not arrived. When the store is away, it counts as one that may have. */
  const unmark = async (record: OutboxRecord): Promise<void> => {
    try {
      await store.saveOutbox(record);
    } catch (thrown) {
      log.warn({ notificationId: record.id, error: messageOf(thrown) }, 'the state of a notification cannot be stored');
    }
  };

  /** Stores what became of it; while the store is away nothing else of it happens, lest it be sent again. */
  const settle = async (record: OutboxRecord, fate: Fate): Promise<void> => {
    const next = { ...record, ...fate };
    await noteTry(next);
    for (;;) {
      try {
        await store.saveOutbox(next);
        break;
      } catch (thrown) {
        log.error({ notificationId: record.id, error: messageOf(thrown) }, 'the state of a notification cannot be stored');
        if (closing.signal.aborted) return;
        await pause(clock, storeRetryMs, closing.signal);
      }
    }
    if (next.lastError !== null) {
      const fields = { notificationId: next.id, routeId: next.routeId, tries: next.tries, error: next.lastError };
      log.warn(fields, next.state === 'waiting' ? 'a notification is tried again later' : 'a notification was given up');
    }
  };

  /** While the store is away the entry waits in the writer's queue; it must not keep a stopping collector from ending. */
  const noteTry = async (next: OutboxRecord): Promise<void> => {
    if (options.onTried === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(noteMsMax, resolve);
    options.onTried(next).then(resolve, (thrown: unknown) => {
      log.error({ notificationId: next.id, error: messageOf(thrown) }, 'a try is missing in the timeline of its incident');
      resolve();
    });
    await promise;
    cancel();
  };

  return {
    configure,
    wake,
    close: async () => {
      closing.abort();
      cancelTimer();
      await looking;
      await Promise.allSettled([...running.values()].map((one) => one.done));
    },
  };
};

const namesOf = ({ assets, units, zones }: NotifyDeclaration): ReadonlyMap<string, string> =>
  new Map([
    ...assets.map(({ id, name }): [string, string] => [`asset ${id}`, name]),
    ...units.map(({ id, name }): [string, string] => [`unit ${id}`, name]),
    ...zones.map(({ id, name }): [string, string] => [`zone ${id}`, name]),
  ]);

const noticeNames = ({ incident }: OutboxRecord, names: ReadonlyMap<string, string>): NoticeNames => ({
  asset: names.get(`asset ${incident.assetId}`) ?? names.get(`zone ${zoneOfAsset(incident.assetId)}`) ?? null,
  unit: names.get(`unit ${incident.unitId}`) ?? null,
  zone: names.get(`zone ${incident.zoneId}`) ?? null,
});

/** Resolves with the work or with the abort, whichever comes first, and leaves nothing behind. */
const unlessAborted = async (work: Promise<void>, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  work.then(resolve, reject);
  await promise.finally(() => signal.removeEventListener('abort', stop));
};

const pause = async (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(delayMs, resolve);
  await unlessAborted(promise, signal);
  cancel();
};
