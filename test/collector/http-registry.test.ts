import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentRecord, districtParts, sessionOf } from '../support/district-fixture.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { batchOf } from '../support/store-samples.ts';

const ids = (items: readonly { readonly id: string }[]): readonly string[] => items.map((item) => item.id);

describe('what is declared and how it is', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    http = await createHttpFixture({ parts: districtParts, sessions: [sessionOf('a1')] });
    await http.store.saveAgent(agentRecord('a1'));
    await http.store.saveAgent(agentRecord('a2', { zoneId: null }));
    await http.store.commit(
      batchOf({
        atMs: fixtureNowMs,
        inventories: [
          { agentId: asId<'agent'>('a1'), atMs: fixtureNowMs - 5, body: { sections: { cpu: [{ cores: 8, brand: '龙芯' }] } } },
        ],
        gaps: [
          {
            agentId: asId<'agent'>('a1'),
            receivedAtMs: fixtureNowMs,
            ...{ fromMs: fixtureNowMs - 100, toMs: fixtureNowMs - 50, frames: 3, bytes: 99, cause: 'spool-full' },
          },
        ],
      }),
    );
  });
  afterAll(() => http.close());
  const get = async (url: string) => (await http.get(url)).json();

  test('the district in numbers', async () => {
    expect(await get('/api/v1/district')).toEqual({
      atMs: fixtureNowMs,
      startedAtMs: fixtureNowMs - 3_600_000,
      upMs: 3_600_000,
      version: '0.1.0',
      zones: 1,
      units: 2,
      // The UPS has no view yet: unknown.
      assets: { down: 1, degraded: 1, up: 1, unknown: 2 },
      checks: { down: 1, degraded: 0, up: 0, unknown: 1 },
      agents: { connected: 1, lost: 1, never: 0 },
      incidents: {
        open: 2,
        acknowledged: 1,
        respondOverdue: 1,
        onsiteOverdue: 2,
        bySeverity: { catastrophic: 0, critical: 2, major: 0, minor: 1 },
      },
      alerts: { pending: 1, firing: 1 },
      declarationVersion: 17,
      declarationError: null,
    });
  });

  test('zones and units with the status of their assets', async () => {
    expect(await get('/api/v1/zones/z1')).toEqual({
      ...{ id: 'z1', name: '第一片区', crew: '第一小组', units: 2, openIncidents: 3 },
      assets: { down: 1, degraded: 1, up: 1, unknown: 2 },
    });
    expect(ids((await get('/api/v1/zones')).items)).toEqual(['z1']);
    expect(await get('/api/v1/units/u1')).toEqual({
      ...{ id: 'u1', name: '区财政局', zoneId: 'z1', openIncidents: 2 },
      assets: { down: 1, degraded: 1, up: 0, unknown: 0 },
    });
    expect(ids((await get('/api/v1/units?zoneId=z1')).items)).toEqual(['u1', 'u2']);
  });

  const filters: readonly { readonly why: string; readonly query: string; readonly expected: readonly string[] }[] = [
    { why: 'all', query: '', expected: ['cam-1', 'db', 'portal', 'switch', 'ups'] },
    { why: 'of a unit', query: '?unitId=u2', expected: ['cam-1', 'switch'] },
    { why: 'of a zone', query: '?zoneId=z1', expected: ['cam-1', 'db', 'portal', 'switch', 'ups'] },
    { why: 'of two kinds', query: '?kind=camera,ups', expected: ['cam-1', 'ups'] },
    { why: 'of a kind given twice', query: '?kind=camera&kind=ups', expected: ['cam-1', 'ups'] },
    { why: 'unknown, those without a view too', query: '?status=unknown', expected: ['cam-1', 'ups'] },
    { why: 'by several conditions at once', query: '?unitId=u1&status=down,degraded&kind=database', expected: ['db'] },
  ];
  for (const { why, query, expected } of filters) {
    test(`assets ${why}`, async () => {
      expect(ids((await get(`/api/v1/assets${query}`)).items)).toEqual(expected);
    });
  }

  test('an asset as it is', async () => {
    expect(await get('/api/v1/assets/portal')).toEqual({
      ...{
        id: 'portal',
        name: '财政门户网站',
        kind: 'website',
        unitId: 'u1',
        zoneId: 'z1',
        importance: 5,
        parentIds: [],
        needsOnsite: true,
      },
      ...{ status: 'down', sinceMs: fixtureNowMs - 120_000, isInMaintenance: false, openIncidentIds: ['i1'] },
      ...{ heldIncidentIds: ['i-held'], hindrance: null },
    });
  });

  test('pages follow each other without a gap or repeat', async () => {
    const seen: string[] = [];
    let next: string | null = null;
    do {
      const page: { items: { id: string }[]; next: string | null } = await get(
        `/api/v1/assets?limit=2${next === null ? '' : `&cursor=${next}`}`,
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...ids(page.items));
      next = page.next;
    } while (next !== null);
    expect(seen).toEqual(['cam-1', 'db', 'portal', 'switch', 'ups']);
  });

  const unknown: readonly { readonly path: string; readonly detail: string }[] = [
    {
      path: 'units?zoneId=z2',
      detail: 'zoneId is "z2"; no such zone is declared, and nothing is recorded of one; did you mean "z1"?',
    },
    { path: 'assets?zoneId=nope', detail: 'zoneId is "nope"; no such zone is declared, and nothing is recorded of one' },
    { path: 'assets?unitId=nope', detail: 'unitId is "nope"' },
    { path: 'agents?zoneId=nope', detail: 'zoneId is "nope"' },
    { path: 'checks?assetId=nope', detail: 'assetId is "nope"' },
    { path: 'checks?agentId=nope', detail: 'agentId is "nope"' },
    { path: 'alerts?ruleId=nope', detail: 'ruleId is "nope"' },
    { path: 'incidents?assetId=nope', detail: 'assetId is "nope"' },
    { path: 'incidents?assetId=zone:nope', detail: 'assetId is "zone:nope"' },
    { path: 'incidents?unitId=nope', detail: 'unitId is "nope"' },
    { path: 'incidents?zoneId=nope', detail: 'zoneId is "nope"' },
    { path: 'availability/assets?fromMs=0&toMs=1&assetId=nope', detail: 'assetId is "nope"' },
    { path: 'spans?kind=asset&id=nope&fromMs=0&toMs=1', detail: 'id is "nope"; no such asset is declared' },
    { path: 'spans?kind=lane&id=portal-tcp@nope&fromMs=0&toMs=1', detail: 'id is "portal-tcp@nope"; no such lane' },
    { path: 'corrections?kind=check&id=nope', detail: 'id is "nope"; no such check is declared' },
  ];
  for (const { path, detail } of unknown) {
    test(`an id that means nothing is no empty answer: ${path}`, async () => {
      const expected = { status: 400, code: 'REQUEST_INVALID', detail: expect.stringContaining(detail) };
      expect((await http.get(`/api/v1/${path}`)).json()).toMatchObject(expected);
    });
  }

  test('nor is one in the path', async () => {
    for (const path of ['checks/nope/results', 'agents/nope/gaps'])
      expect((await http.get(`/api/v1/${path}?fromMs=0&toMs=1`)).json(), path).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect((await http.get('/api/v1/incidents?assetId=zone:z1')).statusCode).toBe(200);
  });

  test('a cursor leads on in its own list alone', async () => {
    const { next } = (await http.get('/api/v1/assets?limit=1')).json();
    expect((await http.get(`/api/v1/assets?limit=1&cursor=${next}`)).json().items).toHaveLength(1);
    for (const list of ['units', 'incidents', 'checks/c1/results?fromMs=0&toMs=1']) {
      const answer = await http.get(`/api/v1/${list}${list.includes('?') ? '&' : '?'}cursor=${next}`);
      expect(answer.json(), list).toMatchObject({
        ...{ status: 400, code: 'REQUEST_INVALID' },
        detail: expect.stringContaining('cursor is of /api/v1/assets, and leads nowhere in /api/v1/'),
      });
    }
  });

  const numbers: readonly { readonly path: string; readonly message: string }[] = [
    { path: 'zones?limit=1e2', message: 'is "1e2"; needs a whole number from 1 to 1000, in digits alone' },
    { path: 'zones?limit=0', message: 'is 0; needs a whole number from 1 to 1000, in digits alone' },
    {
      path: 'incidents?openedFromMs=-1',
      message: 'is "-1"; needs an instant in epoch milliseconds from 0 to 8640000000000000, in digits alone',
    },
    {
      path: 'spans?kind=asset&id=db&toMs=5',
      message: 'is missing; needs an instant in epoch milliseconds from 0 to 8640000000000000, in digits alone',
    },
  ];
  for (const { path, message } of numbers) {
    test(`a number of a query is told with what was found: ${path}`, async () => {
      expect((await http.get(`/api/v1/${path}`)).json()).toMatchObject({ status: 400, errors: [{ in: 'query', message }] });
    });
  }

  const ranges: readonly { readonly why: string; readonly path: string; readonly message: string }[] = [
    {
      why: 'turned around',
      path: 'availability/assets?fromMs=2&toMs=1',
      message: 'is 1; needs to be after fromMs, which is 2',
    },
    { why: 'empty', path: 'spans?kind=asset&id=s1&fromMs=2&toMs=2', message: 'is 2; needs to be after fromMs, which is 2' },
    {
      why: 'too long',
      path: 'availability/groups?by=all&fromMs=0&toMs=34646400001',
      message: 'makes a range of 34646400001 ms; needs at most 34646400000 ms (401 days, as long as history is kept)',
    },
    {
      why: 'turned around, of openings',
      path: 'incidents?openedFromMs=5&openedToMs=2',
      message: 'is 2; needs to be after openedFromMs, which is 5',
    },
  ];
  for (const { why, path, message } of ranges) {
    test(`a range that is ${why} is told as that`, async () => {
      expect((await http.get(`/api/v1/${path}`)).json()).toMatchObject({ status: 400, errors: [{ message }] });
    });
  }

  test('a cursor of our own making is needed', async () => {
    for (const url of ['/api/v1/assets?cursor=%21%21', '/api/v1/incidents?cursor=zzz']) {
      expect((await http.get(url)).json()).toMatchObject({ code: 'REQUEST_INVALID', status: 400 });
    }
  });

  test('a check with each agent’s latest result, without its spec', async () => {
    const check = await get('/api/v1/checks/portal-tcp');
    expect(check).toMatchObject({
      ...{ id: 'portal-tcp', assetId: 'portal', kind: 'tcp', target: '10.1.2.3:443', intervalMs: 20_000, cron: null },
      ...{ status: 'down', reason: 'CONNECTION_REFUSED', isSuspect: false, critical: true },
    });
    expect(check.lanes).toEqual([
      {
        ...{ agentId: 'a1', status: 'down', sinceMs: fixtureNowMs - 120_000 },
        lastResult: {
          ...{ observedAtMs: fixtureNowMs - 500, outcome: 'down', reason: 'CONNECTION_REFUSED', latencyMs: null },
          ...{ run: { ofDown: 6, ofUp: 0 }, method: null, detail: null, values: { probe_duration_seconds: 0.002 } },
        },
        lastUnusable: null,
      },
      {
        ...{ agentId: 'a2', status: 'unknown', sinceMs: fixtureNowMs - 3_600_000, lastResult: null },
        lastUnusable: expect.objectContaining({ reason: 'NOT_PERMITTED', detail: 'caFile /nope cannot be read' }),
      },
    ]);
    expect(check).not.toHaveProperty('spec');
  });

  test('checks by asset, agent, kind and status', async () => {
    expect(ids((await get('/api/v1/checks')).items)).toEqual(['backup', 'portal-tcp']);
    expect(ids((await get('/api/v1/checks?assetId=db')).items)).toEqual(['backup']);
    expect(ids((await get('/api/v1/checks?agentId=a2')).items)).toEqual(['portal-tcp']);
    expect(ids((await get('/api/v1/checks?kind=heartbeat,dns')).items)).toEqual(['backup']);
    expect(ids((await get('/api/v1/checks?status=down')).items)).toEqual(['portal-tcp']);
  });

  test('agents with their link, and never their key', async () => {
    const { items } = await get('/api/v1/agents');
    expect(items[0]).toMatchObject({
      id: 'a1',
      connection: 'connected',
      assetId: 'db',
      session: { clockSkewMs: 2_600, spoolFrames: 2 },
    });
    expect(items[1]).toMatchObject({ id: 'a2', connection: 'lost', session: null, zoneId: 'z1' });
    expect(JSON.stringify(items)).not.toContain('key-of');
    expect(ids((await get('/api/v1/agents?connection=lost')).items)).toEqual(['a2']);
  });

  test('inventory and gaps of an agent', async () => {
    expect(await get('/api/v1/agents/a1/inventory')).toEqual({
      atMs: fixtureNowMs - 5,
      sections: { cpu: [{ cores: 8, brand: '龙芯' }] },
    });
    const gaps = await get(`/api/v1/agents/a1/gaps?fromMs=0&toMs=1`);
    expect(gaps.items).toEqual([]);
    const near = await get(`/api/v1/agents/a1/gaps?fromMs=${fixtureNowMs - 1_000}&toMs=${fixtureNowMs}`);
    expect(near.items).toEqual([
      { fromMs: fixtureNowMs - 100, toMs: fixtureNowMs - 50, frames: 3, bytes: 99, cause: 'spool-full' },
    ]);
  });

  test('alerts, and a value that is no number as null', async () => {
    const { items } = await get('/api/v1/alerts');
    expect(
      items.map((alert: { state: string; value: number | null; name: string }) => [alert.name, alert.state, alert.value]),
    ).toEqual([
      ['DiskFull', 'firing', 0.5],
      ['DiskFull', 'pending', null],
    ]);
    expect((await get('/api/v1/alerts?state=firing')).items).toHaveLength(1);
  });

  test('what does not exist is 404', async () => {
    for (const path of ['zones/x', 'units/x', 'assets/x', 'checks/x', 'agents/x', 'agents/a2/inventory', 'incidents/x']) {
      expect((await http.get(`/api/v1/${path}`)).json(), path).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    }
  });
});

