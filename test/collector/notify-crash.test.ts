import { asId } from '@jiwei/shared/ids.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineNotifier, type SendOutcome } from '../../collector/src/notify/notifier.ts';
import { createOutbox, type OutboxOptions } from '../../collector/src/notify/outbox.ts';
import type { OutboxRecord, Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { worldOf } from '../support/notices.ts';
import { batchOf, outboxOf } from '../support/store-samples.ts';

const startMs = 1_000_000;
const incidents = ['i1', 'i2', 'i3'];
const routes = ['mail', 'hook'];
const alarms = ['firing', 'flapping', 'overdue'] as const;

const recordsOf = (notices: readonly OutboxRecord['notice'][]): readonly OutboxRecord[] =>
  incidents.flatMap((incident) =>
    notices.flatMap((notice) =>
      routes.map((route) =>
        outboxOf({
          id: asId<'notification'>(`${incident}.${notice}.${route}`),
          incidentId: asId<'incident'>(incident),
          notice,
          routeId: asId<'route'>(route),
          createdAtMs: startMs,
          nextTryAtMs: startMs,
        }),
      ),
    ),
  );

/** A crash leaves everything as it is in the middle: what the dead process still asks of the store is never answered. */
const mortal = (store: Store) => {
  let isDead = false;
  const never = new Promise<never>(() => undefined);
  const alive =
    <Arguments extends readonly unknown[], T>(call: (...given: Arguments) => Promise<T>) =>
    async (...given: Arguments): Promise<T> => {
      if (isDead) return never;
      const answer = await call(...given);
      return isDead ? never : answer;
    };
  const drop: OutboxOptions['drop'] = ({ records }) => store.commit(batchOf({ outboxDrops: records.map(({ id }) => id) }));
  return {
    die: (): void => {
      isDead = true;
    },
    isDead: () => isDead,
    drop: alive(drop),
    store: {
      outboxDue: alive(store.outboxDue),
      outboxNextAtMs: alive(store.outboxNextAtMs),
      outboxOf: alive(store.outboxOf),
      saveOutbox: alive(store.saveOutbox),
      setting: alive(store.setting),
      saveSetting: alive(store.saveSetting),
    },
  };
};

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** What the channel does with one try: whether the receiver gets it, and what the channel says. A dead process hears nothing. */
interface Fate {
  readonly isTaken: boolean;
  readonly outcome: SendOutcome;
}
const taken: Fate = { isTaken: true, outcome: { kind: 'sent', detail: '' } };
const anyFate = fc.constantFrom<Fate>(
  taken,
  { isTaken: false, outcome: { kind: 'retry', error: 'no connection', mayHaveArrived: false } },
  { isTaken: true, outcome: { kind: 'retry', error: 'hung up', mayHaveArrived: true } },
  { isTaken: false, outcome: { kind: 'retry', error: 'silent', mayHaveArrived: true } },
  { isTaken: false, outcome: { kind: 'failed', error: 'refused' } },
);

interface Try {
  readonly lane: string;
  readonly notice: string;
  readonly isTaken: boolean;
  /** The receiver may have got it for all the channel, or a collector that died meanwhile, can know. */
  readonly mayHaveArrived: boolean;
}

/** A collector's outbox over a store that outlives it, and the tries that were made. */
const openWorld = async (fates: Fate[]) => {
  const store = await openSqliteStore({ path: ':memory:' });
  const clock: ManualClock = createManualClock(startMs);
  const tries: Try[] = [];
  const start = async () => {
    const life = mortal(store);
    const kind = defineNotifier({
      kind: 'list',
      summary: 'Keeps a list.',
      schema: z.strictObject({}),
      open: async () => ({
        send: async ({ id }) => {
          const { isTaken, outcome } = fates.shift() ?? taken;
          const [incident = '', notice = '', route = ''] = id.split('.');
          const isUnclear = outcome.kind === 'sent' || (outcome.kind === 'retry' && outcome.mayHaveArrived);
          const place = tries.push({ lane: `${incident} ${route}`, notice, isTaken, mayHaveArrived: true }) - 1;
          await turns(2);
          // Cut off by a crash it stays unclear, whatever the channel would have said.
          const [made] = tries.slice(place);
          if (made !== undefined && !life.isDead()) tries[place] = { ...made, mayHaveArrived: isUnclear };
          return outcome;
        },
      }),
    });
    const counters = { notificationTried: () => undefined, notificationsDropped: () => undefined };
    const outbox = createOutbox({
      ...life,
      clock,
      log: worldOf().world.log,
      noticeLog: worldOf().world.log,
      counters,
      kinds: [kind],
    });
    await outbox.configure({
      notifiers: routes.map((id) => ({ id, kind: 'list', options: {} })),
      routes: routes.map((id) => ({
        ...{ id: asId<'route'>(id), notifier: id, severities: [], zoneIds: [], unitIds: [], assetIds: [] },
      })),
      ...{ assets: [], units: [], zones: [] },
    });
    return { ...life, outbox };
  };
  /** Starts and crashes after so many turns each, then runs until nothing waits any more. */
  const live = async (crashes: readonly number[]): Promise<void> => {
    for (const afterTurns of crashes) {
      const { die } = await start();
      await turns(afterTurns);
      die();
      await turns(5);
    }
    const { outbox } = await start();
    for (let look = 0; look < 400; look += 1) {
      await turns(20);
      const nextAtMs = await store.outboxNextAtMs();
      if (nextAtMs === null) break;
      clock.advance(Math.max(1_000, nextAtMs - clock.nowMs()));
    }
    await outbox.close();
  };
  const kept = async (): Promise<readonly OutboxRecord[]> =>
    (await Promise.all(incidents.map((id) => store.outboxOf(asId(id))))).flat();
  return { store, start, live, kept, tries };
};

const crashTurns = fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 6 });

