import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Permission, permissions } from '../../collector/src/http/permission.ts';
import { documentedRoutes } from '../support/api-document.ts';
import { districtParts } from '../support/district-fixture.ts';
import { adminToken, metricsToken } from '../support/http-app.ts';
import { createMetricsFixture, type MetricsFixture } from '../support/metrics-app.ts';

/** What each route needs, as docs/api.md says it. A new route fails the first test until somebody has thought about it there. */
const documented = documentedRoutes(readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')).map(
  ({ name, permission }) => ({ name: name.replaceAll(/\{(\w+)\}/g, ':$1'), permission }),
);
const needing = (wanted: Permission): readonly string[] =>
  documented.filter(({ permission }) => permission === wanted).map(({ name }) => name);
const [open, metrics, push, operate, admin, read] = (['open', 'metrics', 'push', 'operate', 'admin', 'read'] as const).map(
  needing,
) as [string[], string[], string[], string[], string[], string[]];

/** All routes of the application as it was registered, from the tree the router prints; hashes in file names left out. */
const routesOf = (app: FastifyInstance): { readonly method: string; readonly path: string; readonly name: string }[] => {
  const trail: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const found = /^(.*?── )(\S+)(?: \(([A-Z, ]+)\))?$/.exec(line);
      if (found === null) return [];
      const depth = (found[1] ?? '').length / 4 - 1;
      trail.length = depth;
      trail.push(found[2] ?? '');
      const path = trail.join('').replace(/^\/\//, '/');
      const methods = (found[3] ?? '').split(', ').filter((method) => method !== '' && method !== 'HEAD');
      return methods.map((method) => ({ method, path, name: `${method} ${path.replace(/-[0-9a-f]{12}\./, '.')}` }));
    });
};

let http: MetricsFixture;
beforeAll(async () => {
  http = await createMetricsFixture({ parts: districtParts });
});
afterAll(() => http.close());

/** An address from which nothing is open but what is open to all. */
const remoteAddress = '192.0.2.7';
const ask = async (method: string, path: string, headers: Record<string, string> = {}, query = ''): Promise<number> => {
  const url = `${path.replaceAll(/:(\w+)/g, (_, name: string) => (name === 'checkId' ? 'backup' : name === 'agentId' ? 'a1' : 'x'))}${query}`;
  const answer = await http.app.inject({ method: method as 'GET', url, headers, remoteAddress, payloadAsStream: true });
  answer.stream().destroy();
  return answer.statusCode;
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = { authorization: `Basic ${Buffer.from(`x:${adminToken}`).toString('base64')}` };

test('every route there is needs a permission that somebody has thought about', () => {
  const names = routesOf(http.app).map(({ name }) => name);
  expect(names.toSorted()).toEqual(documented.map(({ name }) => name).toSorted());
  expect(documented.map(({ permission }) => permission).filter((one) => !permissions.some((known) => known === one))).toEqual([]);
});

test('each route names the permission that docs/api.md gives it, and what holds secrets or lets in is for admins', async () => {
  const { paths } = (await http.app.inject({ url: '/api/v1/openapi.json' })).json<{
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly 'x-permission': string }>>>>;
  }>();
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      if (method === 'head') continue;
      const name = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
      const said = documented.find((one) => one.name === name)?.permission;
      expect(`${name}: ${operation['x-permission']}`).toBe(`${name}: ${said}`);
    }
  // Not by the document alone, in which a line is changed as easily as in the code.
  for (const name of ['GET /api/v1/declaration', 'PUT /api/v1/declaration']) expect(admin).toContain(name);
  for (const { name } of documented.filter((one) => /secrets|join-tokens|POST .*agents/.test(one.name)))
    expect(admin).toContain(name);
});

describe('each route is guarded as it says', () => {
  test('without a token: what is open answers, everything else is 401', async () => {
    for (const { method, path, name } of routesOf(http.app)) {
      const status = await ask(method, path);
      expect([name, status], name).toEqual([name, open.includes(name) ? 200 : 401]);
    }
  });

  test('with a token that is not known: the same', async () => {
    // Fewer than the limit of failures of one address, each from another one.
    for (const [place, { method, path, name }] of routesOf(http.app).entries()) {
      if (open.includes(name)) continue;
      const url = path.replaceAll(/:\w+/g, 'x');
      const answer = await http.app.inject({
        method: method as 'GET',
        url,
        headers: bearer('guess'),
        remoteAddress: `192.0.2.${place + 100}`,
      });
      expect([name, answer.statusCode]).toEqual([name, 401]);
    }
  });

  test('the metrics token reads the metrics; everything else that is guarded is 403 to it, or 401 where another token is needed', async () => {
    for (const { method, path, name } of routesOf(http.app)) {
      const expected = open.includes(name) || metrics.includes(name) ? 200 : push.includes(name) ? 401 : 403;
      expect([name, await ask(method, path, bearer(metricsToken))]).toEqual([name, expected]);
    }
  });

  test('what a browser sends by itself may look but not act', async () => {
    for (const { method, path, name } of routesOf(http.app)) {
      const status = await ask(method, path, basic);
      if (operate.includes(name) || admin.includes(name)) expect([name, status]).toEqual([name, 403]);
      if (read.includes(name) || metrics.includes(name)) expect([name, [401, 403].includes(status)]).toEqual([name, false]);
    }
  });

  test('the admin token passes everywhere but at the heartbeats, which have tokens of their own', async () => {
    const passed: string[] = [];
    for (const { method, path, name } of routesOf(http.app)) {
      const status = await ask(method, path, bearer(adminToken));
      expect([name, status === 401 || status === 403]).toEqual([name, push.includes(name)]);
      if (status === 200) passed.push(name);
    }
    // The rest lacks a parameter, a body or the thing it is about: answered by the handler, which is behind the guard.
    expect(passed).toEqual(
      expect.arrayContaining([...metrics, 'GET /', 'GET /api/v1/agents', 'GET /api/v1/join-tokens', 'GET /api/v1/events']),
    );
    for (const name of push) {
      const [method = '', path = ''] = name.split(' ');
      const token = http.secrets.pushTokenOf('backup');
      expect(await ask(method, path, {}, `?token=${token}`)).toBe(200);
      expect(await ask(method, path, bearer(token))).toBe(200);
    }
  });
});
