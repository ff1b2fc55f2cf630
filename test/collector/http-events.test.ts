import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { districtParts, incidentOf } from '../support/district-fixture.ts';
import { bearer, createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { readEvents as read } from '../support/server-sent-events.ts';

describe('live events', () => {
  let http: HttpFixture;
  let url: string;
  let leave: AbortController;
  beforeEach(async () => {
    http = await createHttpFixture({ parts: districtParts });
    url = `${await http.app.listen({ host: '127.0.0.1', port: 0 })}/api/v1/events`;
    leave = new AbortController();
  });
  afterEach(async () => {
    leave.abort();
    await http.close();
  });
  const open = (query = '', headers: Record<string, string> = {}) =>
    fetch(`${url}${query}`, { headers: { ...bearer, ...headers }, signal: leave.signal });
  const tellAsset = (id: string) => http.tell({ kind: 'asset', id });

  test('a stream is greeted, then told each change with the subject as it is', async () => {
    const response = await open();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const incident = incidentOf('i9', 'ups', 5);
    tellAsset('portal');
    http.tell({ kind: 'check', id: asId<'check'>('portal-tcp') });
    http.tell({ kind: 'agent', id: asId<'agent'>('gone') });
    http.tell({ kind: 'incident', incident, entries: [] });
    http.tell({ kind: 'declaration', version: 8 });
    const events = await read(response, (seen) => seen.length === 6);
    expect(events.map(({ event }) => event)).toEqual(['hello', 'asset', 'check', 'agent', 'incident', 'declaration']);
    expect(events[1]?.data).toMatchObject({ id: 'portal', status: 'down', openIncidentIds: ['i1'] });
    expect(events[2]?.data).toMatchObject({ id: 'portal-tcp', status: 'down', reason: 'CONNECTION_REFUSED' });
    expect(events[3]?.data).toEqual({ id: 'gone', connection: null, sinceMs: null });
    expect(events[4]?.data).toMatchObject({ incident: { id: 'i9', state: 'open' }, entries: [] });
    expect(events[5]?.data).toEqual({ version: 8 });
  });

  test('a stream that chose kinds gets only those', async () => {
    const response = await open('?kinds=declaration');
    tellAsset('portal');
    http.tell({ kind: 'declaration', version: 8 });
    const events = await read(response, (seen) => seen.length === 2);
    expect(events.map(({ event }) => event)).toEqual(['hello', 'declaration']);
  });

  test('a stream that comes back goes on where it was', async () => {
    const response = await open();
    tellAsset('a');
    tellAsset('b');
    const before = await read(response, (seen) => seen.length === 3);
    tellAsset('c');
    const after = await read(await open('', { 'last-event-id': before[1]?.id ?? '' }), (seen) => seen.length === 2);
    expect(after.map(({ event, data }) => [event, data['id']])).toEqual([
      ['asset', 'b'],
      ['asset', 'c'],
    ]);
  });

  test('one that comes back with the newest id misses nothing', async () => {
    tellAsset('a');
    const [hello] = await read(await open(), (seen) => seen.length === 1);
    const response = await open('', { 'last-event-id': hello?.id ?? '' });
    tellAsset('b');
    const events = await read(response, (seen) => seen.length === 2);
    expect(events.map(({ event }) => event)).toEqual(['hello', 'asset']);
  });

  const unknown: readonly { readonly why: string; readonly id: string }[] = [
    { why: 'of another run of the collector', id: '00000000-0000-0000-0000-000000000000-1' },
    { why: 'that was never given', id: 'nonsense' },
  ];
  for (const { why, id } of unknown) {
    test(`an id ${why} is answered with reset`, async () => {
      const events = await read(await open('', { 'last-event-id': id }), (seen) => seen.length === 1);
      expect(events[0]?.event).toBe('reset');
    });
  }

  test('an id older than what is kept is answered with reset', async () => {
    const response = await open();
    tellAsset('first');
    const seen = await read(response, (events) => events.length === 2);
    for (let count = 0; count < 2 * limits.eventsKeptMax; count += 1) tellAsset(`x${count}`);
    const events = await read(await open('', { 'last-event-id': seen[1]?.id ?? '' }), (list) => list.length === 1);
    expect(events[0]?.event).toBe('reset');
  });

  test('a quiet stream gets a comment', async () => {
    const response = await open();
    http.clock.advance(limits.eventStreamHeartbeatMs);
    let all = '';
    await read(response, (_events, text) => {
      all = text;
      return text.includes(': still here');
    });
    expect(all).toContain(': still here\n\n');
  });

  test('a reader that does not read is cut off, the others are not', async () => {
    const slow = await open();
    const quick = await open('?kinds=declaration');
    const incident = incidentOf('i9', 'ups', 5, { summary: 'x'.repeat(100_000) });
    // The sockets between take a few MiB before the collector itself has to hold anything back.
    for (let count = 0; count < 400; count += 1) http.tell({ kind: 'incident', incident, entries: [] });
    http.tell({ kind: 'declaration', version: 8 });
    const events = await read(quick, (seen) => seen.length === 2);
    expect(events[1]?.event).toBe('declaration');
    await expect(slow.text()).rejects.toThrow();
  });

  test('streams past eventStreamsMax are refused', async () => {
    // Kept, because a response that is forgotten is closed.
    const streams: Response[] = [];
    while (streams.length < limits.eventStreamsMax) streams.push(await open());
    const refused = await open();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('10');
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' });
    expect(streams.every((stream) => stream.status === 200)).toBe(true);
  });

  test('closing ends open streams instead of waiting for them', async () => {
    const response = await open();
    const ended = read(response, () => false);
    await http.app.close();
    expect((await ended).map(({ event }) => event)).toEqual(['hello']);
  });
});
