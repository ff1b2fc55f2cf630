import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/**
 * The bytes an agent signs: a fixed context, then who asks, what was asked, who answers and for which run, each length-prefixed, so that no
 * two different handshakes have the same bytes and a signature is good for this protocol alone.
 */
export const challengeBytes = (handshake: { collectorId: string; nonce: string; publicKey: string; bootId: number }): Buffer => {
  const parts = [
    'jiwei agent proof v1',
    handshake.collectorId,
    handshake.nonce,
    handshake.publicKey,
    String(handshake.bootId),
  ].map((text) => Buffer.from(text, 'utf8'));
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(part.length);
      return [length, part];
    }),
  );
};

/** DER prefix of an Ed25519 public key (RFC 8410), before its 32 raw bytes. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** @param publicKey 32 raw bytes as base64url */
export const publicKeyOf = (publicKey: string): KeyObject =>
  createPublicKey({ key: Buffer.concat([spkiPrefix, Buffer.from(publicKey, 'base64url')]), format: 'der', type: 'spki' });

/** The raw public key of a private or public key object, as base64url. */
export const rawPublicKey = (key: KeyObject): string => {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length).toString('base64url');
};

/** @returns the signature as base64url */
export const signChallenge = (privateKey: KeyObject, handshake: Parameters<typeof challengeBytes>[0]): string =>
  sign(null, challengeBytes(handshake), privateKey).toString('base64url');

/** Whether the signature (base64url) is the key's own over exactly this handshake. */
export const isProofValid = (handshake: Parameters<typeof challengeBytes>[0], signature: string): boolean =>
  verify(null, challengeBytes(handshake), publicKeyOf(handshake.publicKey), Buffer.from(signature, 'base64url'));
