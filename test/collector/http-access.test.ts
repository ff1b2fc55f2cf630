import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFailureLimit } from '../../collector/src/http/failure-limit.ts';
import { openSecrets } from '../../collector/src/http/secrets.ts';
import { pushTokenOf } from '../../collector/src/http/tokens.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { districtParts } from '../support/district-fixture.ts';
import { adminToken, bearer, createHttpFixture, type HttpFixture, metricsToken } from '../support/http-app.ts';

const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}` });
/** A plugin as the metrics bring it. */
const metricsPlugin = (app: HttpFixture['app']): void => {
  app.get('/metrics', { config: { permission: 'metrics' } }, async () => 'up 1\n');
};

describe('access', () => {
  let http: HttpFixture;
  beforeEach(async () => {
    http = await createHttpFixture({ parts: districtParts, plugins: [metricsPlugin], metricsAddresses: ['10.9.0.0/16'] });
  });
  afterEach(() => http.close());

  test('a route without a permission is refused when it is registered', async () => {
    const plugins = [(app: HttpFixture['app']) => void app.get('/careless', async () => 'x')];
    await expect(createHttpFixture({ plugins })).rejects.toThrow('route GET /careless names no permission');
  });

  test('a metrics address that is none is refused at the start', async () => {
    await expect(createHttpFixture({ metricsAddresses: ['10.0.0.0/33'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('every operation of the API but the open ones answers 401 without a token', async () => {
    const document = (await http.get('/api/v1/openapi.json')).json();
    const open: string[] = [];
    for (const [path, operations] of Object.entries<Record<string, { security?: unknown[] }>>(document.paths)) {
      for (const method of Object.keys(operations)) {
        const url = path.replaceAll(/\{(\w+)\}/g, 'x');
        const answer = await http.app.inject({ method: method === 'post' ? 'POST' : method === 'put' ? 'PUT' : 'GET', url });
        if (answer.statusCode === 401) {
          expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
          expect(answer.headers['www-authenticate']).toBeDefined();
          expect(operations[method]?.security).not.toEqual([]);
        } else open.push(`${method} ${path}`);
      }
    }
    expect(open.sort()).toEqual(['get /api/v1/openapi.json', 'get /healthz', 'get /readyz']);
  });

  const remote = '192.0.2.7';
  const cases: readonly {
    readonly why: string;
    readonly url: string;
    readonly headers?: Record<string, string>;
    readonly remoteAddress?: string;
    readonly method?: 'GET' | 'POST';
    readonly expected: number;
  }[] = [
    { why: 'the admin token reads the API', url: '/api/v1/zones', headers: bearer, expected: 200 },
    {
      why: 'the scheme is not case-sensitive',
      url: '/api/v1/zones',
      headers: { authorization: `bearer ${adminToken}` },
      expected: 200,
    },
    { why: 'another token does not', url: '/api/v1/zones', headers: { authorization: 'Bearer no' }, expected: 401 },
    { why: 'an empty token does not', url: '/api/v1/zones', headers: { authorization: 'Bearer ' }, expected: 401 },
    { why: 'loopback alone does not read the API', url: '/api/v1/zones', expected: 401 },
    { why: 'Basic with the token reads the API', url: '/api/v1/zones', headers: basic(adminToken), expected: 200 },
    { why: 'Basic may not act', url: '/api/v1/agents/a1/revoke', method: 'POST', headers: basic(adminToken), expected: 403 },
    {
      why: 'the metrics token reads no API',
      url: '/api/v1/zones',
      headers: { authorization: `Bearer ${metricsToken}` },
      expected: 403,
    },
    { why: 'loopback reads the metrics', url: '/metrics', expected: 200 },
    { why: 'a listed address reads the metrics', url: '/metrics', remoteAddress: '10.9.3.4', expected: 200 },
    { why: 'a listed address as IPv4-mapped IPv6 too', url: '/metrics', remoteAddress: '::ffff:10.9.3.4', expected: 200 },
    { why: 'another address does not', url: '/metrics', remoteAddress: remote, expected: 401 },
    {
      why: 'another address does with the metrics token',
      url: '/metrics',
      remoteAddress: remote,
      headers: { authorization: `Bearer ${metricsToken}` },
      expected: 200,
    },
    { why: 'another address does with the admin token', url: '/metrics', remoteAddress: remote, headers: bearer, expected: 200 },
    { why: 'loopback behind a proxy does not count', url: '/metrics', headers: { 'x-forwarded-for': remote }, expected: 401 },
    { why: 'loopback by a foreign name does not count', url: '/', headers: { host: 'evil.example' }, expected: 401 },
    { why: 'loopback reads the page', url: '/', expected: 200 },
    { why: 'IPv6 loopback reads the page', url: '/', remoteAddress: '::1', headers: { host: '[::1]:7070' }, expected: 200 },
    { why: 'another address reads no page', url: '/', remoteAddress: remote, expected: 401 },
    {
      why: 'another address reads the page with Basic',
      url: '/',
      remoteAddress: remote,
      headers: basic(adminToken),
      expected: 200,
    },
    { why: 'health is open', url: '/healthz', remoteAddress: remote, expected: 200 },
  ];
  for (const { why, expected, method = 'GET', ...request } of cases) {
    test(`${why} (${expected})`, async () => {
      expect((await http.app.inject({ method, ...request })).statusCode).toBe(expected);
    });
  }

  test('a browser is asked for the token of the page', async () => {
    const answer = await http.app.inject({ url: '/', remoteAddress: remote });
    expect(answer.headers['www-authenticate']).toBe('Basic realm="jiwei", charset="UTF-8"');
  });

  test('wrong tokens keep no right one out, not even from the same address: all who come through one proxy have it', async () => {
    const headers = { authorization: 'Bearer guess', 'x-forwarded-for': remote };
    const statusOf = async (url: string, sent: Record<string, string>) =>
      (await http.app.inject({ url, headers: { 'x-forwarded-for': remote, ...sent } })).statusCode;
    for (let count = 0; count < limits.authFailuresMax; count += 1)
      expect((await http.app.inject({ url: '/api/v1/zones', headers })).statusCode).toBe(401);
    expect(await statusOf('/api/v1/zones', headers)).toBe(429);
    expect(await statusOf('/api/v1/zones', bearer)).toBe(200);
    expect(await statusOf('/api/v1/zones', basic(adminToken))).toBe(200);
    expect(await statusOf('/metrics', { authorization: `Bearer ${metricsToken}` })).toBe(200);
    expect(await statusOf('/push/backup', { authorization: `Bearer ${http.secrets.pushTokenOf('backup')}` })).toBe(200);
    expect(await statusOf('/push/backup', headers)).toBe(429);
    // A right token gives nobody back what the wrong ones used up.
    expect(await statusOf('/api/v1/zones', headers)).toBe(429);
  });

  test('failed tokens are limited per address, and one more is allowed each authFailureRefillMs', async () => {
    const attempt = (remoteAddress: string, headers = { authorization: 'Bearer guess' }) =>
      http.app.inject({ url: '/api/v1/zones', remoteAddress, headers });
    for (let count = 0; count < limits.authFailuresMax; count += 1) expect((await attempt(remote)).statusCode).toBe(401);
    const refused = await attempt(remote);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('3');
    expect((await attempt('192.0.2.8')).statusCode).toBe(401);
    http.clock.advance(limits.authFailureRefillMs);
    expect([(await attempt(remote)).statusCode, (await attempt(remote)).statusCode]).toEqual([401, 429]);
    expect((await http.app.inject({ url: '/healthz', remoteAddress: remote })).statusCode).toBe(200);
  });

  test('requests of one address are limited, with or without a token, and those of others are not', async () => {
    const ask = (remoteAddress: string) => http.app.inject({ url: '/api/v1/none', remoteAddress, headers: bearer });
    for (let count = 0; count < limits.requestsAtOnceMax; count += 1) expect((await ask(remote)).statusCode).toBe(404);
    const refused = await ask(remote);
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'RATE_LIMITED']);
    expect((await ask('192.0.2.9')).statusCode).toBe(404);
    http.clock.advance(2 * limits.requestRefillMs);
    expect((await ask(remote)).statusCode).toBe(404);
  });

  test('of very many addresses that failed, the one that was quiet longest is forgotten', () => {
    const failures = createFailureLimit(http.clock);
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const failAll = (index: number): void => {
      for (let count = 0; count < limits.authFailuresMax; count += 1) failures.failed(address(index));
    };
    for (let index = 0; index < limits.authAddressesMax; index += 1) failAll(index);
    failures.failed(address(0));
    expect([0, 1, 2].map((index) => failures.waitMs(address(index)) > 0)).toEqual([true, true, true]);
    failures.failed('192.0.2.1');
    expect([0, 1, 2].map((index) => failures.waitMs(address(index)) > 0)).toEqual([true, false, true]);
  });

  test('addresses of one IPv6 /64 share a limit', async () => {
    const attempt = (remoteAddress: string) =>
      http.app.inject({ url: '/api/v1/zones', remoteAddress, headers: { authorization: 'Bearer guess' } });
    for (let count = 0; count < limits.authFailuresMax; count += 1) await attempt(`2001:db8:1:2::${count + 1}`);
    expect((await attempt('2001:db8:1:2:aaaa::9')).statusCode).toBe(429);
    expect((await attempt('2001:db8:1:3::1')).statusCode).toBe(401);
  });

  test('a missing token is no failed attempt', async () => {
    for (let count = 0; count < limits.authFailuresMax + 5; count += 1) {
      expect((await http.app.inject({ url: '/api/v1/zones', remoteAddress: remote })).statusCode).toBe(401);
    }
  });

  test('a heartbeat calls with the token of its check in a header, or in the address, and with no other', async () => {
    const { path, token, pathWithToken } = (await http.get('/api/v1/checks/backup/push')).json();
    expect([path, pathWithToken]).toEqual(['/push/backup', `/push/backup?token=${token}`]);
    const headers = { authorization: `Bearer ${token}` };
    expect((await http.app.inject({ url: `${path}?msg=all%20copied`, headers })).json()).toEqual({ ok: true });
    expect((await http.app.inject({ method: 'POST', url: `${pathWithToken}&status=down&msg=disk%20full` })).statusCode).toBe(200);
    expect(http.calls.pushes).toEqual([
      { id: 'backup', isUp: true, detail: 'all copied' },
      { id: 'backup', isUp: false, detail: 'disk full' },
    ]);
    for (const url of ['/push/backup', '/push/backup?token=x', `/push/other?token=${token}`]) {
      expect((await http.app.inject({ url })).statusCode).toBe(401);
    }
    for (const [url, authorization] of [
      ['/push/other', headers.authorization],
      ['/push/backup', bearer.authorization],
      ['/push/backup', 'Bearer x'],
      // The header counts alone where there is one.
      [pathWithToken, 'Bearer x'],
      // As a password it is none: browsers send those along by themselves.
      ['/push/backup', basic(token).authorization],
    ])
      expect([url, authorization, (await http.app.inject({ url, headers: { authorization } })).statusCode]).toEqual([
        url,
        authorization,
        401,
      ]);
    expect(http.calls.pushes).toHaveLength(2);
    // What a proxy in between adds for itself does not hide the token of the address.
    expect((await http.app.inject({ url: pathWithToken, headers: basic('of-the-proxy') })).statusCode).toBe(200);
  });

  test('push tokens differ by secret and check', () => {
    const tokens = [pushTokenOf('s1', 'a'), pushTokenOf('s1', 'b'), pushTokenOf('s2', asId<'check'>('a'))];
    expect(new Set(tokens).size).toBe(3);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{32}$/);
  });

  test('a renewed admin token is the only one from then on, also after a restart', async () => {
    const answer = await http.post('/api/v1/secrets/admin-token/renew', {});
    expect(answer.statusCode).toBe(200);
    const { token } = answer.json();
    expect(token).toMatch(/^jwadmin_[\w-]{32}$/);
    const statusOf = async (headers: Record<string, string>) =>
      (await http.app.inject({ url: '/api/v1/zones', headers })).statusCode;
    expect(await statusOf(bearer)).toBe(401);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(200);
    const { secrets, adminToken: made } = await openSecrets(http.store, http.clock);
    expect([made, secrets.isAdminToken(token), secrets.isAdminToken(adminToken)]).toEqual([null, true, false]);
  });

  test('an admin token that nobody was shown is not kept: each start makes another until one is, and that one stays', async () => {
    const store = await openSqliteStore({ path: ':memory:' });
    const first = await openSecrets(store, http.clock);
    const second = await openSecrets(store, http.clock);
    const [unseen, seen] = [first.adminToken?.token ?? '', second.adminToken?.token ?? ''];
    expect(unseen).toMatch(/^jwadmin_[\w-]{32}$/);
    expect(seen).not.toBe(unseen);
    expect([second.secrets.isAdminToken(seen), second.secrets.isAdminToken(unseen)]).toEqual([true, false]);
    await second.adminToken?.keep();
    const third = await openSecrets(store, http.clock);
    expect([third.adminToken, third.secrets.isAdminToken(seen), third.secrets.isAdminToken(unseen)]).toEqual([null, true, false]);
    await store.close();
  });

  test('a token that was renewed before it was kept does not come back', async () => {
    const store = await openSqliteStore({ path: ':memory:' });
    const { secrets, adminToken: made } = await openSecrets(store, http.clock);
    const renewed = await secrets.renewAdminToken();
    await made?.keep();
    const next = await openSecrets(store, http.clock);
    expect([next.adminToken, next.secrets.isAdminToken(renewed)]).toEqual([null, true]);
    await store.close();
  });

  test('renewed heartbeat addresses: the ones before stay good as long as was said, those before them do not', async () => {
    const address = async (): Promise<string> => (await http.get('/api/v1/checks/backup/push')).json().pathWithToken;
    const statusOf = async (url: string) => (await http.app.inject({ url })).statusCode;
    const renew = async (keepMs: number) => (await http.post('/api/v1/secrets/heartbeats/renew', { keepMs })).json();
    const first = await address();
    expect(await renew(60_000)).toEqual({ beforeValidUntilMs: http.clock.nowMs() + 60_000 });
    const second = await address();
    expect(second).not.toBe(first);
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
    const { secrets } = await openSecrets(http.store, http.clock);
    for (const path of [first, second])
      expect(secrets.isPushToken(new URL(path, 'http://x').searchParams.get('token') ?? '', 'backup')).toBe(true);
    http.clock.advance(59_999);
    expect(await statusOf(first)).toBe(200);
    http.clock.advance(1);
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200]);
    await renew(60_000);
    const third = await address();
    await renew(0);
    expect([await statusOf(second), await statusOf(third), await statusOf(await address())]).toEqual([401, 401, 200]);
  });

  test('how long old heartbeat addresses are kept has to be said, and is bounded', async () => {
    for (const body of [{}, { keepMs: -1 }, { keepMs: 32 * 86_400_000 }, { keepMs: 0.5 }, { keepMs: 0, all: true }])
      expect((await http.post('/api/v1/secrets/heartbeats/renew', body)).statusCode).toBe(400);
  });

  test('only a heartbeat has a push address', async () => {
    expect((await http.get('/api/v1/checks/portal-tcp/push')).statusCode).toBe(409);
    expect((await http.get('/api/v1/checks/none/push')).statusCode).toBe(404);
  });
});
