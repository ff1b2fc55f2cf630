import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { hourMs } from '@jiwei/shared/time.ts';
import Fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import type { Links } from '../../collector/src/ingest/host.ts';
import { createAdmission, newJoinToken, tokenHash } from '../../collector/src/runtime/admission.ts';
import { createAgentRights } from '../../collector/src/runtime/agent-rights.ts';
import { readDeclaration } from '../../collector/src/runtime/declaring.ts';
import { createDirectory } from '../../collector/src/runtime/directory.ts';
import { createIntake } from '../../collector/src/runtime/intake.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { createManualClock } from '../support/manual-clock.ts';

const startMs = 1_700_000_000_000;
const keyOf = (letter: string): string => Buffer.alloc(32, letter).toString('base64url');
const helloOf = (letter: string) => ({
  type: 'hello' as const,
  versions: [1],
  capabilities: [],
  publicKey: keyOf(letter),
  bootId: 1,
  agentVersion: '1',
  hostname: `Host_${letter}`,
  platform: 'linux',
  architecture: 'x64',
});

const noLinks: Links = {
  sessions: () => [],
  ask: () => undefined,
  rekey: () => undefined,
  configChanged: () => undefined,
  disconnect: () => undefined,
  setPressure: () => undefined,
};

const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

/** Admission over a real store with one token of two uses. */
const open = async () => {
  const clock = createManualClock(startMs);
  const store = await openSqliteStore({ path: ':memory:', clock });
  stores.push(store);
  const { declaration } = readDeclaration('{}', 'empty', { notifierSchemas: new Map() });
  const directory = createDirectory(clock, { declaration, agents: [], maintenance: [] });
  const token = newJoinToken();
  await store.saveJoinToken({
    hash: tokenHash(token),
    zoneId: null,
    labels: { room: '1' },
    usesLeft: 2,
    createdAtMs: startMs,
    expiresAtMs: startMs + hourMs,
    needsApproval: false,
    revokedAtMs: null,
  });
  const changes: string[] = [];
  const admit = createAdmission({
    ...{ store, directory, clock },
    intake: createIntake(),
    log: Fastify({ logger: false }).log,
    idsInUse: new Set(),
    reconfigure: async () => {
      directory.compile();
      changes.push('compiled');
    },
  });
  const ask = (letter: string, joinToken: string | null, wantedId: string | null = null, address = '10.0.0.1') =>
    admit({ hello: helloOf(letter), joinToken, wantedId, newPublicKey: null, address });
  /** As an agent that changes its key from one letter to the other. */
  const change = (from: string, to: string, joinToken: string | null = null) =>
    admit({ hello: helloOf(from), joinToken, wantedId: null, newPublicKey: keyOf(to), address: '10.0.0.1' });
  const disconnected: string[] = [];
  const rights = createAgentRights({
    ...{ store, directory, clock, log: Fastify({ logger: false }).log },
    links: () => ({ ...noLinks, disconnect: (id, code) => disconnected.push(`${id} ${code}`) }),
    reconfigure: async () => void directory.compile(),
    onAgentGone: () => undefined,
  });
  return { clock, store, directory, token, changes, ask, change, rights, disconnected };
};

test('a new key with a join token gets an id, the labels of the token, and is in force', async () => {
  const { ask, token, directory, store } = await open();
  expect(await ask('a', token, 'web-1')).toMatchObject({ kind: 'admitted', agentId: 'web-1', stored: null });
  expect(directory.config.agents.has(asId('web-1'))).toBe(true);
  expect(await store.agents()).toMatchObject([{ id: 'web-1', publicKey: keyOf('a'), labels: { room: '1' }, hostname: 'Host_a' }]);
});

test('the key alone is enough from then on, and the same id comes back', async () => {
  const { ask, token, changes } = await open();
  await ask('a', token, 'web-1');
  expect(await ask('a', null)).toMatchObject({ kind: 'admitted', agentId: 'web-1' });
  expect(changes).toHaveLength(1);
  await ask('a', null, null, '10.0.0.2');
  expect(changes, 'another address is another place to ask for the host').toHaveLength(2);
});

test.each([
  { why: 'without a token', token: () => null, code: 'AGENT_UNKNOWN' },
  { why: 'with a token nobody made', token: () => newJoinToken(), code: 'JOIN_TOKEN_INVALID' },
])('a new key is refused $why', async ({ token, code }) => {
  const { ask, store } = await open();
  expect(await ask('a', token())).toMatchObject({ kind: 'refused', code });
  expect(await store.agents()).toEqual([]);
});

test('a token is used up after its last use, and no use is lost to an agent that is known', async () => {
  const { ask, token } = await open();
  await ask('a', token);
  await ask('a', token);
  expect(await ask('b', token)).toMatchObject({ kind: 'admitted' });
  expect(await ask('c', token)).toMatchObject({ kind: 'refused', code: 'JOIN_TOKEN_INVALID' });
});

