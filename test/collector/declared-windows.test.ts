import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityParts } from '../../collector/src/engine/availability.ts';
import type { DeclaredMaintenance } from '../../collector/src/registry/declaration.ts';
import { windowsAsDeclared } from '../../collector/src/registry/declared-windows.ts';
import { recordWindows } from '../../collector/src/runtime/window-record.ts';
import type { Store, StoredMaintenance } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { asId } from '../../shared/src/ids.ts';
import { createManualClock } from '../support/manual-clock.ts';

const asset = (id: string) => asId<'asset'>(id);
const upgrade: DeclaredMaintenance = {
  ...{
    id: asId<'maintenance'>('upgrade'),
    fromMs: 1_000,
    toMs: 2_000,
    assetIds: [asset('web'), asset('db')],
    unitIds: [],
    zoneIds: [],
  },
  ...{ reason: 'R', approvedBy: 'W', approvedAtMs: 500 },
};
type Step = { readonly atMs: number; readonly windows: readonly DeclaredMaintenance[] };

/** The record after declarations, one after the other. */
const recordAfter = (steps: readonly Step[]): readonly StoredMaintenance[] => {
  const rows = new Map<string, StoredMaintenance>();
  steps.forEach(({ atMs, windows }, place) => {
    for (const row of windowsAsDeclared([...rows.values()], windows, { version: place + 1, appliedAtMs: atMs }))
      rows.set(row.id, row);
  });
  return [...rows.values()];
};

/** `id from-to`, with what makes it count for nothing. */
const told = (rows: readonly StoredMaintenance[]): readonly string[] =>
  rows.map((row) => {
    const toMs = Math.min(row.toMs, row.cancelledAtMs ?? row.toMs);
    if (toMs <= row.fromMs) return `${row.id} called off`;
    const isLate = Math.max(row.createdAtMs ?? 0, row.approvedAtMs) > row.fromMs;
    return `${row.id} ${row.fromMs}-${toMs}${isLate ? ' late' : ''}`;
  });

