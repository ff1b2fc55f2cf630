import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityHeaders } from '../../collector/src/http/security-headers.ts';
import { agentRecord, districtParts } from '../support/district-fixture.ts';
import { bearer, createHttpFixture, type HttpFixture } from '../support/http-app.ts';

const range = 'fromMs=1000&toMs=2000';
const tooLongMs = limits.historyRetentionMs + 2 * 86_400_000;

describe('problem details', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    const failing = (app: HttpFixture['app']): void => {
      app.get('/bug', { config: { permission: 'open' } }, async () => {
        throw new Error('secret detail of a bug');
      });
    };
    http = await createHttpFixture({ parts: districtParts, plugins: [failing] });
    await http.store.saveAgent(agentRecord('a1'));
  });
  afterAll(() => http.close());

  const invalid: readonly { readonly why: string; readonly url: string; readonly path?: string; readonly body?: object }[] = [
    { why: 'an unknown key in the query', url: '/api/v1/zones?colour=red' },
    { why: 'a limit of 0', url: '/api/v1/zones?limit=0', path: 'limit' },
    { why: 'a limit past the maximum', url: `/api/v1/zones?limit=${limits.pageItemsMax + 1}`, path: 'limit' },
    { why: 'a limit that is no number', url: '/api/v1/zones?limit=ten', path: 'limit' },
    { why: 'an empty limit', url: '/api/v1/zones?limit=', path: 'limit' },
    { why: 'a limit with a fraction', url: '/api/v1/zones?limit=1.5', path: 'limit' },
    { why: 'a limit given twice', url: '/api/v1/zones?limit=1&limit=2', path: 'limit' },
    { why: 'an unknown status', url: '/api/v1/assets?status=fine', path: 'status[0]' },
    { why: 'an unknown kind among good ones', url: '/api/v1/assets?kind=server,toaster', path: 'kind[1]' },
    { why: 'a range without its end', url: '/api/v1/checks/x/results?fromMs=1', path: 'toMs' },
    { why: 'a range turned around', url: '/api/v1/checks/x/results?fromMs=5&toMs=4', path: 'toMs' },
    { why: 'an empty range', url: '/api/v1/checks/x/results?fromMs=5&toMs=5', path: 'toMs' },
    { why: 'a range longer than what is kept', url: `/api/v1/checks/x/results?fromMs=0&toMs=${tooLongMs}`, path: 'toMs' },
    { why: 'a negative instant', url: '/api/v1/spans?kind=asset&id=x&fromMs=-1&toMs=5', path: 'fromMs' },
    { why: 'spans of no subject', url: `/api/v1/spans?${range}`, path: 'kind' },
    { why: 'corrections of a kind without an id', url: '/api/v1/corrections?kind=asset', path: 'id' },
    { why: 'an unknown grouping', url: `/api/v1/availability/groups?${range}&by=crew`, path: 'by' },
    { why: 'an unknown incident state', url: '/api/v1/incidents?state=closed', path: 'state[0]' },
    { why: 'samples without names', url: `/api/v1/agents/a1/samples?${range}&stepMs=1000`, path: 'names' },
    { why: 'samples of a bad name', url: `/api/v1/agents/a1/samples?${range}&stepMs=1000&names=a%0Ab`, path: 'names[0]' },
    { why: 'too many points', url: '/api/v1/agents/a1/samples?fromMs=0&toMs=11001000&stepMs=1000&names=up', path: 'stepMs' },
    { why: 'an unknown event kind', url: '/api/v1/events?kinds=weather', path: 'kinds[0]' },
    { why: 'an act without an actor', url: '/api/v1/incidents/i1/acknowledge', body: {}, path: 'actor' },
    { why: 'an act by nobody', url: '/api/v1/incidents/i1/acknowledge', body: { actor: '  ' }, path: 'actor' },
    { why: 'a note without text', url: '/api/v1/incidents/i1/note', body: { actor: 'li' }, path: 'note' },
    { why: 'an unknown key in a body', url: '/api/v1/incidents/i1/resolve', body: { actor: 'li', colour: 'red' } },
    { why: 'a body that is a list', url: '/api/v1/incidents/i1/resolve', body: [] },
    { why: 'a number sent as text', url: '/api/v1/join-tokens', body: { uses: '3' }, path: 'uses' },
    {
      why: 'a label more than a series may have',
      url: '/api/v1/join-tokens',
      body: {
        labels: Object.fromEntries(Array.from({ length: limits.labelsPerSeriesMax + 1 }, (_, index) => [`l${index}`, ''])),
      },
      path: 'labels',
    },
    { why: 'a label name with a dash', url: '/api/v1/join-tokens', body: { labels: { 'a-b': 'x' } }, path: 'labels.a-b' },
    {
      why: 'a window of nothing',
      url: '/api/v1/maintenance',
      body: { fromMs: 1, toMs: 2, reason: 'x', approvedBy: 'y' },
      path: 'assetIds',
    },
  ];
  for (const { why, url, path = '', body } of invalid) {
    test(`${why} is refused`, async () => {
      const answer = body === undefined ? await http.get(url) : await http.post(url, body);
      expect(answer.statusCode).toBe(400);
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      const problem = answer.json();
      expect(problem).toMatchObject({ code: 'REQUEST_INVALID', status: 400, type: 'urn:jiwei:problem:REQUEST_INVALID' });
      expect(problem.errors.map((error: { path: string }) => error.path)).toContain(path);
    });
  }

  test('all that is wrong is listed, in every part of the request', async () => {
    const answer = await http.post('/api/v1/incidents/i1/note?colour=red', { actor: '', note: '', more: 1 });
    expect(answer.json().errors.map((error: { in: string; path: string }) => `${error.in}:${error.path}`)).toEqual([
      'query:',
      'body:actor',
      'body:note',
      'body:',
    ]);
  });

  const others: readonly {
    why: string;
    method?: 'GET' | 'POST' | 'DELETE';
    url: string;
    headers?: object;
    payload?: string;
    status: number;
    code: string;
  }[] = [
    { why: 'a path that does not exist', url: '/api/v1/zone', status: 404, code: 'NOT_FOUND' },
    { why: 'a method that does not exist', method: 'DELETE', url: '/api/v1/zones', status: 404, code: 'NOT_FOUND' },
    { why: 'a broken escape', url: '/api/v1/%zz', status: 400, code: 'REQUEST_INVALID' },
    { why: 'a bug', url: '/bug', status: 500, code: 'INTERNAL' },
    {
      why: 'broken JSON',
      method: 'POST',
      url: '/api/v1/join-tokens',
      headers: { ...bearer, 'content-type': 'application/json' },
      payload: '{"uses":',
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      why: 'a foreign content type',
      method: 'POST',
      url: '/api/v1/join-tokens',
      headers: { ...bearer, 'content-type': 'application/xml' },
      payload: '<a/>',
      status: 415,
      code: 'REQUEST_INVALID',
    },
    {
      why: 'a body that is too large',
      method: 'POST',
      url: '/api/v1/join-tokens',
      headers: { ...bearer, 'content-type': 'application/json' },
      payload: `"${'x'.repeat(limits.requestBytesMax)}"`,
      status: 413,
      code: 'TOO_LARGE',
    },
  ];
  for (const { why, status, code, headers = bearer, ...request } of others) {
    test(`${why} gets ${status} ${code} with a request id and no inner detail`, async () => {
      const answer = await http.app.inject({ ...request, headers: { ...headers } });
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.json()).toMatchObject({ code, status });
      expect(answer.json().requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.body).not.toMatch(/secret detail|node_modules|\.ts:/);
    });
  }

  test('no query is echoed, because it may hold a token', async () => {
    const answer = await http.app.inject({ url: '/push/backup?token=very-secret' });
    expect(answer.json().instance).toBe('/push/backup');
    expect(answer.body).not.toContain('very-secret');
  });

  test('bytes that are no HTTP get a problem, too', async () => {
    const url = new URL(await http.app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(url.port), '127.0.0.1');
    await once(socket, 'connect');
    socket.end('this is no request\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ code: 'REQUEST_INVALID' });
    const { headers } = await http.app.inject({ url: '/healthz' });
    for (const name of Object.keys(securityHeaders)) expect(answer).toContain(`\r\n${name}: ${headers[name]}\r\n`);
    expect(answer).not.toContain('strict-transport-security');
  });

  test('readiness fails when the writer cannot commit', async () => {
    const stuck = await createHttpFixture({ isWriterHealthy: false });
    expect((await stuck.get('/readyz')).json()).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
    expect((await stuck.get('/healthz')).json()).toEqual({ status: 'alive' });
    await stuck.close();
  });
});