test('a token ends at its instant', async () => {
  const { ask, token, clock } = await open();
  clock.advance(hourMs - 1);
  expect(await ask('a', token)).toMatchObject({ kind: 'admitted' });
  clock.advance(1);
  expect(await ask('b', token)).toMatchObject({ kind: 'refused', code: 'JOIN_TOKEN_INVALID' });
});

test('an id that is taken gets the key behind it, also for two who ask at once', async () => {
  const { ask, token } = await open();
  const [first, second] = await Promise.all([ask('a', token, 'web-1'), ask('b', token, 'web-1')]);
  expect(first).toMatchObject({ agentId: 'web-1' });
  expect(second).toMatchObject({ agentId: `web-1-${Buffer.from('b'.repeat(4)).toString('hex')}` });
});

describe('a token buys no id that is declared to be elsewhere', () => {
  const declared = `zones: [{ id: east, name: E, crew: E }, { id: west, name: W, crew: W }]
units: [{ id: u, name: U, zone: west }]
assets: [{ id: pump, name: P, kind: server, unit: u }]
agents:
  - { id: west-gw, zone: west, labels: { role: probe } }
  - { id: pump-1, asset: pump }
  - { id: anywhere }
checks: [{ id: ping, asset: pump, kind: icmp, host: 10.0.0.1, from: { agents: [west-gw] } }]
`;
  const cases: readonly {
    readonly id: string;
    readonly zone: string | null;
    readonly labels?: Readonly<Record<string, string>>;
    readonly refusal: RegExp | null;
  }[] = [
    { id: 'west-gw', zone: 'east', refusal: /west-gw is declared in zone west; this join token is for zone east/ },
    { id: 'pump-1', zone: 'east', refusal: /pump-1 is declared in zone west; this join token is for zone east/ },
    { id: 'west-gw', zone: 'west', refusal: null },
    { id: 'pump-1', zone: 'west', refusal: null },
    { id: 'west-gw', zone: null, refusal: null },
    { id: 'anywhere', zone: 'east', refusal: null },
    { id: 'not-declared', zone: 'east', refusal: null },
    { id: 'west-gw', zone: 'west', labels: { role: 'probe', rack: '1' }, refusal: null },
    { id: 'west-gw', zone: 'west', labels: { role: 'web' }, refusal: /label role="probe"; this join token is for role="web"/ },
  ];
  for (const { id, zone, labels = {}, refusal } of cases) {
    test(`${id} with a token of ${zone ?? 'no zone'} ${JSON.stringify(labels)}: ${refusal === null ? 'taken' : 'refused'}`, async () => {
      const { ask, rights, directory, store } = await open();
      directory.setDeclaration(readDeclaration(declared, 'declared', { notifierSchemas: new Map() }).declaration);
      directory.compile();
      const zoneId = zone === null ? null : asId<'zone'>(zone);
      const { token } = await rights.createJoinToken({ zoneId, labels, usesLeft: 1, lifetimeMs: hourMs, needsApproval: false });
      const answer = await ask('a', token, id);
      if (refusal === null) {
        expect(answer).toMatchObject({ kind: 'admitted', agentId: id });
        return;
      }
      expect(answer).toMatchObject({ kind: 'refused', code: 'JOIN_TOKEN_INVALID', message: expect.stringMatching(refusal) });
      expect(await store.agents()).toEqual([]);
      expect(directory.config.checks.get(asId<'check'>('ping'))?.agentIds).toEqual([]);
      // Its use is left for whom it was made.
      expect(await ask('a', token, 'another')).toMatchObject({ kind: 'admitted', agentId: 'another' });
    });
  }
});

test('a revoked key is refused, with a token as well, and its id stays its own', async () => {
  const { ask, token, directory, store } = await open();
  await ask('a', token, 'web-1');
  const record = directory.agent(asId('web-1'));
  if (record === null) throw new Error('not enrolled');
  const revoked = { ...record, revokedAtMs: startMs };
  await store.saveAgent(revoked);
  directory.setAgent(revoked);
  expect(await ask('a', token)).toMatchObject({ kind: 'refused', code: 'AGENT_REVOKED' });
  expect(await ask('b', token, 'web-1')).toMatchObject({ kind: 'admitted', agentId: 'web-1-62626262' });
});

