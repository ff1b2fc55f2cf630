import { asId } from '@jiwei/shared/ids.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineNotifier, type SendOutcome } from '../../collector/src/notify/notifier.ts';
import { createOutbox, type OutboxOptions } from '../../collector/src/notify/outbox.ts';
import type { OutboxRecord } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { worldOf } from '../support/notices.ts';
import { batchOf, outboxOf } from '../support/store-samples.ts';

const startMs = 1_000_000;
const noticesOfIncident = ['firing', 'overdue', 'resolved'] as const;
const records: readonly OutboxRecord[] = ['i1', 'i2', 'i3'].flatMap((incident) =>
  noticesOfIncident.flatMap((notice) =>
    ['mail', 'hook'].map((route) =>
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
const mortal = (store: OutboxOptions['store']) => {
  let isDead = false;
  const never = new Promise<never>(() => undefined);
  const alive =
    <Arguments extends readonly unknown[], T>(call: (...given: Arguments) => Promise<T>) =>
    async (...given: Arguments): Promise<T> =>
      isDead ? never : call(...given);
  return {
    die: (): void => {
      isDead = true;
    },
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

test('with crashes at any moment every notice arrives, in order, and a repeat is one that was under way', async () => {
  const anyOutcome = fc.constantFrom<SendOutcome>(
    { kind: 'sent', detail: '' },
    { kind: 'sent', detail: '' },
    { kind: 'retry', error: 'away', mayHaveArrived: false },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 6 }),
      fc.array(anyOutcome, { maxLength: 60, size: 'max' }),
      async (crashes, outcomes) => {
        const answers = [...outcomes];
        const store = await openSqliteStore({ path: ':memory:' });
        const clock = createManualClock(startMs);
        const arrived: { readonly lane: string; readonly id: string }[] = [];
        let underWay = 0;
        const kind = defineNotifier({
          kind: 'list',
          summary: 'Keeps a list.',
          schema: z.strictObject({}),
          open: async () => ({
            send: async (notice) => {
              underWay += 1;
              const outcome = answers.shift() ?? { kind: 'sent', detail: '' };
              await turns(2);
              const [incident = '', , route = ''] = notice.id.split('.');
              if (outcome.kind === 'sent') arrived.push({ lane: `${incident} ${route}`, id: notice.id });
              underWay -= 1;
              return outcome;
            },
          }),
        });
        const start = async () => {
          const life = mortal(store);
          const counters = { notificationTried: () => undefined };
          const outbox = createOutbox({ store: life.store, clock, log: worldOf().world.log, counters, kinds: [kind] });
          await outbox.configure({
            notifiers: ['mail', 'hook'].map((id) => ({ id, kind: 'list', options: {} })),
            routes: ['mail', 'hook'].map((id) => ({
              id: asId(id),
              notifier: id,
              severities: [],
              zoneIds: [],
              unitIds: [],
              assetIds: [],
            })),
            assets: [],
            units: [],
            zones: [],
          });
          return { ...life, outbox };
        };
        await store.commit(batchOf({ outbox: records }));
        for (const afterTurns of crashes) {
          const { die } = await start();
          await turns(afterTurns);
          die();
          await turns(5);
          expect(underWay).toBe(0);
        }
        const { outbox } = await start();
        for (let look = 0; look < 400 && (await store.outboxNextAtMs()) !== null; look += 1) {
          await turns(20);
          clock.advance(60_000);
        }
        await outbox.close();

        const kept = (await Promise.all(['i1', 'i2', 'i3'].map((id) => store.outboxOf(asId(id))))).flat();
        expect(kept.map((one) => one.state)).toEqual(records.map(() => 'sent'));
        expect(new Set(arrived.map((one) => one.id))).toEqual(new Set(records.map((one) => one.id)));
        for (const lane of new Set(arrived.map((one) => one.lane))) {
          const order = arrived
            .filter((one) => one.lane === lane)
            .map((one) => noticesOfIncident.findIndex((notice) => one.id.includes(notice)));
          expect(order).toEqual([...order].sort());
          // Per crash at most one notice of a lane was under way.
          expect(order.length - noticesOfIncident.length).toBeLessThanOrEqual(crashes.length);
        }
        await store.close();
      },
    ),
    { numRuns: 40 },
  );
});