describe('what administrators do', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    http = await createHttpFixture({ parts: districtParts, watchedFile: '/etc/jiwei.yaml' });
    await http.store.saveAgent(agentRecord('a1'));
  });
  afterAll(() => http.close());
  const yaml = { headers: { authorization: 'Bearer admin-token-of-the-tests', 'content-type': 'text/yaml' } };

  test('an agent is revoked', async () => {
    const answer = await http.post('/api/v1/agents/a1/revoke');
    expect(answer.json()).toMatchObject({ id: 'a1', revokedAtMs: fixtureNowMs });
    expect(http.calls.revoked).toEqual(['a1']);
    expect((await http.post('/api/v1/agents/none/revoke')).statusCode).toBe(404);
  });

  test('a join token is made for a zone that exists', async () => {
    const answer = await http.post('/api/v1/join-tokens', {
      zoneId: 'z1',
      labels: { site: '总部' },
      uses: 3,
      lifetimeMs: 60_000,
    });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toEqual({ id: 'token-id', token: 'join-token', expiresAtMs: fixtureNowMs + 60_000 });
    expect((await http.post('/api/v1/join-tokens', { zoneId: 'none' })).statusCode).toBe(404);
  });

  test('a declaration is applied, told with its text, and listed', async () => {
    expect((await http.get('/api/v1/declaration')).statusCode).toBe(404);
    const url = '/api/v1/declaration?actor=li&source=district.yaml';
    const applied = await http.app.inject({ method: 'PUT', url, ...yaml, payload: 'zones: []\n' });
    expect(applied.json()).toEqual({
      version: 1,
      appliedAtMs: fixtureNowMs,
      appliedBy: 'li',
      source: 'district.yaml',
      watchedFile: '/etc/jiwei.yaml',
    });
    await http.app.inject({ method: 'PUT', url, ...yaml, payload: 'units: []\n' });
    expect((await http.get('/api/v1/declaration')).json()).toMatchObject({ version: 2, text: 'units: []\n' });
    const { items } = (await http.get('/api/v1/declaration/versions')).json();
    expect(items.map((item: { version: number }) => item.version)).toEqual([2, 1]);
    expect(items[0]).not.toHaveProperty('text');
  });

  test('a declaration may be larger than other bodies, up to its own limit, and only by who may apply one', async () => {
    const put = (payload: string, headers = yaml.headers) =>
      http.app.inject({ method: 'PUT', url: '/api/v1/declaration?actor=li', headers, payload });
    const ofBytes = (bytes: number): string => `zones: []\n#${'x'.repeat(bytes - 11)}`;
    expect((await put(ofBytes(limits.declarationBytesMax))).statusCode).toBe(200);
    const tooLarge = await put(ofBytes(limits.declarationBytesMax + 1));
    expect([tooLarge.statusCode, tooLarge.json().code]).toEqual([413, 'TOO_LARGE']);
    const stranger = await put(ofBytes(limits.declarationBytesMax + 1), { ...yaml.headers, authorization: 'Bearer nobody' });
    expect(stranger.statusCode).toBe(401);
  });

  test('a refused declaration names every place', async () => {
    const url = '/api/v1/declaration?actor=li&source=district.yaml';
    const answer = await http.app.inject({ method: 'PUT', url, ...yaml, payload: 'wrong: 1' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'CONFIG_INVALID',
      errors: [
        { file: 'district.yaml', line: 2, column: 3, path: 'zones[0].id' },
        { file: 'district.yaml', line: 3, column: 1, path: 'wrong', message: 'is not known here' },
      ],
    });
  });

  test('a declaration in another encoding than UTF-8 is refused with its place, and nothing is stored', async () => {
    const before = (await http.get('/api/v1/declaration/versions')).json();
    const payload = Buffer.concat([Buffer.from('zones:\n- { id: e, name: '), Buffer.from([0xd6, 0xd0]), Buffer.from(' }')]);
    const answer = await http.app.inject({ method: 'PUT', url: '/api/v1/declaration?actor=li&source=a.yaml', ...yaml, payload });
    expect(answer.json()).toMatchObject({
      status: 400,
      code: 'CONFIG_INVALID',
      errors: [{ file: 'a.yaml', line: 2, column: 18, path: '', message: expect.stringContaining('needs UTF-8') }],
    });
    expect((await http.get('/api/v1/declaration/versions')).json()).toEqual(before);
  });

  test('a declaration as JSON or by nobody is refused', async () => {
    const json = await http.app.inject({
      method: 'PUT',
      url: '/api/v1/declaration?actor=li',
      headers: yaml.headers,
      payload: '',
    });
    expect(json.statusCode).toBe(400);
    const nobody = await http.app.inject({ method: 'PUT', url: '/api/v1/declaration', ...yaml, payload: 'zones: []' });
    expect(nobody.json().errors[0]).toMatchObject({ in: 'query', path: 'actor' });
  });

  test('a maintenance window is planned, listed and cancelled once', async () => {
    const window = {
      fromMs: fixtureNowMs + 1_000,
      toMs: fixtureNowMs + 2_000,
      unitIds: ['u1'],
      reason: '升级',
      approvedBy: '王',
    };
    const planned = await http.post('/api/v1/maintenance', window);
    expect(planned.statusCode).toBe(201);
    expect(planned.json()).toMatchObject({ id: 'm1', source: 'api', ...window, cancelledAtMs: null, approvedAtMs: fixtureNowMs });
    expect((await http.get('/api/v1/maintenance')).json().items).toHaveLength(1);
    expect((await http.get(`/api/v1/maintenance?endsAfterMs=${fixtureNowMs + 2_000}`)).json().items).toEqual([]);
    expect((await http.post('/api/v1/maintenance/m1/cancel')).json()).toMatchObject({ cancelledAtMs: fixtureNowMs });
    expect((await http.post('/api/v1/maintenance/m1/cancel')).json()).toMatchObject({ code: 'CONFLICT', status: 409 });
    expect((await http.post('/api/v1/maintenance/m9/cancel')).statusCode).toBe(404);
  });

  const windows: readonly { readonly why: string; readonly body: object; readonly status: number }[] = [
    { why: 'for a unit that is not declared', body: { unitIds: ['none'] }, status: 404 },
    { why: 'that is over already', body: { unitIds: ['u1'], fromMs: 1, toMs: 2 }, status: 400 },
    {
      why: 'that ends before it begins',
      body: { unitIds: ['u1'], fromMs: fixtureNowMs + 9, toMs: fixtureNowMs + 8 },
      status: 400,
    },
    { why: 'of 31 days', body: { unitIds: ['u1'], toMs: fixtureNowMs + 31 * 86_400_000 }, status: 400 },
    { why: 'without a reason', body: { unitIds: ['u1'], reason: ' ' }, status: 400 },
  ];
  for (const { why, body, status } of windows) {
    test(`a window ${why} is refused`, async () => {
      const base = { fromMs: fixtureNowMs, toMs: fixtureNowMs + 60_000, reason: 'x', approvedBy: 'y' };
      expect((await http.post('/api/v1/maintenance', { ...base, ...body })).statusCode).toBe(status);
    });
  }
});