test('a token that asks for approval registers the agent, and nothing more until a person approves', async () => {
  const { ask, rights, directory } = await open();
  const { token } = await rights.createJoinToken({
    zoneId: null,
    labels: {},
    usesLeft: 1,
    lifetimeMs: hourMs,
    needsApproval: true,
  });
  expect(await ask('a', token, 'web-1')).toMatchObject({ kind: 'refused', code: 'APPROVAL_PENDING' });
  expect(directory.config.agents.has(asId('web-1'))).toBe(false);
  expect(await ask('a', null), 'the key is registered: it needs no token to ask again').toMatchObject({
    code: 'APPROVAL_PENDING',
  });
  await rights.approveAgent(asId('web-1'));
  expect(await ask('a', null)).toMatchObject({ kind: 'admitted', agentId: 'web-1' });
  expect(directory.config.agents.has(asId('web-1'))).toBe(true);
  await expect(rights.approveAgent(asId('web-1'))).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('an agent that is refused, or revoked while it waits, is out for good', async () => {
  const { ask, rights } = await open();
  const { token } = await rights.createJoinToken({
    zoneId: null,
    labels: {},
    usesLeft: 2,
    lifetimeMs: hourMs,
    needsApproval: true,
  });
  await ask('a', token, 'web-1');
  await ask('b', token, 'web-2');
  await rights.refuseAgent(asId('web-1'));
  await rights.revokeAgent(asId('web-2'));
  expect(await ask('a', token)).toMatchObject({ code: 'AGENT_REVOKED' });
  expect(await ask('b', token)).toMatchObject({ code: 'AGENT_REVOKED' });
  await expect(rights.approveAgent(asId('web-1'))).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a revoked token lets nobody in, and those it let in stay', async () => {
  const { ask, rights } = await open();
  const { id, token } = await rights.createJoinToken({ zoneId: null, labels: {}, usesLeft: 9, lifetimeMs: hourMs });
  expect(await ask('a', token)).toMatchObject({ kind: 'admitted' });
  await rights.revokeJoinToken(id);
  expect(await ask('b', token)).toMatchObject({ code: 'JOIN_TOKEN_INVALID' });
  expect(await ask('a', null)).toMatchObject({ kind: 'admitted' });
  expect((await rights.joinTokens()).find((one) => one.hash.startsWith(id))).toMatchObject({ usesLeft: 8, revokedAtMs: startMs });
  await expect(rights.revokeJoinToken('none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a revocation that comes while the agent is looked up is not overwritten', async () => {
  const { ask, token, rights, store, directory } = await open();
  await ask('a', token, 'web-1');
  const [admission] = await Promise.all([ask('a', null), rights.revokeAgent(asId('web-1'))]);
  expect(admission).toMatchObject({ code: 'AGENT_REVOKED' });
  const [first] = await Promise.all([rights.revokeAgent(asId('web-1')).catch(() => 'revoked'), ask('a', null)]);
  expect(first).toBe('revoked');
  expect((await store.agents())[0]?.revokedAtMs).toBe(startMs);
  expect(directory.agent(asId('web-1'))?.revokedAtMs).toBe(startMs);
});

test('with a new key the old one is unknown, and the agent that did not hear of it may prove both again', async () => {
  const { ask, change, token, store } = await open();
  await ask('a', token, 'web-1');
  expect(await change('a', 'b')).toMatchObject({ kind: 'admitted', agentId: 'web-1' });
  expect(await ask('a', null)).toMatchObject({ code: 'AGENT_UNKNOWN' });
  expect(await change('a', 'b'), 'ended before the welcome came').toMatchObject({ kind: 'admitted', agentId: 'web-1' });
  expect(await ask('b', null)).toMatchObject({ kind: 'admitted', agentId: 'web-1' });
  expect(await store.agents()).toMatchObject([{ id: 'web-1', publicKey: keyOf('b') }]);
});

test('nobody takes the key of another agent, and a revoked one gets no new one', async () => {
  const { ask, change, token, rights } = await open();
  await ask('a', token, 'web-1');
  await ask('b', token, 'web-2');
  expect(await change('a', 'b')).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  await rights.revokeAgent(asId('web-1'));
  expect(await change('a', 'c')).toMatchObject({ code: 'AGENT_REVOKED' });
});

test('wrong tokens from one address are limited, and agents that are known are not', async () => {
  const { ask, token, clock } = await open();
  await ask('z', token);
  for (let count = 0; count < limits.authFailuresMax; count += 1)
    expect(await ask('a', newJoinToken())).toMatchObject({ code: 'JOIN_TOKEN_INVALID' });
  expect(await ask('a', token)).toMatchObject({ code: 'RATE_LIMITED' });
  expect(await ask('z', null)).toMatchObject({ kind: 'admitted' });
  expect(await ask('a', newJoinToken(), null, '10.0.0.2')).toMatchObject({ code: 'JOIN_TOKEN_INVALID' });
  clock.advance(limits.authFailureRefillMs);
  expect(await ask('a', token)).toMatchObject({ kind: 'admitted' });
});
