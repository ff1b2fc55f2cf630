import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually, startProgram, type TestProcess } from '../support/processes.ts';

interface ToldAgent {
  readonly id: string;
  readonly connection: string;
  readonly pendingSinceMs: number | null;
  readonly keyFingerprint: string;
}

let district: District;
const started: TestProcess[] = [];
const secrets: string[] = [];
beforeAll(async () => {
  const declaration = `zones: [{ id: z, name: Z, crew: C }]
units: [{ id: u, name: U, zone: z }]
assets: [{ id: backup, name: B, kind: server, unit: u }]
checks: [{ id: nightly, asset: backup, kind: heartbeat, interval: 1h }]
`;
  district = await openDistrict(declaration, { collectorArgs: ['--log-level', 'trace'] });
  secrets.push(district.adminToken);
});
afterAll(async () => {
  for (const one of started) await one.kill('SIGTERM');
  await district.close();
});

test('a job calls with its secret, in a header or in the address', async () => {
  const address = await district.get<{ path: string; token: string; pathWithToken: string }>('/api/v1/checks/nightly/push');
  const { path, token, pathWithToken } = address;
  expect(token).toMatch(/^[\w-]{32}$/);
  secrets.push(token);
  const statusOf = async (way: string, bearer?: string): Promise<number> => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    return (await fetch(new URL(way, district.url), { method: 'POST', headers })).status;
  };
  expect([await statusOf(path, token), await statusOf(`${path}?status=down&msg=full`, token)]).toEqual([200, 200]);
  expect(await statusOf(pathWithToken)).toBe(200);
  expect([await statusOf(path), await statusOf(path, `${token}x`), await statusOf(`${pathWithToken}x`)]).toEqual([401, 401, 401]);
});

/** A command of the collector, as people give it. */
const command = async (...words: readonly string[]): Promise<string> => {
  const run = startProgram('collector/src/main.ts', [...words, '--url', district.url], {
    JIWEI_ADMIN_TOKEN: district.adminToken,
  });
  started.push(run);
  await new Promise((resolve) => run.child.once('close', resolve));
  return run.output();
};
const startAgent = (id: string, token: string): TestProcess => {
  const words = ['--collector', district.url.replace('http', 'ws'), '--state', join(district.folder, id), '--id', id];
  const agent = startProgram('agent/src/main.ts', [...words, '--log-level', 'debug'], { JIWEI_JOIN_TOKEN: token });
  started.push(agent);
  secrets.push(token);
  return agent;
};
const told = (id: string): Promise<ToldAgent> => district.get(`/api/v1/agents/${id}`);
const connected = (id: string) =>
  eventually(`${id} is connected`, async () => ((await told(id)).connection === 'connected' ? true : null), 60_000);
const tokenFor = async (needsApproval: boolean): Promise<{ id: string; token: string }> =>
  district.post('/api/v1/join-tokens', { needsApproval });

test('an agent that needs approval waits, sends nothing, and streams once a person approves its key', async () => {
  const token = (await command('join-token', '--approval')).trim();
  const agent = startAgent('waiting', token);
  const line = await agent.line(/APPROVAL_PENDING/);
  const pending = await told('waiting');
  expect(pending).toMatchObject({ connection: 'never', pendingSinceMs: expect.any(Number) });
  expect(line).toContain(pending.keyFingerprint);
  expect(await command('agents')).toMatch(/^waiting\tpending\t/m);
  expect(await command('agents', 'approve', 'waiting')).toBe('agent waiting is approved\n');
  await connected('waiting');
  expect((await told('waiting')).pendingSinceMs).toBeNull();
});

test('one that is refused while it waits is told so, and never streams', async () => {
  const agent = startAgent('unwanted', (await tokenFor(true)).token);
  await agent.line(/APPROVAL_PENDING/);
  await district.post('/api/v1/agents/unwanted/refuse', undefined);
  await agent.line(/AGENT_REVOKED/);
  expect((await told('unwanted')).connection).toBe('never');
});

test('a revoked join token enrols nobody', async () => {
  const { id, token } = await tokenFor(false);
  expect(await command('join-tokens', 'revoke', id)).toBe(`join token ${id} is revoked\n`);
  expect(await command('join-tokens')).toMatch(new RegExp(`^${id}\trevoked`, 'm'));
  await startAgent('late', token).line(/JOIN_TOKEN_INVALID/);
});

test('a new key at the word of the collector, and at the word of the host, killed in between; the old one is worth nothing', async () => {
  const { token } = await tokenFor(false);
  const agent = startAgent('changing', token);
  await connected('changing');
  const first = (await told('changing')).keyFingerprint;
  await district.post('/api/v1/agents/changing/rekey', undefined);
  await agent.line(/the key of this agent was changed/);
  const second = (await told('changing')).keyFingerprint;
  expect(second).not.toBe(first);
  await agent.kill('SIGKILL');
  const rekey = startProgram('agent/src/main.ts', ['rekey', '--state', join(district.folder, 'changing')]);
  started.push(rekey);
  const promised = (await rekey.line(/changes its key to/)).split(' ').at(-1);
  const again = startAgent('changing', token);
  await again.line(/the key of this agent was changed/);
  await connected('changing');
  expect((await told('changing')).keyFingerprint).toBe(promised);
});

test('revoking cuts a connected agent off at once', async () => {
  const agent = startAgent('gone', (await tokenFor(false)).token);
  await connected('gone');
  await district.post('/api/v1/agents/gone/revoke', undefined);
  expect(await agent.line(/AGENT_REVOKED/)).toContain('revoked');
  expect((await district.get<{ items: { id: string; session: unknown }[] }>('/api/v1/agents')).items).toContainEqual(
    expect.objectContaining({ id: 'gone', session: null }),
  );
});

test('a copy of a running agent is turned away, whatever its boot; the agent itself notices nothing, and people are told', async () => {
  const { token } = await tokenFor(false);
  startAgent('real', token);
  await connected('real');
  const before = await district.get<{ session: { connectedAtMs: number } }>('/api/v1/agents/real');
  const isLock = (path: string): boolean => basename(path).startsWith('lock');
  await cp(join(district.folder, 'real'), join(district.folder, 'copy'), { recursive: true, filter: (path) => !isLock(path) });
  const copy = startAgent('copy', token);
  expect(await copy.line(/AGENT_CLONED/)).toContain('copy of its key');
  const incident = await eventually('the incident is open', async () => {
    const page = await district.get<{ items: { reason: string; problem: string; details: object }[] }>(
      '/api/v1/incidents?state=open',
    );
    return page.items.find((item) => item.reason === 'AGENT_CLONED') ?? null;
  });
  expect(incident).toMatchObject({ problem: 'cloned', details: { agent: 'real' } });
  expect(await district.get('/api/v1/agents/real')).toMatchObject({ session: { connectedAtMs: before.session.connectedAtMs } });
});

test('no log of any process holds a secret', async () => {
  const output = [district.collector, ...started].map((one) => one.output()).join('\n');
  expect(output.length).toBeGreaterThan(10_000);
  // The command that makes a token prints it, once, and is the only one.
  const logs = [district.collector, ...started.filter((one) => !one.child.spawnargs.includes('join-token'))].map((one) =>
    one.output(),
  );
  for (const secret of secrets) for (const log of logs) expect(log.includes(secret)).toBe(false);
  expect(logs.join('')).not.toMatch(/PRIVATE KEY/);
});