describe('the record of declared windows', () => {
  const at = (atMs: number, ...windows: readonly DeclaredMaintenance[]): Step => ({ atMs, windows });
  const cases: readonly { readonly why: string; readonly steps: readonly Step[]; readonly record: readonly string[] }[] = [
    { why: 'declared in time it counts', steps: [at(999, upgrade)], record: ['upgrade@1 1000-2000'] },
    { why: 'declared at its very beginning it counts', steps: [at(1_000, upgrade)], record: ['upgrade@1 1000-2000'] },
    { why: 'declared after its beginning it is late', steps: [at(1_001, upgrade)], record: ['upgrade@1 1000-2000 late'] },
    { why: 'declared after its end it is late', steps: [at(5_000, upgrade)], record: ['upgrade@1 1000-2000 late'] },
    {
      why: 'declared again as it was nothing changes, whatever the order of its assets',
      steps: [at(900, upgrade), at(1_500, { ...upgrade, assetIds: [asset('db'), asset('web')] }), at(9_000, upgrade)],
      record: ['upgrade@1 1000-2000'],
    },
    { why: 'dropped before it began it is called off', steps: [at(900, upgrade), at(950)], record: ['upgrade@1 called off'] },
    { why: 'dropped while it runs it ends then', steps: [at(900, upgrade), at(1_600)], record: ['upgrade@1 1000-1600'] },
    {
      why: 'dropped after its end it stays whole',
      steps: [at(900, upgrade), at(2_000), at(9_000)],
      record: ['upgrade@1 1000-2000'],
    },
    {
      why: 'put back after its end it is the one it was',
      steps: [at(900, upgrade), at(2_500), at(3_000, upgrade)],
      record: ['upgrade@1 1000-2000'],
    },
    {
      why: 'put back while it would run it is late, and counts until it was dropped',
      steps: [at(900, upgrade), at(1_600), at(1_700, upgrade)],
      record: ['upgrade@1 1000-1600', 'upgrade@3 1000-2000 late'],
    },
    {
      why: 'a late one that is dropped and put back stays late',
      steps: [at(3_000, upgrade), at(3_100), at(3_200, upgrade)],
      record: ['upgrade@1 1000-2000 late'],
    },
    {
      why: 'shortened before it began it is shorter',
      steps: [at(900, upgrade), at(950, { ...upgrade, toMs: 1_200 })],
      record: ['upgrade@1 1000-1200'],
    },
    {
      why: 'shortened while it runs it is shorter',
      steps: [at(900, upgrade), at(1_100, { ...upgrade, toMs: 1_800 })],
      record: ['upgrade@1 1000-1800'],
    },
    {
      why: 'shortened into the past it ends now, once',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, toMs: 1_200 }), at(1_700, { ...upgrade, toMs: 1_200 })],
      record: ['upgrade@1 1000-1600'],
    },
    {
      why: 'shortened after its end it stays whole',
      steps: [at(900, upgrade), at(2_500, { ...upgrade, toMs: 1_200 })],
      record: ['upgrade@1 1000-2000'],
    },
    {
      why: 'prolonged before it began it is a new one in time',
      steps: [at(900, upgrade), at(950, { ...upgrade, toMs: 3_000 })],
      record: ['upgrade@1 called off', 'upgrade@2 1000-3000'],
    },
    {
      why: 'prolonged while it runs, what was approved goes on to its end and the longer one is late',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, toMs: 3_000 }), at(1_700, { ...upgrade, toMs: 3_000 })],
      record: ['upgrade@1 1000-2000', 'upgrade@2 1000-3000 late'],
    },
    {
      why: 'prolonged after its end the longer one is late',
      steps: [at(900, upgrade), at(2_500, { ...upgrade, toMs: 3_000 })],
      record: ['upgrade@1 1000-2000', 'upgrade@2 1000-3000 late'],
    },
    {
      why: 'shortened and prolonged again while it runs it counts to the shorter end',
      steps: [at(900, upgrade), at(1_100, { ...upgrade, toMs: 1_500 }), at(1_200, upgrade)],
      record: ['upgrade@1 1000-1500', 'upgrade@3 1000-2000 late'],
    },
    {
      why: 'moved to an earlier beginning it is late, and the old one ends',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, fromMs: 800 })],
      record: ['upgrade@1 1000-1600', 'upgrade@2 800-2000 late'],
    },
    {
      why: 'moved into the past before it began it is late',
      steps: [at(900, upgrade), at(950, { ...upgrade, fromMs: 100 })],
      record: ['upgrade@1 called off', 'upgrade@2 100-2000 late'],
    },
    {
      why: 'with one asset more while it runs it is a new one, for all of them',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, assetIds: [...upgrade.assetIds, asset('mail')] })],
      record: ['upgrade@1 1000-1600', 'upgrade@2 1000-2000 late'],
    },
    {
      why: 'with a unit more before it began it is a new one in time',
      steps: [at(900, upgrade), at(950, { ...upgrade, unitIds: [asId<'unit'>('tax')] })],
      record: ['upgrade@1 called off', 'upgrade@2 1000-2000'],
    },
    {
      why: 'with another zone after its end it is late',
      steps: [at(900, upgrade), at(2_500, { ...upgrade, zoneIds: [asId<'zone'>('east')] })],
      record: ['upgrade@1 1000-2000', 'upgrade@2 1000-2000 late'],
    },
    {
      why: 'under another id it is a new one',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, id: asId<'maintenance'>('renamed') })],
      record: ['upgrade@1 1000-1600', 'renamed@2 1000-2000 late'],
    },
    {
      why: 'approved late in the file, no later file mends it once it began',
      steps: [at(900, { ...upgrade, approvedAtMs: 1_500 }), at(1_600, upgrade)],
      record: ['upgrade@1 1000-2000 late'],
    },
    {
      why: 'its approval may be put right before it began',
      steps: [at(900, { ...upgrade, approvedAtMs: 1_500 }), at(950, upgrade)],
      record: ['upgrade@1 1000-2000'],
    },
    {
      why: 'another reason while it runs takes nothing away',
      steps: [at(900, upgrade), at(1_600, { ...upgrade, reason: 'other', approvedAtMs: 1_600 })],
      record: ['upgrade@1 1000-2000'],
    },
  ];
  test.each(cases)('$why', ({ steps, record }) => {
    expect(told(recordAfter(steps))).toEqual(record);
  });

  test('no later declaration excludes a moment that was not excluded when it passed', () => {
    const isExcluded = (rows: readonly StoredMaintenance[], atMs: number): boolean =>
      told(rows).some((text) => {
        const [, fromMs, toMs] = /^\S+ (\d+)-(\d+)$/.exec(text) ?? [];
        return fromMs !== undefined && Number(fromMs) <= atMs && atMs < Number(toMs);
      });
    for (const { steps } of cases) {
      steps.forEach(({ atMs }, place) => {
        if (place === 0) return;
        const [before, after] = [recordAfter(steps.slice(0, place)), recordAfter(steps.slice(0, place + 1))];
        for (let momentMs = 0; momentMs < atMs; momentMs += 50)
          expect(isExcluded(after, momentMs)).toBe(isExcluded(before, momentMs));
      });
    }
  });

  test('windows planned through the API are no business of a declaration', () => {
    const { id, ...rest } = upgrade;
    const planned: StoredMaintenance = { ...rest, id, createdAtMs: 500, cancelledAtMs: null };
    expect(windowsAsDeclared([planned], [], { version: 2, appliedAtMs: 1_500 })).toEqual([]);
  });
});

