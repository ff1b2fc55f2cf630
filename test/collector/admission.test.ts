import { asId } from '@jiwei/shared/ids.ts';
import { hourMs } from '@jiwei/shared/time.ts';
import Fastify from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { createAdmission, newJoinToken, tokenHash } from '../../collector/src/runtime/admission.ts';
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
    admit({ hello: helloOf(letter), joinToken, wantedId, address });
  return { clock, store, directory, token, changes, ask };
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
