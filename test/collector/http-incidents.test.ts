import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { districtParts, incidentOf } from '../support/district-fixture.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { batchOf } from '../support/store-samples.ts';

const resolved = incidentOf('i0', 'switch', 86_400_000, {
  state: 'resolved',
  resolvedAtMs: fixtureNowMs - 80_000_000,
  faultToMs: fixtureNowMs - 80_000_500,
  unitId: asId<'unit'>('u2'),
});
const attached = incidentOf('i4', 'cam-1', 86_400_001, { attachedTo: asId<'incident'>('i1') });
const incidents = [attached, resolved, ...(districtParts.incidents ?? [])];

describe('incidents', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    http = await createHttpFixture({ parts: { ...districtParts, incidents } });
    const i1 = incidents.find(({ id }) => id === 'i1') ?? resolved;
    await http.store.commit(
      batchOf({
        atMs: fixtureNowMs,
        incidents,
        timeline: [
          {
            ...{ incidentId: i1.id, number: 1, atMs: i1.openedAtMs, recordedAtMs: i1.openedAtMs },
            kind: 'opened',
            actor: 'engine',
            text: 'opened',
          },
          {
            ...{ incidentId: i1.id, number: 2, atMs: fixtureNowMs, recordedAtMs: fixtureNowMs },
            kind: 'noted',
            actor: '李',
            text: '<b>在路上</b>',
          },
        ],
        outbox: [
          {
            ...{
              id: asId<'notification'>('n1'),
              routeId: asId<'route'>('duty'),
              incidentId: i1.id,
              notice: 'firing',
              incident: i1,
            },
            ...{
              createdAtMs: i1.openedAtMs,
              state: 'waiting',
              tries: 1,
              mayHaveArrived: false,
              nextTryAtMs: fixtureNowMs + 60_000,
              lastError: 'HTTP 500',
              finishedAtMs: null,
            },
          },
        ],
      }),
    );
  });
  afterAll(() => http.close());
  const idsOf = async (query: string) =>
    (await http.get(`/api/v1/incidents${query}`)).json().items.map((incident: { id: string }) => incident.id);

  const filters: readonly { readonly why: string; readonly query: string; readonly expected: readonly string[] }[] = [
    { why: 'all, newest first', query: '', expected: ['i1', 'i3', 'i2', 'i0', 'i4'] },
    { why: 'by state', query: '?state=open', expected: ['i1', 'i3', 'i4'] },
    { why: 'by several states', query: '?state=acknowledged,resolved', expected: ['i2', 'i0'] },
    { why: 'by severity', query: '?severity=minor', expected: ['i2'] },
    { why: 'by asset', query: '?assetId=ups', expected: ['i3'] },
    { why: 'by unit', query: '?unitId=u2', expected: ['i0'] },
    { why: 'by zone', query: '?zoneId=z1&severity=minor', expected: ['i2'] },
    { why: 'opened from', query: `?openedFromMs=${fixtureNowMs - 20 * 60_000}`, expected: ['i1', 'i3'] },
    { why: 'opened before', query: `?openedToMs=${fixtureNowMs - 20 * 60_000}`, expected: ['i2', 'i0', 'i4'] },
  ];
  for (const { why, query, expected } of filters) {
    test(`listed ${why}`, async () => {
      expect(await idsOf(query)).toEqual(expected);
    });
  }

  test('paged', async () => {
    const first = (await http.get('/api/v1/incidents?limit=3')).json();
    expect(first.items).toHaveLength(3);
    expect(await idsOf(`?limit=3&cursor=${encodeURIComponent(first.next)}`)).toEqual(['i0', 'i4']);
  });

  test('one with its clocks, timeline and notifications', async () => {
    const detail = (await http.get('/api/v1/incidents/i1')).json();
    const openedAtMs = fixtureNowMs - 120_000;
    expect(detail.incident).toMatchObject({ id: 'i1', crew: '第一小组', state: 'open', reason: 'CONNECTION_REFUSED' });
    expect(detail.incident).not.toHaveProperty('isTold');
    expect(detail.respond).toEqual({ dueAtMs: openedAtMs + 180_000, doneAtMs: null, leftMs: 60_000, isMissed: false });
    expect(detail.onsite).toEqual({ dueAtMs: openedAtMs + 900_000, doneAtMs: null, leftMs: 780_000, isMissed: false });
    expect(detail.timeline.map((entry: { kind: string; actor: string }) => [entry.kind, entry.actor])).toEqual([
      ['opened', 'engine'],
      ['noted', '李'],
    ]);
    expect(detail.notifications).toEqual([
      {
        ...{ id: 'n1', routeId: 'duty', notice: 'firing', state: 'waiting', tries: 1, createdAtMs: openedAtMs },
        mayHaveArrived: false,
        ...{ nextTryAtMs: fixtureNowMs + 60_000, finishedAtMs: null, lastError: 'HTTP 500' },
      },
    ]);
  });

  test('with the open ones that belong to it', async () => {
    const { attached: below, attachedCount } = (await http.get('/api/v1/incidents/i1')).json();
    expect(below.map(({ id, attachedTo }: { id: string; attachedTo: string }) => [id, attachedTo])).toEqual([['i4', 'i1']]);
    expect(attachedCount).toBe(1);
    expect((await http.get('/api/v1/incidents/i3')).json()).toMatchObject({ attached: [], attachedCount: 0 });
  });

  test('overdue ones say so', async () => {
    const { respond, onsite } = (await http.get('/api/v1/incidents/i3')).json();
    expect(respond).toMatchObject({ leftMs: -17 * 60_000, isMissed: true });
    expect(onsite).toMatchObject({ leftMs: -5 * 60_000, isMissed: true });
  });

  test('a kept promise has no time left to tell', async () => {
    const { respond } = (await http.get('/api/v1/incidents/i2')).json();
    expect(respond).toMatchObject({ leftMs: null, isMissed: false });
  });

  test('people act on them, by name', async () => {
    expect((await http.post('/api/v1/incidents/i1/acknowledge', { actor: ' 李 ' })).json()).toMatchObject({
      id: 'i1',
      state: 'acknowledged',
    });
    await http.post('/api/v1/incidents/i1/arrive', { actor: '李', note: '到场' });
    await http.post('/api/v1/incidents/i1/note', { actor: '李', note: '换电源' });
    await http.post('/api/v1/incidents/i1/resolve', { actor: '王', note: null });
    expect(http.calls.acts).toEqual([
      { id: 'i1', actor: '李', act: { kind: 'acknowledge', note: null } },
      { id: 'i1', actor: '李', act: { kind: 'arrive', note: '到场' } },
      { id: 'i1', actor: '李', act: { kind: 'note', note: '换电源' } },
      { id: 'i1', actor: '王', act: { kind: 'resolve', note: null } },
    ]);
  });

  test('what they write has its length', async () => {
    const note = (characters: number) => http.post('/api/v1/incidents/i1/note', { actor: '李', note: '字'.repeat(characters) });
    expect((await note(limits.noteCharactersMax)).statusCode).toBe(200);
    const tooLong = await note(limits.noteCharactersMax + 1);
    expect([tooLong.statusCode, tooLong.json().errors[0].path]).toEqual([400, 'note']);
  });

  test('an act its state does not allow is a conflict, one on nothing is not found', async () => {
    expect((await http.post('/api/v1/incidents/i0/acknowledge', { actor: '李' })).json()).toMatchObject({
      code: 'CONFLICT',
      status: 409,
    });
    expect((await http.post('/api/v1/incidents/none/resolve', { actor: '李' })).json()).toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
    });
  });
});
