import { generateKeyPairSync } from 'node:crypto';
import { rawPublicKey, signChallenge, signRekey } from '@jiwei/shared/protocol/handshake.ts';
import { expect, test } from 'vitest';
import { type Channel, createSession, type SessionOutput, stepSession } from '../../collector/src/ingest/session.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const publicKey = rawPublicKey(privateKey);
const handshake = { collectorId: 'c', nonce: Buffer.alloc(32, 7).toString('base64url'), publicKey, bootId: 5 };
const binding = 'b'.repeat(43);

const open = (channel: Channel | null) => {
  const session = createSession({
    ...{ collectorId: 'c', nonce: handshake.nonce, channel },
    ...{ openedMonotonicMs: 0, heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000 },
  });
  const say = (message: object): SessionOutput[] =>
    stepSession(session, { kind: 'text', text: JSON.stringify(message), atMs: 1_000_000, monotonicMs: 500 });
  const greet = (capabilities: readonly string[]): SessionOutput[] =>
    say({
      ...{ type: 'hello', versions: [1], capabilities, publicKey, bootId: 5 },
      ...{ agentVersion: '1', hostname: 'h', platform: 'linux', architecture: 'x64' },
    });
  return { say, greet };
};
const codeOf = ([output]: readonly SessionOutput[]): string =>
  output?.kind === 'close' ? output.code : output?.kind === 'send' ? output.message.type : (output?.kind ?? 'nothing');

const cases: readonly {
  readonly why: string;
  readonly channel: Channel | null;
  readonly able: boolean;
  readonly signedFor: string | null;
  readonly expected: readonly [greeted: string, proved: string | null];
}[] = [
  {
    why: 'a bound proof on its own connection',
    channel: { binding },
    able: true,
    signedFor: binding,
    expected: ['challenge', 'authenticate'],
  },
  {
    ...{ why: 'a proof bound to another connection', channel: { binding }, able: true, signedFor: 'x'.repeat(43) },
    expected: ['challenge', 'AUTHENTICATION_FAILED'],
  },
  {
    ...{
      why: 'an unbound proof where the word was stripped from the challenge',
      channel: { binding },
      able: true,
      signedFor: null,
    },
    expected: ['challenge', 'AUTHENTICATION_FAILED'],
  },
  {
    why: 'a hello that cannot, or from which the word was stripped',
    channel: { binding },
    able: false,
    signedFor: null,
    expected: ['CHANNEL_UNBOUND', null],
  },
  {
    why: 'a connection below TLS 1.3',
    channel: { binding: null },
    able: true,
    signedFor: null,
    expected: ['CHANNEL_UNBOUND', null],
  },
  {
    why: 'an unbound proof where nothing is bound',
    channel: null,
    able: true,
    signedFor: null,
    expected: ['challenge', 'authenticate'],
  },
  {
    why: 'a bound proof where nothing is bound',
    channel: null,
    able: true,
    signedFor: binding,
    expected: ['challenge', 'AUTHENTICATION_FAILED'],
  },
];
for (const { why, channel, able, signedFor, expected } of cases) {
  test(`${why}: ${expected.filter((code) => code !== null).join(', ')}`, () => {
    const { say, greet } = open(channel);
    const [greeted, proved] = expected;
    expect(codeOf(greet(able ? ['channel-binding'] : []))).toBe(greeted);
    if (proved === null) return;
    expect(codeOf(say({ type: 'proof', signature: signChallenge(privateKey, { ...handshake, binding: signedFor }) }))).toBe(
      proved,
    );
  });
}

test('the word is in the challenge only where it is meant', () => {
  const [bound] = open({ binding }).greet(['channel-binding']);
  const [plain] = open(null).greet(['channel-binding']);
  expect(bound).toMatchObject({ message: { capabilities: expect.arrayContaining(['channel-binding']) } });
  expect(plain).toMatchObject({ message: { capabilities: expect.not.arrayContaining(['channel-binding']) } });
});

test('a new key is handed on when both keys signed, and refused when only one did', () => {
  const after = generateKeyPairSync('ed25519').privateKey;
  const rekey = signRekey({ before: privateKey, after }, handshake);
  const signature = signChallenge(privateKey, handshake);
  const good = open(null);
  good.greet([]);
  expect(good.say({ type: 'proof', signature, rekey })).toMatchObject([
    { kind: 'authenticate', newPublicKey: rawPublicKey(after) },
  ]);
  for (const forged of [{ oldSignature: rekey.newSignature }, { newSignature: rekey.oldSignature }]) {
    const bad = open(null);
    bad.greet([]);
    expect(codeOf(bad.say({ type: 'proof', signature, rekey: { ...rekey, ...forged } }))).toBe('AUTHENTICATION_FAILED');
  }
});
