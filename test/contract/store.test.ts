import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asId } from '@jiwei/shared/ids.ts';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Span, SpanPatch, Subject } from '../../collector/src/engine/effect.ts';
import type { Page, PageRequest, Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import {
  agentA,
  agentB,
  agentOf,
  batchOf,
  entryOf,
  frameOf,
  incidentOf,
  outboxOf,
  resultOf,
  tokenOf,
  webAsset,
  webCheck,
  webSubject,
} from '../support/store-samples.ts';

/** Every implementation of the port passes this suite; a new one is one more line. */
const implementations: readonly { readonly name: string; readonly open: (folder: string) => Promise<Store> }[] = [
  { name: 'SQLite file', open: (folder) => openSqliteStore({ path: join(folder, 'jiwei.db') }) },
  { name: 'SQLite memory', open: () => openSqliteStore({ path: ':memory:' }) },
];

const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const span = (fromMs: number, status: Span['status'], reason: Span['reason'] = null): Span => ({
  fromMs,
  status,
  reason,
  attributedTo: null,
});
const patch = (spans: readonly [Span, ...Span[]], isCorrection = false, subject: Subject = webSubject): SpanPatch => ({
  kind: 'spans',
  subject,
  fromMs: spans[0].fromMs,
  spans,
  isCorrection,
});

const readAll = async <T>(read: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<readonly T[]> => {
  const items: T[] = [];
  for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
    const page: Page<T> = await read({ limit, cursor });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
};

for (const { name, open } of implementations) {
  describe(`store contract: ${name}`, () => {
    let folder = '';
    let store: Store;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'store-'));
      store = await open(folder);
    });
    afterEach(async () => {
      await store.close();
      await rm(folder, { recursive: true });
    });

    describe('a commit', () => {
      test('of nothing changes nothing', async () => {
        await store.commit(batchOf());
        expect(await store.positions()).toEqual([]);
        expect(await store.latestFrames()).toEqual([]);
        expect(await store.entities()).toEqual([]);
      });

      test('that fails half-way has changed nothing, and the store works on', async () => {
        const entry = entryOf();
        const broken = batchOf({
          frames: [frameOf()],
          results: [resultOf()],
          positions: [{ agentId: agentA, bootId: 1, seq: 0 }],
          incidents: [incidentOf()],
          timeline: [entry, entry],
        });
        await expect(store.commit(broken)).rejects.toThrow(/timeline/);
        expect(await store.latestFrames()).toEqual([]);
        expect(await store.latestResults()).toEqual([]);
        expect(await store.positions()).toEqual([]);
        expect(await store.incident(incidentOf().id)).toBeNull();
        await store.commit(batchOf({ frames: [frameOf()] }));
        expect(await store.latestFrames()).toEqual([frameOf()]);
      });

      test('refuses a value that the database would store as something else', async () => {
        await expect(store.commit(batchOf({ results: [resultOf({ latencyMs: Number.NaN })] }))).rejects.toThrow(/NaN/);
        expect(await store.latestResults()).toEqual([]);
      });

      test('waits its turn beside other writes', async () => {
        const writes = Array.from({ length: 20 }, (_, seq) => [
          store.commit(batchOf({ frames: [frameOf({ seq })] })),
          store.saveDeclaration({ appliedAtMs: seq, appliedBy: 'ops', source: 'file', text: 'x' }),
        ]);
        await Promise.all(writes.flat());
        expect(await store.frames(agentA, everything, 100)).toHaveLength(20);
        expect((await store.declaration())?.version).toBe(20);
      });
    });

    describe('frames', () => {
      test('come back as they were, bytes and offset included', async () => {
        const frame = frameOf({ clockOffsetMs: -7_250, body: Uint8Array.from({ length: 300 }, (_, index) => index % 256) });
        await store.commit(batchOf({ frames: [frame, frameOf({ agentId: agentB })] }));
        expect(await store.frames(agentA, everything, 10)).toEqual([frame]);
      });

      test('that repeat change nothing', async () => {
        await store.commit(batchOf({ frames: [frameOf()] }));
        await store.commit(batchOf({ frames: [frameOf({ body: new Uint8Array([9]) })] }));
        expect(await store.frames(agentA, everything, 10)).toEqual([frameOf()]);
      });

      const cases: readonly { why: string; fromMs: number; toMs: number; seqs: readonly number[] }[] = [
        { why: 'a range before all', fromMs: 0, toMs: 1_000, seqs: [] },
        { why: 'the first instant of a frame is in', fromMs: 0, toMs: 1_001, seqs: [0] },
        { why: 'the last instant of a frame is in', fromMs: 2_000, toMs: 2_001, seqs: [0] },
        { why: 'one instant past it is not', fromMs: 2_001, toMs: 3_000, seqs: [] },
        { why: 'a range inside a long frame', fromMs: 50_000, toMs: 50_001, seqs: [1] },
        { why: 'a range over all, ascending', fromMs: 0, toMs: 1_000_000, seqs: [0, 1, 2] },
      ];
      test.each(cases)('are found by range: $why', async ({ fromMs, toMs, seqs }) => {
        await store.commit(
          batchOf({
            frames: [
              frameOf({ seq: 2, firstAtMs: 101_000, lastAtMs: 101_000 }),
              frameOf({ seq: 0, firstAtMs: 1_000, lastAtMs: 2_000 }),
              frameOf({ seq: 1, firstAtMs: 3_000, lastAtMs: 100_000 }),
            ],
          }),
        );
        expect((await store.frames(agentA, { fromMs, toMs }, 10)).map((frame) => frame.seq)).toEqual(seqs);
      });

      test('are cut to the number asked for, earliest first', async () => {
        await store.commit(
          batchOf({ frames: [0, 1, 2].map((seq) => frameOf({ seq, firstAtMs: seq * 10, lastAtMs: seq * 10 })) }),
        );
        expect((await store.frames(agentA, everything, 2)).map((frame) => frame.seq)).toEqual([0, 1]);
      });

      test('the newest of each agent is the one with the highest boot and number, however it came', async () => {
        await store.commit(batchOf({ frames: [frameOf({ bootId: 2, seq: 5 }), frameOf({ bootId: 2, seq: 4 })] }));
        await store.commit(
          batchOf({ frames: [frameOf({ bootId: 1, seq: 99 }), frameOf({ agentId: agentB, bootId: 7, seq: 1 })] }),
        );
        const latest = await store.latestFrames();
        expect(latest.map(({ agentId, bootId, seq }) => ({ agentId, bootId, seq }))).toEqual([
          { agentId: agentA, bootId: 2, seq: 5 },
          { agentId: agentB, bootId: 7, seq: 1 },
        ]);
      });

      test('positions move forward only', async () => {
        await store.commit(batchOf({ positions: [{ agentId: agentA, bootId: 2, seq: 3 }] }));
        await store.commit(batchOf({ positions: [{ agentId: agentA, bootId: 2, seq: 2 }] }));
        await store.commit(batchOf({ positions: [{ agentId: agentA, bootId: 1, seq: 9 }] }));
        expect(await store.positions()).toEqual([{ agentId: agentA, bootId: 2, seq: 3 }]);
        await store.commit(batchOf({ positions: [{ agentId: agentA, bootId: 3, seq: 0 }] }));
        expect(await store.positions()).toEqual([{ agentId: agentA, bootId: 3, seq: 0 }]);
      });

      test('dictionaries belong to a boot; sent again, the last bytes count', async () => {
        const part = (bootId: number, firstIndex: number, byte: number) => ({
          agentId: agentA,
          bootId,
          firstIndex,
          bytes: new Uint8Array([byte]),
        });
        await store.commit(batchOf({ dictionaries: [part(1, 10, 1), part(1, 0, 2), part(2, 0, 3)] }));
        await store.commit(batchOf({ dictionaries: [part(1, 0, 4)] }));
        expect(await store.dictionaries(agentA, 1)).toEqual([part(1, 0, 4), part(1, 10, 1)]);
      });

      test('gaps and inventories are kept', async () => {
        const gap = { fromMs: 100, toMs: 200, frames: 3, bytes: 40, cause: 'spool-full' as const };
        const body = { sections: { os: [{ name: '麒麟', cores: 4, virtual: true, serial: null }] } };
        await store.commit(
          batchOf({
            gaps: [{ ...gap, agentId: agentA, receivedAtMs: 300 }],
            inventories: [{ agentId: agentA, atMs: 1, body: { sections: {} } }],
          }),
        );
        await store.commit(batchOf({ inventories: [{ agentId: agentA, atMs: 2, body }] }));
        expect(await store.gaps(agentA, { fromMs: 150, toMs: 160 })).toEqual([gap]);
        expect(await store.gaps(agentA, { fromMs: 201, toMs: 300 })).toEqual([]);
        expect(await store.gaps(agentB, everything)).toEqual([]);
        expect(await store.inventory(agentA)).toEqual({ atMs: 2, body });
        expect(await store.inventory(agentB)).toBeNull();
      });
    });

    describe('results', () => {
      test('come back as they were, with and without the optional parts', async () => {
        const full = resultOf({
          observedAtMs: 2_000,
          outcome: 'down',
          reason: 'TIMEOUT',
          latencyMs: null,
          run: { ofDown: 2, ofUp: 0 },
          method: 'fping',
          detail: '超时',
          values: { 'probe_http_duration_seconds{phase="tls"}': 0.125 },
        });
        await store.commit(batchOf({ results: [resultOf(), full] }));
        expect((await store.results(webCheck, everything, { limit: 10, cursor: null })).items).toEqual([full, resultOf()]);
      });

      test('whatever an agent may say is taken: a latency beyond all measure, text with a zero in it', async () => {
        await store.commit(batchOf({ results: [resultOf({ latencyMs: 1e300, detail: 'a\0b\u{1f600}' })] }));
        const [found] = await store.latestResults();
        expect(found).toMatchObject({ latencyMs: Number.MAX_SAFE_INTEGER, detail: 'a\0b\u{1f600}' });
      });

      test('every one is kept, a range is half-open', async () => {
        const results = Array.from({ length: 150 }, (_, index) => resultOf({ observedAtMs: index }));
        await store.commit(batchOf({ results }));
        const all = await readAll((page) => store.results(webCheck, everything, page), 40);
        expect(all.map((result) => result.observedAtMs)).toEqual(results.map((result) => result.observedAtMs).reverse());
        const some = await store.results(webCheck, { fromMs: 10, toMs: 12 }, { limit: 10, cursor: null });
        expect(some.items.map((result) => result.observedAtMs)).toEqual([11, 10]);
      });

      test('pages stay in step while newer ones come in, also within one millisecond', async () => {
        const agents = [agentA, agentB, asId<'agent'>('agent-c')];
        await store.commit(batchOf({ results: agents.map((agentId) => resultOf({ agentId, observedAtMs: 5 })) }));
        const first = await store.results(webCheck, everything, { limit: 2, cursor: null });
        await store.commit(batchOf({ results: [resultOf({ observedAtMs: 6 }), resultOf({ observedAtMs: 5, detail: 'new' })] }));
        const second = await store.results(webCheck, everything, { limit: 2, cursor: first.next });
        expect([...first.items, ...second.items].map((result) => result.agentId).sort()).toEqual(agents);
        expect(second.next).toBeNull();
      });

      test('the newest of each check and agent is known, late data notwithstanding', async () => {
        await store.commit(batchOf({ results: [resultOf({ observedAtMs: 9 }), resultOf({ agentId: agentB, observedAtMs: 3 })] }));
        await store.commit(
          batchOf({ results: [resultOf({ observedAtMs: 4 }), resultOf({ agentId: agentB, observedAtMs: 3, detail: 'last' })] }),
        );
        const latest = await store.latestResults();
        expect(latest.map(({ agentId, observedAtMs, detail }) => [agentId, observedAtMs, detail])).toEqual([
          [agentA, 9, undefined],
          [agentB, 3, 'last'],
        ]);
      });

      test.each([
        ['nonsense', '%%%'],
        ['a cursor of another list', Buffer.from('["x"]').toString('base64url')],
      ])('refuse %s as a cursor', async (_what, cursor) => {
        await expect(store.results(webCheck, everything, { limit: 10, cursor })).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
        });
      });
    });

    describe('spans', () => {
      const recorded = async (subject: Subject = webSubject) =>
        (await store.spans([subject], everything)).map(({ fromMs, toMs, status, reason }) => [fromMs, toMs, status, reason]);

      test('a live change ends the present span and begins one', async () => {
        await store.commit(batchOf({ spans: [patch([span(0, 'unknown')])] }));
        await store.commit(batchOf({ spans: [patch([span(10, 'up')]), patch([span(20, 'down', 'TIMEOUT')])] }));
        expect(await recorded()).toEqual([
          [0, 10, 'unknown', null],
          [10, 20, 'up', null],
          [20, null, 'down', 'TIMEOUT'],
        ]);
        expect((await store.corrections(null, { limit: 10, cursor: null })).items).toEqual([]);
      });

      test('a correction replaces what was, and says what it changed and where', async () => {
        await store.commit(
          batchOf({ spans: [patch([span(0, 'up'), span(100, 'unknown'), span(200, 'up'), span(300, 'down')])] }),
        );
        await store.commit(
          batchOf({
            atMs: 400,
            spans: [patch([span(100, 'up'), span(150, 'degraded'), span(160, 'up'), span(300, 'down')], true)],
          }),
        );
        expect(await recorded()).toEqual([
          [0, 150, 'up', null],
          [150, 160, 'degraded', null],
          [160, 300, 'up', null],
          [300, null, 'down', null],
        ]);
        expect((await store.corrections(webSubject, { limit: 10, cursor: null })).items).toEqual([
          {
            subject: webSubject,
            atMs: 400,
            range: { fromMs: 100, toMs: 200 },
            before: [span(100, 'unknown')],
            after: [span(100, 'up'), span(150, 'degraded'), span(160, 'up')],
          },
        ]);
      });

      test('a correction up to now ends now; one that changes nothing leaves no trace', async () => {
        await store.commit(batchOf({ spans: [patch([span(0, 'up')])] }));
        await store.commit(batchOf({ atMs: 90, spans: [patch([span(50, 'up')], true)] }));
        await store.commit(batchOf({ atMs: 100, spans: [patch([span(50, 'down')], true)] }));
        expect((await store.corrections(null, { limit: 10, cursor: null })).items).toEqual([
          {
            subject: webSubject,
            atMs: 100,
            range: { fromMs: 50, toMs: 100 },
            before: [span(50, 'up')],
            after: [span(50, 'down')],
          },
        ]);
      });

      test('corrections are paged, newest first, of one subject or of all', async () => {
        const other: Subject = { kind: 'asset', id: webAsset };
        await store.commit(batchOf({ spans: [patch([span(0, 'up')]), patch([span(0, 'up')], false, other)] }));
        for (const atMs of [10, 20, 30]) {
          const status = atMs === 20 ? 'up' : 'down';
          await store.commit(batchOf({ atMs, spans: [patch([span(5, status)], true), patch([span(5, status)], true, other)] }));
        }
        const all = await readAll((page) => store.corrections(null, page), 2);
        expect(all.map((correction) => correction.atMs)).toEqual([30, 30, 20, 20, 10, 10]);
        const some = await readAll((page) => store.corrections(other, page), 2);
        expect(some.map((correction) => correction.subject)).toEqual([other, other, other]);
      });

      test('are found whole by subject and range, and since an instant', async () => {
        const asset: Subject = { kind: 'asset', id: webAsset };
        await store.commit(
          batchOf({
            spans: [
              patch([span(0, 'up'), span(10, 'down'), span(20, 'up')]),
              patch([{ ...span(5, 'down'), attributedTo: webAsset }], false, asset),
            ],
          }),
        );
        const found = await store.spans([webSubject, asset], { fromMs: 10, toMs: 20 });
        expect(found.map(({ subject, fromMs, toMs }) => [subject.kind, fromMs, toMs])).toEqual([
          ['asset', 5, null],
          ['check', 10, 20],
        ]);
        expect(found[0]?.attributedTo).toBe(webAsset);
        expect((await store.spans([webSubject], { fromMs: 9, toMs: 10 })).map((one) => one.fromMs)).toEqual([0]);
        expect((await store.spansSince(20)).map(({ subject, fromMs }) => [subject.kind, fromMs])).toEqual([
          ['asset', 5],
          ['check', 20],
        ]);
      });

      test('a patch out of order is a bug and changes nothing', async () => {
        await expect(store.commit(batchOf({ spans: [patch([span(10, 'up'), span(10, 'down')])] }))).rejects.toThrow(/ascend/);
        expect(await recorded()).toEqual([]);
      });

      test('of any patches: never overlap, have no holes, end open, and equal a list in memory', async () => {
        const statuses = ['up', 'down', 'degraded', 'unknown'] as const;
        const anyPatch = fc.record({
          subject: fc.constantFrom<Subject>(webSubject, { kind: 'asset', id: webAsset }),
          gaps: fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.constantFrom(...statuses)), { minLength: 1, maxLength: 8 }),
          startMs: fc.integer({ min: 0, max: 200 }),
          isCorrection: fc.boolean(),
        });
        let run = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(anyPatch, { maxLength: 20, size: 'max' }), async (patches) => {
            run += 1;
            // Fresh subjects for each run: one database serves all of them.
            const model = new Map<string, readonly Span[]>();
            for (const { subject, gaps, startMs, isCorrection } of patches) {
              const own: Subject = { kind: 'lane', id: `${run}-${subject.kind}` };
              let atMs = startMs;
              const spans = gaps.map(([gapMs, status], index) => {
                if (index > 0) atMs += gapMs;
                return span(atMs, status);
              });
              await store.commit(
                batchOf({ atMs: 1_000, spans: [{ kind: 'spans', subject: own, fromMs: startMs, spans, isCorrection }] }),
              );
              model.set(own.id, [...(model.get(own.id) ?? []).filter((one) => one.fromMs < startMs), ...spans]);
            }
            for (const [id, expected] of model) {
              const found = await store.spans([{ kind: 'lane', id }], everything);
              expect(found.map((one) => one.toMs)).toEqual([...found.slice(1).map((one) => one.fromMs), null]);
              const joined = expected.filter((one, index) => expected[index - 1]?.status !== one.status);
              expect(found.map(({ fromMs, status }) => ({ fromMs, status }))).toEqual(
                joined.map(({ fromMs, status }) => ({ fromMs, status })),
              );
            }
          }),
          { numRuns: 60 },
        );
      });
    });

    describe('entities and settings', () => {
      test('an entity is replaced, forgotten by null, and any JSON value survives', async () => {
        await store.commit(
          batchOf({
            entities: [
              { entity: 'lane', id: 'b', value: { at: 2 ** 53 - 1, text: '甲\n"', list: [1.5, null, false] } },
              { entity: 'lane', id: 'a', value: 0 },
              { entity: 'asset', id: 'a', value: 'x' },
            ],
          }),
        );
        await store.commit(
          batchOf({
            entities: [
              { entity: 'lane', id: 'a', value: { n: 2 } },
              { entity: 'asset', id: 'a', value: null },
              { entity: 'lane', id: 'c', value: 1 },
              { entity: 'lane', id: 'c', value: null },
            ],
          }),
        );
        expect(await store.entities()).toEqual([
          { entity: 'lane', id: 'a', value: { n: 2 } },
          { entity: 'lane', id: 'b', value: { at: 2 ** 53 - 1, text: '甲\n"', list: [1.5, null, false] } },
        ]);
      });

      test('a setting is absent, then what was last said', async () => {
        expect(await store.setting('collectorId')).toBeNull();
        await store.saveSetting('collectorId', 'a');
        await store.saveSetting('collectorId', 'b');
        expect(await store.setting('collectorId')).toBe('b');
      });
    });

    describe('incidents', () => {
      const id = (text: string) => asId<'incident'>(text);

      test('the last state counts, and the timeline grows', async () => {
        await store.commit(batchOf({ incidents: [incidentOf()], timeline: [entryOf()] }));
        const resolved = incidentOf({ state: 'resolved', resolvedAtMs: 9_000, faultToMs: 8_000 });
        const entry = entryOf({ number: 2, kind: 'resolved', atMs: 9_000 });
        await store.commit(batchOf({ incidents: [resolved], timeline: [entry] }));
        expect(await store.incident(id('inc-1'))).toEqual(resolved);
        expect(await store.timeline(id('inc-1'))).toEqual([entryOf(), entry]);
        expect(await store.incident(id('none'))).toBeNull();
        expect(await store.timeline(id('none'))).toEqual([]);
      });

      const many = Array.from({ length: 12 }, (_, index) =>
        incidentOf({
          id: id(`i-${String(index).padStart(2, '0')}`),
          openedAtMs: 1_000 + Math.floor(index / 3),
          state: index % 2 === 0 ? 'open' : 'resolved',
          severity: index % 3 === 0 ? 'critical' : 'minor',
          assetId: index === 5 ? asId<'asset'>('other') : webAsset,
          unitId: index === 6 ? null : asId<'unit'>('tax'),
          zoneId: asId<'zone'>(index < 4 ? 'west' : 'east'),
        }),
      );
      test('are listed newest first, page by page, stable while new ones come', async () => {
        await store.commit(batchOf({ incidents: many }));
        const first = await store.incidents({}, { limit: 5, cursor: null });
        await store.commit(batchOf({ incidents: [incidentOf({ id: id('new'), openedAtMs: 9_999 })] }));
        const rest = await readAll((page) => store.incidents({}, { ...page, cursor: page.cursor ?? first.next }), 5);
        expect([...first.items, ...rest].map((incident) => incident.id)).toEqual(many.map((incident) => incident.id).reverse());
      });

      const filters: readonly { why: string; filter: Parameters<Store['incidents']>[0]; numbers: readonly number[] }[] = [
        { why: 'by state', filter: { states: ['open'] }, numbers: [10, 8, 6, 4, 2, 0] },
        { why: 'by several states', filter: { states: ['acknowledged', 'resolved'] }, numbers: [11, 9, 7, 5, 3, 1] },
        { why: 'by no state at all', filter: { states: [] }, numbers: [] },
        { why: 'by severity', filter: { severities: ['critical'] }, numbers: [9, 6, 3, 0] },
        { why: 'by asset', filter: { assetId: asId<'asset'>('other') }, numbers: [5] },
        { why: 'by unit', filter: { unitId: asId<'unit'>('none') }, numbers: [] },
        { why: 'by zone', filter: { zoneId: asId<'zone'>('west') }, numbers: [3, 2, 1, 0] },
        { why: 'by opening, half-open', filter: { opened: { fromMs: 1_001, toMs: 1_002 } }, numbers: [5, 4, 3] },
        {
          why: 'by all at once',
          filter: { states: ['open'], severities: ['critical'], zoneId: asId<'zone'>('east') },
          numbers: [6],
        },
      ];
      test.each(filters)('are filtered $why', async ({ filter, numbers }) => {
        await store.commit(batchOf({ incidents: many }));
        const found = await store.incidents(filter, { limit: 100, cursor: null });
        expect(found.items.map((incident) => incident.id)).toEqual(numbers.map((number) => many[number]?.id));
      });
    });

    describe('the outbox', () => {
      const waiting = (name: string, nextTryAtMs: number, route = 'duty') =>
        outboxOf({ id: asId<'notification'>(name), nextTryAtMs, routeId: asId<'route'>(route) });

      test('gives what is due in the order it came in, and when the next one is', async () => {
        expect(await store.outboxNextAtMs()).toBeNull();
        await store.commit(batchOf({ outbox: [waiting('z', 200), waiting('a', 100), waiting('b', 300)] }));
        expect((await store.outboxDue(200, 10)).map((record) => record.id)).toEqual(['z', 'a']);
        expect((await store.outboxDue(200, 1)).map((record) => record.id)).toEqual(['z']);
        expect(await store.outboxDue(99, 10)).toEqual([]);
        expect(await store.outboxNextAtMs()).toBe(100);
      });

      test('leaves out routes that are full', async () => {
        await store.commit(batchOf({ outbox: [waiting('a', 1, 'slow'), waiting('b', 1), waiting('c', 1, 'stuck')] }));
        const due = await store.outboxDue(1, 10, [asId<'route'>('slow'), asId<'route'>('stuck')]);
        expect(due.map((record) => record.id)).toEqual(['b']);
      });

      test('takes a notification once, whatever it says the second time', async () => {
        await store.commit(batchOf({ outbox: [outboxOf()] }));
        const sent = outboxOf({ state: 'sent', tries: 1, finishedAtMs: 4_000 });
        await store.saveOutbox(sent);
        await store.commit(batchOf({ outbox: [outboxOf()] }));
        expect(await store.outboxOf(outboxOf().incidentId)).toEqual([sent]);
        expect(await store.outboxDue(9_999_999, 10)).toEqual([]);
        expect(await store.outboxNextAtMs()).toBeNull();
      });

      test('keeps the state of tries, and nothing else is changed by saving', async () => {
        await store.commit(batchOf({ outbox: [outboxOf()] }));
        const tried = { tries: 2, mayHaveArrived: true, nextTryAtMs: 99_000, lastError: '连接被拒绝' };
        await store.saveOutbox(outboxOf({ ...tried, createdAtMs: 1, notice: 'resolved' }));
        expect(await store.outboxOf(outboxOf().incidentId)).toEqual([outboxOf(tried)]);
        await expect(store.saveOutbox(waiting('none', 1))).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });
    });

    describe('notifications that are dropped', () => {
      const named = (name: string, part = {}) => outboxOf({ id: asId<'notification'>(name), ...part });

      test('are finished at the instant of the batch, and no longer due', async () => {
        await store.commit(batchOf({ outbox: [named('a'), named('b', { tries: 2, lastError: '连接被拒绝' }), named('c')] }));
        await store.commit(batchOf({ atMs: 9_000, outboxDrops: [asId('a'), asId('b')] }));
        const dropped = { state: 'dropped', finishedAtMs: 9_000 } as const;
        expect(await store.outboxOf(outboxOf().incidentId)).toEqual([
          named('a', dropped),
          named('b', { tries: 2, lastError: '连接被拒绝', ...dropped }),
          named('c'),
        ]);
        expect((await store.outboxDue(9_999, 10)).map(({ id }) => id)).toEqual(['c']);
      });

      test('are only those that wait; the rest stays as it is', async () => {
        const sent = named('a', { state: 'sent', tries: 1, mayHaveArrived: true, finishedAtMs: 4_000 });
        await store.commit(batchOf({ outbox: [sent] }));
        await store.commit(batchOf({ atMs: 9_000, outboxDrops: [asId('a'), asId('none')] }));
        expect(await store.outboxOf(outboxOf().incidentId)).toEqual([sent]);
      });

      test('may come and go in one batch, and are not taken in again', async () => {
        await store.commit(batchOf({ atMs: 9_000, outbox: [named('a')], outboxDrops: [asId('a')] }));
        await store.commit(batchOf({ outbox: [named('a')] }));
        expect(await store.outboxOf(outboxOf().incidentId)).toMatchObject([{ state: 'dropped', finishedAtMs: 9_000 }]);
      });
    });

    describe('agents', () => {
      test('are replaced by id; a key belongs to one of them', async () => {
        await store.saveAgent(agentOf());
        const moved = agentOf({ lastAddress: '10.0.0.7', lastSeenAtMs: 2_000 });
        await store.saveAgent(moved);
        await expect(store.saveAgent(agentOf({ id: agentB }))).rejects.toMatchObject({ code: 'CONFLICT' });
        expect(await store.agents()).toEqual([moved]);
      });

      test('a join token registers as many agents as it has uses', async () => {
        await store.saveJoinToken(tokenOf({ usesLeft: 2 }));
        const enrol = (id: string) =>
          store.enrol('hash-1', 4_999, (token) =>
            agentOf({ id: asId<'agent'>(id), publicKey: `key-${id}`, labels: token.labels }),
          );
        const [one, two, three] = await Promise.all([enrol('a'), enrol('b'), enrol('c')]);
        expect([one?.id, two?.id, three]).toEqual(['a', 'b', null]);
        expect((await store.agents()).map((agent) => agent.labels)).toEqual([{ room: '一' }, { room: '一' }]);
      });

      test.each([
        { why: 'unknown', hash: 'other', atMs: 1_000 },
        { why: 'expired, from its very instant on', hash: 'hash-1', atMs: 5_000 },
      ])('a token that is $why registers nobody', async ({ hash, atMs }) => {
        await store.saveJoinToken(tokenOf());
        expect(await store.enrol(hash, atMs, () => agentOf())).toBeNull();
        expect(await store.agents()).toEqual([]);
      });

      test('an enrolment that fails leaves the use', async () => {
        await store.saveAgent(agentOf());
        await store.saveJoinToken(tokenOf());
        const sameId = () => agentOf({ publicKey: 'key-b' });
        await expect(store.enrol('hash-1', 2_000, sameId)).rejects.toMatchObject({ code: 'CONFLICT' });
        const sameKey = () => agentOf({ id: agentB });
        await expect(store.enrol('hash-1', 2_000, sameKey)).rejects.toMatchObject({ code: 'CONFLICT' });
        const other = await store.enrol('hash-1', 2_000, () => agentOf({ id: agentB, publicKey: 'key-b' }));
        expect(other?.id).toBe(agentB);
      });
    });

    describe('declarations and maintenance', () => {
      test('versions count from 1; the last one is in force; the list has no text', async () => {
        expect(await store.declaration()).toBeNull();
        const say = (text: string) => store.saveDeclaration({ appliedAtMs: 5, appliedBy: 'ops', source: 'a.yaml', text });
        expect((await say('一: 1\n')).version).toBe(1);
        expect(await say('two')).toEqual({ version: 2, appliedAtMs: 5, appliedBy: 'ops', source: 'a.yaml', text: 'two' });
        await say('three');
        expect(await store.declaration()).toMatchObject({ version: 3, text: 'three' });
        expect(await store.declaration(1)).toMatchObject({ version: 1, text: '一: 1\n' });
        expect(await store.declaration(4)).toBeNull();
        const list = await readAll((page) => store.declarations(page), 2);
        expect(list.map((version) => version.version)).toEqual([3, 2, 1]);
        expect(list[0]).not.toHaveProperty('text');
      });

      test('a maintenance window is kept and may be called off', async () => {
        const window = {
          id: asId<'maintenance'>('m1'),
          fromMs: 10,
          toMs: 20,
          assetIds: [webAsset],
          unitIds: [],
          zoneIds: [asId<'zone'>('east')],
          reason: '割接',
          approvedBy: '王',
          approvedAtMs: 5,
          cancelledAtMs: null,
        };
        await store.saveMaintenance([window]);
        await store.saveMaintenance([{ ...window, cancelledAtMs: 15 }]);
        expect(await store.maintenance()).toEqual([{ ...window, cancelledAtMs: 15 }]);
        const id = asId<'maintenance'>('m2@7');
        const declared = { ...window, id, fromMs: 12, declaredAs: asId<'maintenance'>('m2'), createdAtMs: 9 };
        await store.saveMaintenance([declared, window]);
        await store.saveMaintenance([]);
        expect(await store.maintenance()).toEqual([window, declared]);
      });
    });

    describe('retention', () => {
      const fill = () =>
        store.commit(
          batchOf({
            frames: [0, 1, 2].map((seq) => frameOf({ seq, firstAtMs: seq * 100, lastAtMs: seq * 100 + 50 })),
            dictionaries: [
              { agentId: agentA, bootId: 0, firstIndex: 0, bytes: new Uint8Array([1]) },
              { agentId: agentA, bootId: 1, firstIndex: 0, bytes: new Uint8Array([1]) },
            ],
            positions: [{ agentId: agentA, bootId: 1, seq: 2 }],
            results: [50, 150, 250].map((observedAtMs) => resultOf({ observedAtMs })),
            spans: [patch([span(0, 'up'), span(100, 'down'), span(200, 'up')])],
            incidents: [
              incidentOf({ id: asId<'incident'>('old'), openedAtMs: 10, state: 'resolved', resolvedAtMs: 20 }),
              incidentOf({ id: asId<'incident'>('open'), openedAtMs: 10 }),
            ],
            timeline: [entryOf({ incidentId: asId<'incident'>('old') })],
            outbox: [
              outboxOf({ state: 'sent', finishedAtMs: 30 }),
              ...[
                // Both of an incident that goes on, and both of one that is over and whose end was not told yet.
                { id: 'open-sent', incidentId: 'open', state: 'sent' as const, finishedAtMs: 30 },
                { id: 'over-sent', incidentId: 'gone', state: 'sent' as const, finishedAtMs: 30 },
                { id: 'over-waiting', incidentId: 'gone', nextTryAtMs: 1 },
              ].map(({ id, incidentId, ...rest }) =>
                outboxOf({ id: asId<'notification'>(id), incidentId: asId<'incident'>(incidentId), createdAtMs: 1, ...rest }),
              ),
            ],
          }),
        );

      test('deletes what is over before the limits, and keeps what reaches past them', async () => {
        await fill();
        const deleted = await store.retain({ framesBeforeMs: 150, historyBeforeMs: 150 }, 1_000);
        expect(deleted).toMatchObject({ frame: 1, dictionary: 1, result: 1, span: 1, incident: 1, outbox: 1 });
        expect((await store.frames(agentA, everything, 10)).map((frame) => frame.seq)).toEqual([1, 2]);
        expect(await store.dictionaries(agentA, 0)).toEqual([]);
        expect(await store.dictionaries(agentA, 1)).toHaveLength(1);
        expect((await store.spans([webSubject], everything)).map((one) => one.fromMs)).toEqual([100, 200]);
        expect(await store.incident(asId<'incident'>('old'))).toBeNull();
        expect(await store.timeline(asId<'incident'>('old'))).toEqual([]);
        expect(await store.incident(asId<'incident'>('open'))).not.toBeNull();
        expect(await store.outboxOf(outboxOf().incidentId)).toEqual([]);
        expect(await store.outboxOf(asId<'incident'>('open'))).toHaveLength(1);
        expect(await store.outboxOf(asId<'incident'>('gone'))).toHaveLength(2);
        expect(
          Object.values(await store.retain({ framesBeforeMs: 150, historyBeforeMs: 150 }, 1_000)).some((rows) => rows > 0),
        ).toBe(false);
      });

      test('does a bounded share at a time and comes to the same end', async () => {
        await fill();
        let total = 0;
        for (;;) {
          const deleted = await store.retain({ framesBeforeMs: 150, historyBeforeMs: 150 }, 1);
          const rows = Object.values(deleted).reduce((sum, count) => sum + count, 0);
          expect(rows).toBeLessThanOrEqual(1);
          if (rows === 0) break;
          total += rows;
        }
        expect(total).toBe(6);
      });
    });

    test('finds nothing wrong with what it wrote itself', async () => {
      await store.commit(
        batchOf({ frames: [frameOf()], results: [resultOf()], incidents: [incidentOf()], timeline: [entryOf()] }),
      );
      const findings = await store.verify(new AbortController().signal);
      expect(findings).toMatchObject({ damages: [], misfits: 0 });
      expect(findings.rows).toBeGreaterThanOrEqual(4);
    });

    test('tells its size', async () => {
      const before = await store.sizeBytes();
      await store.commit(batchOf({ frames: [frameOf({ body: new Uint8Array(1_000_000) })] }));
      expect(await store.sizeBytes()).toBeGreaterThan(before + 900_000);
    });

    test('closes once, and again without harm', async () => {
      await store.close();
      await store.close();
      await expect(store.commit(batchOf())).rejects.toThrow();
      store = await open(folder);
    });
  });
}