test('with crashes at any moment every notice arrives, in order, and a repeat is one that was under way', async () => {
  const anyOutcome = fc.oneof(
    fc.constant(taken),
    anyFate.filter(({ isTaken, outcome }) => isTaken === (outcome.kind === 'sent') && outcome.kind !== 'failed'),
  );
  await fc.assert(
    fc.asyncProperty(crashTurns, fc.array(anyOutcome, { maxLength: 60, size: 'max' }), async (crashes, fates) => {
      const world = await openWorld([...fates]);
      const records = recordsOf(alarms);
      await world.store.commit(batchOf({ outbox: records }));
      await world.live(crashes);
      expect((await world.kept()).map((one) => one.state)).toEqual(records.map(() => 'sent'));
      const arrived = world.tries.filter(({ isTaken }) => isTaken);
      const lanes = Map.groupBy(arrived, ({ lane }) => lane);
      expect(lanes.size).toBe(incidents.length * routes.length);
      for (const some of lanes.values()) {
        const order = some.map(({ notice }) => (alarms as readonly string[]).indexOf(notice));
        expect(new Set(order)).toEqual(new Set(alarms.keys()));
        expect(order).toEqual([...order].sort());
        // Per crash at most one notice of a lane was under way.
        expect(order.length - alarms.length).toBeLessThanOrEqual(crashes.length);
      }
      await world.store.close();
    }),
    { numRuns: 40 },
  );
});

test('of a problem that is over, with crashes at any moment, those hear the end who may have heard an alarm, and nobody else hears anything', async () => {
  await fc.assert(
    fc.asyncProperty(crashTurns, crashTurns, fc.array(anyFate, { maxLength: 60, size: 'max' }), async (before, after, fates) => {
      const world = await openWorld([...fates]);
      await world.store.commit(batchOf({ outbox: recordsOf(alarms) }));
      for (const afterTurns of before) {
        const { die } = await world.start();
        await turns(afterTurns);
        die();
        await turns(5);
      }
      await world.store.commit(batchOf({ outbox: recordsOf(['resolved']) }));
      const triesBefore = world.tries.length;
      await world.live(after);

      expect(world.tries.slice(triesBefore).filter(({ notice }) => notice !== 'resolved')).toEqual([]);
      const kept = await world.kept();
      expect(kept.filter(({ state }) => state === 'waiting')).toEqual([]);
      for (const lane of incidents.flatMap((incident) => routes.map((route) => `${incident} ${route}`))) {
        const own = world.tries.filter((one) => one.lane === lane);
        const end = kept.find((one) => `${one.incidentId} ${one.routeId}` === lane && one.notice === 'resolved');
        const isUnclear = own.some(({ notice, mayHaveArrived }) => notice !== 'resolved' && mayHaveArrived);
        const ends = own.filter(({ notice }) => notice === 'resolved');
        expect(end?.state === 'dropped', lane).toBe(!isUnclear);
        expect(ends.length > 0, lane).toBe(isUnclear);
        // Refused is the only way in which an end does not arrive.
        if (isUnclear && end?.state === 'sent') expect(ends.some(({ isTaken }) => isTaken)).toBe(true);
      }
      await world.store.close();
    }),
    { numRuns: 60 },
  );
});