describe('the record in the store', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openSqliteStore({ path: ':memory:', clock: createManualClock(0) });
  });
  afterEach(() => store.close());

  const log = Fastify({ logger: false }).log;
  const iso = (atMs: number): string => new Date(atMs).toISOString();
  const hourMs = 3_600_000;
  /** A declaration with a window from 10 h to 12 h, approved at 0 h. */
  const text = (toMs = 12 * hourMs): string => `
zones: [{ id: east, name: East, crew: Crew }]
units: [{ id: tax, name: Tax, zone: east }]
assets: [{ id: web, name: Web, kind: website, unit: tax }]
maintenance:
  - { id: upgrade, from: "${iso(10 * hourMs)}", to: "${iso(toMs)}", assets: [web], reason: R, approvedBy: W, approvedAt: "${iso(0)}" }
`;
  const declare = (atMs: number, yaml: string) =>
    store.saveDeclaration({ appliedAtMs: atMs, appliedBy: 'file', source: 'a.yaml', text: yaml });
  const record = () => recordWindows(store, log, { notifierSchemas: new Map() });

  test('a database from before there was a record has it from its versions, each at its time', async () => {
    await declare(9 * hourMs, text());
    await declare(11 * hourMs, text(14 * hourMs));
    await declare(20 * hourMs, '{}');
    await record();
    expect(told(await store.maintenance())).toEqual([
      `upgrade@1 ${10 * hourMs}-${12 * hourMs}`,
      `upgrade@2 ${10 * hourMs}-${14 * hourMs} late`,
    ]);
  });

  test('what was declared before a crash counts from then, and recording again changes nothing', async () => {
    await declare(9 * hourMs, text());
    await record();
    const before = await store.maintenance();
    await record();
    // A crash came between the windows of a version and the note that they are recorded.
    await store.saveSetting('windowsOfVersion', '0');
    await record();
    expect(await store.maintenance()).toEqual(before);
    expect(before).toMatchObject([{ id: 'upgrade@1', declaredAs: 'upgrade', createdAtMs: 9 * hourMs, cancelledAtMs: null }]);
  });

  test('a version that this program refuses changes no window', async () => {
    await declare(9 * hourMs, text());
    await declare(11 * hourMs, 'unknownKey: 1');
    await declare(11.5 * hourMs, text());
    await record();
    expect(told(await store.maintenance())).toEqual([`upgrade@1 ${10 * hourMs}-${12 * hourMs}`]);
    expect(await store.setting('windowsOfVersion')).toBe('3');
  });

  test('a window stored before creation was recorded loads and counts from its approval', async () => {
    const planned: StoredMaintenance = {
      ...{ id: asId<'maintenance'>('m-1'), fromMs: 100, toMs: 200, assetIds: [asset('web')], unitIds: [], zoneIds: [] },
      ...{ reason: 'R', approvedBy: 'W', approvedAtMs: 50, cancelledAtMs: null },
    };
    await store.saveMaintenance([planned]);
    await record();
    expect(await store.maintenance()).toEqual([planned]);
    expect(
      availabilityParts([{ fromMs: 0, toMs: null, status: 'down' }], [planned], { fromMs: 0, toMs: 300 }, 300),
    ).toMatchObject({
      ...{ downMs: 200, maintenanceMs: 100 },
    });
  });
});
