import { asId } from '@jiwei/shared/ids.ts';
import { dayMs, minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { NoticeKind } from '../../collector/src/engine/effect.ts';
import { defineNotifier, type Notice, type SendOutcome } from '../../collector/src/notify/notifier.ts';
import { createOutbox, type NotifyDeclaration, type Outbox } from '../../collector/src/notify/outbox.ts';
import type { Over } from '../../collector/src/notify/over.ts';
import { notifierKinds } from '../../collector/src/notify/registry.ts';
import type { DeclaredNotifier } from '../../collector/src/registry/declaration.ts';
import type { OutboxRecord, Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { worldOf } from '../support/notices.ts';
import { batchOf, incidentOf, outboxOf } from '../support/store-samples.ts';
import { openReceiver } from '../support/webhook-receiver.ts';

const startMs = 1_000_000;

interface Attempt {
  readonly notifier: string;
  readonly notice: Notice;
  readonly signal: AbortSignal;
  end(outcome: SendOutcome): void;
}

/** A kind whose tries end when the test says so. */
const handHeld = () => {
  const attempts: Attempt[] = [];
  const answers: SendOutcome[] = [];
  const kind = defineNotifier({
    kind: 'hand',
    summary: 'Ends when told.',
    schema: z.strictObject({ name: z.string(), isBroken: z.boolean().default(false), isShut: z.boolean().default(false) }),
    open: async ({ name, isBroken, isShut }) => {
      if (isShut) throw new Error('no file');
      return {
        send: (notice, signal) => {
          if (isBroken) throw new Error('a defect');
          const { promise, resolve } = Promise.withResolvers<SendOutcome>();
          attempts.push({ notifier: name, notice, signal, end: resolve });
          const answer = answers.shift();
          if (answer !== undefined) resolve(answer);
          return promise;
        },
      };
    },
  });
  return { kind, attempts, answers };
};

const declare = (...names: readonly string[]): NotifyDeclaration => ({
  notifiers: names.map((name) => ({ id: name, kind: 'hand', options: { name } })),
  routes: names.map((name) => ({ id: asId(name), notifier: name, severities: [], zoneIds: [], unitIds: [], assetIds: [] })),
  assets: [{ id: 'web-portal', name: '政务服务网' }],
  units: [],
  zones: [],
});
const record = (incident: string, notice: NoticeKind, route = 'duty', part: Partial<OutboxRecord> = {}): OutboxRecord =>
  outboxOf({
    id: asId<'notification'>(`${incident}.${notice}.${route}`),
    incidentId: asId<'incident'>(incident),
    incident: incidentOf({ id: asId<'incident'>(incident) }),
    notice,
    routeId: asId<'route'>(route),
    createdAtMs: startMs,
    nextTryAtMs: startMs,
    ...part,
  });

describe('outbox', () => {
  let store: Store;
  let clock: ManualClock;
  let hand: ReturnType<typeof handHeld>;
  let outbox: Outbox;
  let finished: OutboxRecord[];
  let told: string[];
  let counted: string[];
  let drops: Over[];
  let lastNotifiers: Map<string, DeclaredNotifier>;
  const open = (): Outbox =>
    createOutbox({
      store,
      clock,
      ...{ log: worldOf().world.log, noticeLog: worldOf().world.log },
      kinds: [hand.kind, ...notifierKinds],
      counters: {
        notificationTried: (id, outcome) => void counted.push(`${id} ${outcome}`),
        notificationsDropped: (id, route, count) => void counted.push(`${id} dropped ${count} of ${route}`),
      },
      onTried: async (one) => {
        told.push(`${one.state} ${one.tries}`);
        if (one.state !== 'waiting') finished.push(one);
      },
      lastNotifierOf: async (routeId) => lastNotifiers.get(routeId) ?? null,
      drop: async (over) => {
        drops.push(over);
        await store.commit(batchOf({ atMs: clock.nowMs(), outboxDrops: over.records.map(({ id }) => id) }));
      },
    });
  beforeEach(async () => {
    store = await openSqliteStore({ path: ':memory:' });
    clock = createManualClock(startMs);
    hand = handHeld();
    finished = [];
    told = [];
    counted = [];
    drops = [];
    lastNotifiers = new Map();
    outbox = open();
  });
  afterEach(async () => {
    await outbox.close();
    await store.close();
  });

  const put = async (...records: readonly OutboxRecord[]): Promise<void> => {
    await store.commit(batchOf({ outbox: records }));
    outbox.wake();
  };
  const tried = (): readonly string[] => hand.attempts.map(({ notice }) => String(notice.id));
  const attempt = async (number: number): Promise<Attempt> => {
    await vi.waitFor(() => expect(hand.attempts.length).toBeGreaterThan(number), { interval: 1 });
    const found = hand.attempts[number];
    if (found === undefined) throw new Error('there is no such attempt');
    return found;
  };
  /** Everything that can happen without time going by has happened. */
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  test('the first try is at once, and what came of it is stored and told', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    const first = await attempt(0);
    expect(first.notice).toMatchObject({ notice: 'firing', names: { asset: '政务服务网', unit: null, zone: null } });
    first.end({ kind: 'sent', detail: 'ok' });
    await vi.waitFor(() => expect(finished).toHaveLength(1), { interval: 1 });
    expect(finished[0]).toMatchObject({ state: 'sent', tries: 1, finishedAtMs: startMs });
    expect(await store.outboxOf(asId('i1'))).toEqual(finished);
    await vi.waitFor(() => expect(counted).toEqual(['duty sent']), { interval: 1 });
  });

  test('nothing is tried before there is a configuration', async () => {
    await put(record('i1', 'firing'));
    await settled();
    expect(tried()).toEqual([]);
    expect(await store.outboxNextAtMs()).toBe(startMs);
    await outbox.configure(declare('duty'));
    await attempt(0);
  });

  test('a failed try comes again after 1, 2, 4 … minutes, and not before', async () => {
    await outbox.configure(declare('duty'));
    hand.answers.push(
      ...Array.from({ length: 3 }, (): SendOutcome => ({ kind: 'retry', error: 'away', mayHaveArrived: false })),
      {
        kind: 'sent',
        detail: '',
      },
    );
    await put(record('i1', 'firing'));
    await settled();
    for (const [tries, waitMs] of [1, 2, 4].map((minutes, index) => [index + 1, minutes * minuteMs] as const)) {
      expect(hand.attempts).toHaveLength(tries);
      expect((await store.outboxOf(asId('i1')))[0]).toMatchObject({
        tries,
        lastError: 'away',
        nextTryAtMs: clock.nowMs() + waitMs,
      });
      clock.advance(waitMs - 1);
      await settled();
      expect(hand.attempts).toHaveLength(tries);
      clock.advance(1);
      await settled();
    }
    expect(hand.attempts).toHaveLength(4);
    expect(finished).toMatchObject([{ state: 'sent', tries: 4, lastError: null }]);
    expect(told).toEqual(['waiting 1', 'waiting 2', 'waiting 3', 'sent 4']);
    expect(new Set(tried()).size).toBe(1);
  });

  test('after a day it is given up and said so', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing', 'duty', { tries: 20, createdAtMs: startMs - dayMs, lastError: 'away' }));
    const last = await attempt(0);
    last.end({ kind: 'retry', error: 'still away', mayHaveArrived: false });
    await vi.waitFor(() => expect(finished).toMatchObject([{ state: 'failed', tries: 21 }]), { interval: 1 });
    expect(finished[0]?.lastError).toContain('still away');
  });

  test('a later notice never overtakes an earlier one, neither under way nor waiting', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'), record('i1', 'overdue'));
    await settled();
    expect(tried()).toEqual(['i1.firing.duty']);
    hand.attempts[0]?.end({ kind: 'retry', error: 'away', mayHaveArrived: false });
    await settled();
    expect(tried()).toEqual(['i1.firing.duty']);
    clock.advance(minuteMs);
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i1.firing.duty']);
    hand.attempts[1]?.end({ kind: 'failed', error: 'no' });
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i1.firing.duty', 'i1.overdue.duty']);
  });

  const stateOf = async (incident: string): Promise<readonly string[]> =>
    (await store.outboxOf(asId(incident))).map(({ routeId, notice, state }) => `${routeId} ${notice} ${state}`);

  test('what was over before anybody could be told is dropped at once, at no cost of a try, and the next problem is told', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    (await attempt(0)).end({ kind: 'retry', error: 'refused', mayHaveArrived: false });
    await settled();
    clock.advance(30_000);
    await put(record('i1', 'resolved'));
    await settled();
    expect(await stateOf('i1')).toEqual(['duty firing dropped', 'duty resolved dropped']);
    expect((await store.outboxOf(asId('i1'))).map((one) => one.finishedAtMs)).toEqual([clock.nowMs(), clock.nowMs()]);
    expect(drops).toMatchObject([{ why: 'untold', records: [{ tries: 1, lastError: 'refused' }, { tries: 0 }] }]);
    expect(counted).toEqual(['duty retry', 'duty dropped 2 of duty']);
    await put(record('i1', 'flapping'));
    (await attempt(1)).end({ kind: 'sent', detail: '' });
    await put(record('i1', 'overdue'));
    (await attempt(2)).end({ kind: 'sent', detail: '' });
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i1.flapping.duty', 'i1.overdue.duty']);
  });

  test('what may have arrived is not told again, and its end is', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'), record('i1', 'overdue'));
    (await attempt(0)).end({ kind: 'retry', error: 'hung up', mayHaveArrived: true });
    await settled();
    await put(record('i1', 'resolved'));
    (await attempt(1)).end({ kind: 'sent', detail: '' });
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i1.resolved.duty']);
    expect(await stateOf('i1')).toEqual(['duty firing dropped', 'duty overdue dropped', 'duty resolved sent']);
    expect(drops).toMatchObject([{ why: 'endTold', records: [{ notice: 'firing' }, { notice: 'overdue' }] }]);
  });

  test('a try under way is waited for before anything is dropped', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    const first = await attempt(0);
    await put(record('i1', 'resolved'));
    await settled();
    expect(drops).toEqual([]);
    first.end({ kind: 'retry', error: 'refused', mayHaveArrived: false });
    await settled();
    expect(await stateOf('i1')).toEqual(['duty firing dropped', 'duty resolved dropped']);
  });

  test('each route has its own: who was told hears the end, who was not hears nothing', async () => {
    await outbox.configure(declare('duty', 'mail'));
    await put(record('i1', 'firing', 'duty'), record('i1', 'firing', 'mail'));
    const [first, second] = [await attempt(0), await attempt(1)];
    const [duty, mail] = first.notifier === 'duty' ? [first, second] : [second, first];
    duty.end({ kind: 'sent', detail: '' });
    mail.end({ kind: 'retry', error: 'refused', mayHaveArrived: false });
    await settled();
    await put(record('i1', 'resolved', 'duty'), record('i1', 'resolved', 'mail'));
    (await attempt(2)).end({ kind: 'sent', detail: '' });
    await settled();
    expect(await stateOf('i1')).toEqual([
      'duty firing sent',
      'mail firing dropped',
      'duty resolved sent',
      'mail resolved dropped',
    ]);
  });

  test('a try cut off with its process may have arrived: after the start the end is told', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    await attempt(0);
    // The end of a process: nothing of it gets to the store any more.
    vi.spyOn(store, 'saveOutbox').mockImplementationOnce(() => new Promise(() => undefined));
    hand.attempts[0]?.end({ kind: 'retry', error: 'refused', mayHaveArrived: false });
    await settled();
    const next = open();
    await next.configure(declare('duty'));
    await put(record('i1', 'resolved'));
    next.wake();
    (await attempt(1)).end({ kind: 'sent', detail: '' });
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i1.resolved.duty']);
    await next.close();
    outbox = next;
  });

  test('while it cannot be put down that they are dropped, notices wait and are not sent', async () => {
    await outbox.configure(declare('duty'));
    const commit = vi.spyOn(store, 'commit');
    await store.commit(batchOf({ outbox: [record('i1', 'firing'), record('i1', 'resolved')] }));
    commit.mockRejectedValueOnce(new Error('disk'));
    outbox.wake();
    await settled();
    expect(await stateOf('i1')).toEqual(['duty firing waiting', 'duty resolved waiting']);
    expect(drops).toHaveLength(1);
    clock.advance(1_000);
    await settled();
    expect(await stateOf('i1')).toEqual(['duty firing dropped', 'duty resolved dropped']);
    expect(tried()).toEqual([]);
  });

  test('a slow channel delays neither another channel nor, past its places, the store', async () => {
    await outbox.configure(declare('slow', 'duty'));
    await put(...Array.from({ length: 30 }, (_, index) => record(`s${index}`, 'firing', 'slow')), record('i1', 'firing', 'duty'));
    await settled();
    expect(hand.attempts.filter(({ notifier }) => notifier === 'slow')).toHaveLength(8);
    const quick = hand.attempts.find(({ notifier }) => notifier === 'duty');
    quick?.end({ kind: 'sent', detail: '' });
    await settled();
    expect(finished.map((one) => one.incidentId)).toEqual(['i1']);
    for (let index = 0; index < 31; index += 1) (await attempt(index)).end({ kind: 'sent', detail: '' });
    await vi.waitFor(() => expect(finished).toHaveLength(31), { interval: 1 });
    expect(new Set(tried()).size).toBe(31);
  });

  test('a try that does not end is ended, and counts as one', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    const hanging = await attempt(0);
    clock.advance(15_000);
    await settled();
    expect(hanging.signal.aborted).toBe(true);
    expect((await store.outboxOf(asId('i1')))[0]).toMatchObject({
      state: 'waiting',
      tries: 1,
      lastError: expect.stringContaining('in time'),
    });
  });

  const defects: readonly { why: string; options: object; error: string; mayHaveArrived: boolean }[] = [
    { why: 'has a defect', options: { isBroken: true }, error: 'a defect', mayHaveArrived: true },
    { why: 'cannot be opened', options: { isShut: true }, error: 'no file', mayHaveArrived: false },
  ];
  test.each(defects)('a notifier that $why costs its own tries only', async ({ options, error, mayHaveArrived }) => {
    const broken = { id: 'broken', kind: 'hand', options: { name: 'broken', ...options } };
    const declaration = declare('broken', 'duty');
    await outbox.configure({ ...declaration, notifiers: [broken, ...declaration.notifiers.slice(1)] });
    await put(record('i1', 'firing', 'broken'), record('i1', 'firing', 'duty'));
    (await attempt(0)).end({ kind: 'sent', detail: '' });
    await vi.waitFor(() => expect(finished).toHaveLength(1), { interval: 1 });
    await settled();
    const [first] = await store.outboxOf(asId('i1'));
    expect(first).toMatchObject({ state: 'waiting', tries: 1, lastError: error, mayHaveArrived });
  });

  test('a route that is no longer declared fails with its name', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing', 'gone'));
    await vi.waitFor(() => expect(finished).toMatchObject([{ state: 'failed', tries: 0 }]), { interval: 1 });
    expect(finished[0]?.lastError).toContain('route gone');
  });

  test('a withdrawn route tells the end of its alarm over the notifier it had, and nothing else', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'), record('i2', 'firing'));
    (await attempt(0)).end({ kind: 'sent', detail: '' });
    (await attempt(1)).end({ kind: 'sent', detail: '' });
    await vi.waitFor(() => expect(finished).toHaveLength(2), { interval: 1 });
    lastNotifiers.set('duty', { id: 'duty', kind: 'hand', options: { name: 'once' } });
    await outbox.configure(declare());
    await put(record('i1', 'resolved'), record('i2', 'overdue'));
    const end = await attempt(2);
    expect([end.notifier, end.notice.id]).toEqual(['once', 'i1.resolved.duty']);
    end.end({ kind: 'sent', detail: '' });
    await vi.waitFor(() => expect(finished).toHaveLength(4), { interval: 1 });
    expect(tried()).toEqual(['i1.firing.duty', 'i2.firing.duty', 'i1.resolved.duty']);
    expect((await store.outboxOf(asId('i2'))).at(-1)).toMatchObject({ state: 'failed', tries: 0 });
  });

  test('a withdrawn route tells its ends over the notifier of that id as it is now, when there still is one', async () => {
    lastNotifiers.set('gone', { id: 'duty', kind: 'hand', options: { name: 'once' } });
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing', 'gone', { state: 'sent', mayHaveArrived: true }), record('i1', 'resolved', 'gone'));
    expect((await attempt(0)).notifier).toBe('duty');
  });

  test('an end over a route nobody knows any more is given up', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing', 'gone', { state: 'sent', mayHaveArrived: true }), record('i1', 'resolved', 'gone'));
    await vi.waitFor(() => expect(finished).toMatchObject([{ notice: 'resolved', state: 'failed', tries: 0 }]), { interval: 1 });
  });

  test('after a 410 the channel is left alone, over a restart too, until its options change', async () => {
    const receiver = await openReceiver();
    const declaration = (path: string): NotifyDeclaration => ({
      ...declare('duty'),
      notifiers: [{ id: 'duty', kind: 'webhook', options: { url: `${receiver.url}${path}`, allowPlainHttp: true } }],
    });
    receiver.setMode({ status: 410 });
    await outbox.configure(declaration('/a'));
    await put(record('i1', 'firing'));
    await vi.waitFor(() => expect(finished).toHaveLength(1));
    receiver.setMode('ok');
    await put(record('i2', 'firing'));
    await vi.waitFor(() => expect(finished).toHaveLength(2));
    await outbox.close();
    outbox = open();
    await outbox.configure(declaration('/a'));
    await put(record('i3', 'firing'));
    await vi.waitFor(() => expect(finished).toHaveLength(3));
    expect(finished.map((one) => one.lastError)).toEqual([
      expect.stringContaining('410'),
      expect.stringContaining('disabled until its options are changed'),
      expect.stringContaining('disabled until its options are changed'),
    ]);
    expect(receiver.received).toHaveLength(1);
    await outbox.configure(declaration('/b'));
    await put(record('i4', 'firing'));
    await vi.waitFor(() => expect(finished).toHaveLength(4));
    expect(finished[3]?.state).toBe('sent');
    await receiver.close();
  });

  test('a stop in mid-try and a start: the same notice with the same id again, and everything else once', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'), record('i2', 'firing'), record('i2', 'overdue'));
    await settled();
    hand.attempts.find(({ notice }) => notice.id === 'i2.firing.duty')?.end({ kind: 'sent', detail: '' });
    await settled();
    await outbox.close();
    expect(hand.attempts.every(({ signal, notice }) => signal.aborted || notice.id === 'i2.firing.duty')).toBe(true);
    expect((await store.outboxOf(asId('i1')))[0]).toMatchObject({ state: 'waiting', tries: 0, nextTryAtMs: startMs });
    outbox = open();
    hand.answers.push({ kind: 'sent', detail: '' }, { kind: 'sent', detail: '' });
    await outbox.configure(declare('duty'));
    await vi.waitFor(() => expect(finished).toHaveLength(3), { interval: 1 });
    expect([...tried()].sort()).toEqual([
      'i1.firing.duty',
      'i1.firing.duty',
      'i2.firing.duty',
      'i2.overdue.duty',
      'i2.overdue.duty',
    ]);
  });

  const arrivals: readonly { why: string; outcome: SendOutcome; mayHaveArrived: boolean }[] = [
    { why: 'certainly did not', outcome: { kind: 'retry', error: 'refused', mayHaveArrived: false }, mayHaveArrived: false },
    { why: 'may have', outcome: { kind: 'retry', error: 'reset', mayHaveArrived: true }, mayHaveArrived: true },
  ];
  test.each(arrivals)('while it lasts a try may have arrived; afterwards it is kept whether it $why', async (row) => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    const first = await attempt(0);
    expect(await store.outboxOf(asId('i1'))).toMatchObject([{ state: 'waiting', tries: 0, mayHaveArrived: true }]);
    first.end(row.outcome);
    await settled();
    expect(await store.outboxOf(asId('i1'))).toMatchObject([{ tries: 1, mayHaveArrived: row.mayHaveArrived }]);
  });

  test('a try cut off by a stop has arrived only if its channel cannot rule it out', async () => {
    await outbox.configure(declare('duty', 'mail'));
    await put(record('i1', 'firing'), record('i2', 'firing'));
    await settled();
    const [first, second] = [await attempt(0), await attempt(1)];
    first.signal.addEventListener('abort', () => first.end({ kind: 'retry', error: 'cut', mayHaveArrived: false }));
    second.signal.addEventListener('abort', () => second.end({ kind: 'retry', error: 'cut', mayHaveArrived: true }));
    await outbox.close();
    expect(await store.outboxOf(asId('i1'))).toMatchObject([{ tries: 0, mayHaveArrived: false }]);
    expect(await store.outboxOf(asId('i2'))).toMatchObject([{ tries: 0, mayHaveArrived: true }]);
  });

  test('a try that ends while the outbox is looked through is not made again', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    (await attempt(0)).end({ kind: 'retry', error: 'away', mayHaveArrived: false });
    await settled();
    clock.advance(minuteMs - 1);
    await put(record('i2', 'firing'));
    const underWay = await attempt(1);
    await settled();
    const { outboxOf: read } = store;
    vi.spyOn(store, 'outboxOf').mockImplementationOnce(async (incidentId) => {
      underWay.end({ kind: 'sent', detail: '' });
      await settled();
      return read(incidentId);
    });
    clock.advance(1);
    outbox.wake();
    await attempt(2);
    await settled();
    expect(tried()).toEqual(['i1.firing.duty', 'i2.firing.duty', 'i1.firing.duty']);
  });

  test('without a store there is no try, since nobody would know of it', async () => {
    await outbox.configure(declare('duty'));
    const save = vi.spyOn(store, 'saveOutbox').mockRejectedValueOnce(new Error('disk'));
    await put(record('i1', 'firing'));
    await settled();
    expect(save).toHaveBeenCalledTimes(1);
    expect(tried()).toEqual([]);
    clock.advance(1_000);
    await attempt(0);
  });

  test('while the store is away a finished try is not made again', async () => {
    await outbox.configure(declare('duty'));
    await put(record('i1', 'firing'));
    const first = await attempt(0);
    const save = vi.spyOn(store, 'saveOutbox').mockRejectedValueOnce(new Error('disk')).mockRejectedValueOnce(new Error('disk'));
    first.end({ kind: 'sent', detail: '' });
    for (let seconds = 0; seconds < 2; seconds += 1) {
      await settled();
      expect(await store.outboxOf(asId('i1'))).toMatchObject([{ state: 'waiting', tries: 0 }]);
      clock.advance(1_000);
    }
    await vi.waitFor(async () => expect(await store.outboxOf(asId('i1'))).toMatchObject([{ state: 'sent' }]), { interval: 1 });
    expect(save).toHaveBeenCalledTimes(3);
    expect(told).toEqual(['sent 1']);
    expect(hand.attempts).toHaveLength(1);
  });
});
