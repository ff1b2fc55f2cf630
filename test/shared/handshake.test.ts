import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  challengeBytes,
  channelBindingOf,
  type Handshake,
  isProofValid,
  isRekeyValid,
  publicKeyOf,
  type Rekey,
  rawPublicKey,
  rekeyBytes,
  signChallenge,
  signRekey,
} from '../../shared/src/protocol/handshake.ts';
import { bytesOf, type Part, vectorsOf } from '../support/vectors.ts';

const vectors = vectorsOf<{
  readonly name: string;
  readonly privateKeySeed?: string;
  readonly handshake: Handshake;
  readonly parts?: readonly Part[];
  readonly signature: string;
  readonly valid: boolean;
}>('handshake');

/** PKCS #8 around the 32 bytes of an Ed25519 key (RFC 8410, section 7). */
const privateKeyOf = (seed: string) =>
  createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' });

describe('the handshakes of the vectors', () => {
  for (const { name, privateKeySeed, handshake, parts, signature, valid } of vectors) {
    test(`${name} is ${valid ? 'proved' : 'not proved'}`, () => expect(isProofValid(handshake, signature)).toBe(valid));
    if (parts !== undefined) {
      test(`${name}: the bytes to sign`, () => {
        expect(challengeBytes(handshake).toString('hex')).toBe(bytesOf(parts).toString('hex'));
      });
    }
    if (privateKeySeed !== undefined) {
      test(`${name}: key and signature`, () => {
        const key = privateKeyOf(privateKeySeed);
        expect(rawPublicKey(key)).toBe(handshake.publicKey);
        expect(signChallenge(key, handshake)).toBe(signature);
      });
    }
  }
});

const rekeys = vectorsOf<{
  readonly name: string;
  readonly privateKeySeed?: string;
  readonly nextKeySeed?: string;
  readonly handshake: Handshake;
  readonly parts?: readonly Part[];
  readonly rekey: Rekey;
  readonly valid: boolean;
}>('handshake', 'rekeys');

describe('the changes of key of the vectors', () => {
  for (const { name, privateKeySeed, nextKeySeed, handshake, parts, rekey, valid } of rekeys) {
    test(`${name} is ${valid ? 'proved' : 'not proved'}`, () => expect(isRekeyValid(handshake, rekey)).toBe(valid));
    if (parts !== undefined) {
      test(`${name}: the bytes to sign`, () => {
        expect(rekeyBytes(handshake, rekey.publicKey).toString('hex')).toBe(bytesOf(parts).toString('hex'));
      });
    }
    if (privateKeySeed !== undefined && nextKeySeed !== undefined) {
      test(`${name}: keys and signatures`, () => {
        expect(signRekey({ before: privateKeyOf(privateKeySeed), after: privateKeyOf(nextKeySeed) }, handshake)).toEqual(rekey);
      });
    }
  }
});

test('a change of key holds for its own handshake alone', () => {
  const after = generateKeyPairSync('ed25519').privateKey;
  const rekey = signRekey({ before: privateKey, after }, own);
  expect(isRekeyValid(own, rekey)).toBe(true);
  for (const changed of [{ collectorId: 'd' }, { nonce: 'x' }, { bootId: 2 }, { binding: 'b' }])
    expect(isRekeyValid({ ...own, ...changed }, rekey)).toBe(false);
});

test('below TLS 1.3 there is no binding', () => {
  const exporting = (protocol: string) => ({ getProtocol: () => protocol, exportKeyingMaterial: () => Buffer.alloc(32, 1) });
  expect(channelBindingOf(exporting('TLSv1.2'))).toBeNull();
  expect(channelBindingOf(exporting('TLSv1.3'))).toBe(Buffer.alloc(32, 1).toString('base64url'));
});

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const own: Handshake = {
  collectorId: 'c',
  nonce: Buffer.alloc(32).toString('base64url'),
  publicKey: rawPublicKey(publicKey),
  bootId: 1,
};

test('a key comes back from its 32 bytes', () => {
  expect(rawPublicKey(publicKeyOf(own.publicKey))).toBe(own.publicKey);
  expect(rawPublicKey(privateKey)).toBe(own.publicKey);
});

test('a signature holds for its own handshake alone', () => {
  const signature = signChallenge(privateKey, own);
  expect(isProofValid(own, signature)).toBe(true);
  const other = rawPublicKey(generateKeyPairSync('ed25519').publicKey);
  for (const changed of [{ collectorId: 'd' }, { nonce: 'x' }, { bootId: 2 }, { publicKey: other }, { binding: 'b' }]) {
    expect(isProofValid({ ...own, ...changed }, signature)).toBe(false);
  }
  expect(isProofValid(own, '')).toBe(false);
});

test('no two handshakes have the same bytes', () => {
  const text = fc.string({ maxLength: 4 });
  const handshake = fc.record({
    collectorId: text,
    nonce: text,
    publicKey: text,
    bootId: fc.nat({ max: 20 }),
    binding: fc.option(text),
  });
  fc.assert(
    fc.property(handshake, handshake, (one, two) => {
      const isSame = (['collectorId', 'nonce', 'publicKey', 'bootId', 'binding'] as const).every((key) => one[key] === two[key]);
      return challengeBytes(one).equals(challengeBytes(two)) === isSame;
    }),
    { numRuns: 1_000 },
  );
});
