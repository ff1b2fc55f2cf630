import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { Series } from '@jiwei/shared/series.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { newLoadIdentity, openLoadAgent } from '../support/load-agent.ts';
import { eventually, listening, startProgram, type TestProcess } from '../support/processes.ts';

const declaration = (name: string): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: ${name}, zone: east }]
assets:
  - { id: web, name: 办税网站, kind: website, unit: tax, needsOnsite: true }
  - { id: mail, name: 邮件, kind: server, unit: tax }
agents: [{ id: probe, asset: mail }]
checks:
  - { id: web-port, asset: web, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, staleAfter: 3s, from: { agents: [probe] } }
  - { id: dead-man, asset: mail, kind: heartbeat, interval: 1h }
notifiers: [{ id: log, kind: log }]
routes: [{ id: all, notifier: log }]
`;
const secondMs = 1_000;
const staleAfterMs = 3 * secondMs;
const series: readonly Series[] = [{ family: { name: 'node_load1', type: 'gauge', help: '1m load average.' }, labels: [] }];

interface SpanRow {
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly status: string;
}
type Get = <T>(path: string) => Promise<T>;

const answer = (observedAtMs: number, outcome: 'up' | 'down', place: number): CheckResult => ({
  checkId: asId<'check'>('web-port'),
  observedAtMs,
  outcome,
  reason: outcome === 'up' ? 'OK' : 'CONNECTION_REFUSED',
  latencyMs: 2,
  run: outcome === 'up' ? { ofDown: 0, ofUp: place } : { ofDown: place, ofUp: 0 },
});

/** Every figure over ranges that are over, and all that people made. What tells of this moment only is left out. */
const figuresOf = async (get: Get, fromMs: number, toMs: number): Promise<Readonly<Record<string, unknown>>> => {
  const middleMs = Math.floor((fromMs + toMs) / 2);
  const ranges = [`fromMs=${fromMs}&toMs=${toMs}`, `fromMs=${fromMs}&toMs=${middleMs}`, `fromMs=${middleMs}&toMs=${toMs}`];
  const whole = ranges[0] ?? '';
  const paths = [
    ...ranges.flatMap((range) => [
      `/availability/assets?${range}`,
      ...['unit', 'zone', 'all'].map((by) => `/availability/groups?by=${by}&${range}`),
    ]),
    ...[
      'kind=check&id=web-port',
      'kind=check&id=dead-man',
      'kind=asset&id=web',
      'kind=asset&id=mail',
      'kind=lane&id=web-port@probe',
    ].map((subject) => `/spans?${subject}&${whole}`),
    '/corrections',
    `/checks/web-port/results?limit=1000&${whole}`,
    `/agents/probe/samples?names=node_load1&stepMs=1000&${whole}`,
    `/agents/probe/gaps?${whole}`,
    '/incidents',
    '/declaration',
    '/declaration/versions',
    '/maintenance',
  ];
  const found: Record<string, unknown> = {};
  for (const path of paths) {
    const { asOfMs: _asOfMs, ...body } = await get<Record<string, unknown>>(`/api/v1${path}`);
    found[path] = body;
  }
  const { items: incidents } = await get<{ items: { id: string }[] }>('/api/v1/incidents');
  for (const { id } of incidents) {
    const detail = await get<Record<string, unknown>>(`/api/v1/incidents/${encodeURIComponent(id)}`);
    found[id] = { incident: detail['incident'], timeline: detail['timeline'], notifications: detail['notifications'] };
  }
  const { items: agents } = await get<{ items: Record<string, unknown>[] }>('/api/v1/agents');
  found['agents'] = agents.map(({ connection: _connection, sinceMs: _sinceMs, session: _session, ...lasting }) => lasting);
  return found;
};

describe('a backup made while the collector works', () => {
  let district: District;
  let restored: TestProcess | null = null;
  beforeAll(async () => {
    district = await openDistrict(declaration('税务局'));
  });
  afterAll(async () => {
    await restored?.kill('SIGTERM');
    await district.close();
  });

  const token = async (uses: number): Promise<string> =>
    (await district.post<{ token: string }>('/api/v1/join-tokens', { uses })).token;
  const command = async (name: string, file: string, data: string): Promise<string> => {
    const started = startProgram('collector/src/main.ts', [name, file, '--data', data]);
    const [exitCode] = (await once(started.child, 'close')) as [number | null];
    expect(exitCode, started.output()).toBe(0);
    return started.output();
  };

  test('restored into a fresh folder gives every figure again, agents go on exactly, and what was lost between is never up', async () => {
    const get: Get = district.get;
    const joinToken = await token(3);
    const identity = newLoadIdentity();
    const open = (url: string, name: string, how: { identity?: typeof identity; nextSeq?: number } = {}) =>
      openLoadAgent({ url, joinToken, name, series, ...how });
    const probe = await open(district.url, 'probe', { identity });
    const busy = await open(district.url, 'busy');
    await district.declare(declaration('区税务局'));
    await eventually('the second version is in force', async () =>
      (await get<{ version: number }>('/api/v1/declaration')).version === 2 ? true : null,
    );

    // A minute of history with an outage in it, an incident that people worked on, and a window.
    const lastAtMs = Date.now();
    const fromMs = lastAtMs - 60 * secondMs;
    const stored: Promise<void>[] = [];
    for (let place = 0; place <= 60; place += 1) {
      const isDown = place >= 20 && place < 40;
      const run = isDown ? place - 19 : place < 20 ? place + 1 : place - 39;
      stored.push(probe.sendResults([answer(fromMs + place * secondMs, isDown ? 'down' : 'up', run)]));
      if (place % 10 === 0) await Promise.all(stored);
    }
    for (let place = 0; place <= 60; place += 10) stored.push(probe.sendRow(fromMs + place * secondMs, Float64Array.of(place)));
    await Promise.all(stored);
    let nextSeq = stored.length;
    const { pathWithToken: path } = await get<{ pathWithToken: string }>('/api/v1/checks/dead-man/push');
    await fetch(new URL(`${path}&status=down`, district.url), { method: 'POST' });
    const incident = await eventually('the incident is open', async () => {
      const { items } = await get<{ items: { id: string; assetId: string }[] }>('/api/v1/incidents?state=open');
      return items.find((one) => one.assetId === 'mail') ?? null;
    });
    await district.post(`/api/v1/incidents/${encodeURIComponent(incident.id)}/acknowledge`, { actor: '值班', note: '在路上' });
    await district.post('/api/v1/maintenance', {
      ...{ fromMs: lastAtMs + 3_600_000, toMs: lastAtMs + 7_200_000, assetIds: ['web'], unitIds: [], zoneIds: [] },
      ...{ reason: '升级', approvedBy: '科长' },
    });
    await eventually('the last answer is too old to say anything', async () => {
      const { items } = await get<{ items: { id: string; status: string }[] }>('/api/v1/checks');
      return items.some((check) => check.id === 'web-port' && check.status === 'unknown') ? true : null;
    });
    await eventually('every notification was sent', async () => {
      const { notifications } = await get<{ notifications: { state: string }[] }>(
        `/api/v1/incidents/${encodeURIComponent(incident.id)}`,
      );
      return notifications.length > 0 && notifications.every((one) => one.state === 'sent') ? true : null;
    });
    const before = await figuresOf(get, fromMs, lastAtMs);

    const stream = new AbortController();
    const streaming = (async () => {
      for (let row = 0; !stream.signal.aborted; row += 1) await busy.sendRow(Date.now(), Float64Array.of(row));
    })();
    const file = join(district.folder, 'district.jiwei-backup');
    expect(await command('backup', file, join(district.folder, 'data'))).toMatch(/holds the state of 20.*sha256 [0-9a-f]{64}/);
    stream.abort();
    await streaming;

    // Acknowledged, and not in the backup: the agent has forgotten it, and soon nobody knows it.
    const lostFrames = 10;
    for (let place = 0; place < lostFrames; place += 1) await probe.sendResults([answer(Date.now(), 'up', place + 1)]);
    nextSeq += lostFrames;
    await district.collector.kill('SIGKILL');
    for (const agent of [probe, busy]) agent.close();

    const fresh = join(district.folder, 'fresh');
    expect(await command('restore', file, fresh)).toMatch(/now as it was at 20.*\nThere was no database before/);
    restored = startProgram('collector/src/main.ts', ['serve', '--data', fresh, '--listen', '127.0.0.1:0']);
    const { url, adminToken } = await listening(restored);
    expect(adminToken).toBeNull();
    const getAgain: Get = async <T>(path: string) => {
      const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${district.adminToken}` } });
      expect(response.status, path).toBe(200);
      return (await response.json()) as T;
    };
    expect(await figuresOf(getAgain, fromMs, lastAtMs)).toEqual(before);

    // The key is known, the position is that of the backup, and the same join token still has its last use.
    const again = await open(url, 'probe', { identity, nextSeq });
    expect(again.agentId).toBe('probe');
    expect(again.storedSeq).toBe(nextSeq - lostFrames - 1);
    const backAtMs = Date.now();
    await again.sendResults([answer(backAtMs, 'up', lostFrames + 1)]);
    const third = await open(url, 'third');
    expect(third.agentId).toBe('third');
    await expect(open(url, 'fourth')).rejects.toThrow(/JOIN_TOKEN_INVALID/);

    const { items: spans } = await getAgain<{ items: SpanRow[] }>(
      `/api/v1/spans?kind=check&id=web-port&fromMs=${lastAtMs + staleAfterMs}&toMs=${backAtMs}`,
    );
    expect(spans).toMatchObject([{ fromMs: lastAtMs + staleAfterMs, toMs: backAtMs, status: 'unknown' }]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain(`jiwei_frames_missing_total ${lostFrames}\n`);
    again.close();
    third.close();
  });

  test('nothing is put into a folder that is in use, or taken from a file that is no backup', async () => {
    const file = join(district.folder, 'no-backup');
    await writeFile(file, 'not a backup');
    const refused = startProgram('collector/src/main.ts', ['restore', file, '--data', join(district.folder, 'fresh')]);
    const [exitCode] = (await once(refused.child, 'close')) as [number | null];
    expect(exitCode).toBe(1);
    expect(refused.output()).toMatch(
      /^collector: BACKUP_INVALID: .*no-backup cannot be restored: it is another kind of file.*\n$/,
    );
    const good = join(district.folder, 'district.jiwei-backup');
    const inUse = startProgram('collector/src/main.ts', ['restore', good, '--data', join(district.folder, 'fresh')]);
    await once(inUse.child, 'close');
    expect(inUse.output()).toMatch(/^collector: LOCKED: .*in use by another process.*\n$/);
  });
});
