import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** What a proof is about. */
export interface Handshake {
  readonly collectorId: string;
  readonly nonce: string;
  readonly publicKey: string;
  readonly bootId: number;
  /** What is unique to the TLS connection it was made on, as base64url (`channelBindingOf`); null where it is not bound to one. */
  readonly binding?: string | null;
}

/** Each part behind its length in two bytes, so that no two different lists have the same bytes. */
const joined = (parts: readonly string[]): Buffer =>
  Buffer.concat(
    parts.flatMap((text) => {
      const part = Buffer.from(text, 'utf8');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(part.length);
      return [length, part];
    }),
  );

/**
 * The bytes an agent signs: a fixed context, then who asks, what was asked, who answers and for which run, so that a signature is good for
 * this protocol and this handshake alone. Bound to a TLS connection it has a context of its own and the binding at its end: it can be neither
 * relayed over another connection nor passed off as an unbound one.
 */
export const challengeBytes = ({ collectorId, nonce, publicKey, bootId, binding = null }: Handshake): Buffer => {
  const common = [collectorId, nonce, publicKey, String(bootId)];
  return binding === null
    ? joined(['jiwei agent proof v1', ...common])
    : joined(['jiwei agent bound proof v1', ...common, binding]);
};

/** The bytes that the old and the new key both sign when an agent changes its key. */
export const rekeyBytes = (handshake: Handshake, newPublicKey: string): Buffer =>
  joined([
    'jiwei agent rekey v1',
    handshake.collectorId,
    handshake.nonce,
    handshake.publicKey,
    newPublicKey,
    String(handshake.bootId),
    handshake.binding ?? '',
  ]);

/** What of a TLS connection the binding is made of (`tls.TLSSocket` has it). */
export interface ExportingSocket {
  getProtocol(): string | null;
  exportKeyingMaterial(lengthBytes: number, label: string, context: Buffer): Buffer;
}

/**
 * The binding `tls-exporter` of RFC 9266 as base64url: both ends of one TLS connection, and nobody else, have the same.
 * @returns null below TLS 1.3, where a man in the middle can make two connections export the same (RFC 7627)
 */
export const channelBindingOf = (socket: ExportingSocket): string | null =>
  socket.getProtocol() === 'TLSv1.3'
    ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)).toString('base64url')
    : null;

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

/** How people compare keys: SHA-256 of the raw key, the first 16 bytes in hex, by fours. */
export const fingerprintOf = (publicKey: string): string =>
  createHash('sha256')
    .update(Buffer.from(publicKey, 'base64url'))
    .digest('hex')
    .slice(0, 32)
    .replace(/(.{4})(?=.)/g, '$1-');

/** @returns the signature as base64url */
export const signChallenge = (privateKey: KeyObject, handshake: Handshake): string =>
  sign(null, challengeBytes(handshake), privateKey).toString('base64url');

/** A change of key: both keys sign the same, so that nobody can give his key to another's name, or another's key to his. */
export interface Rekey {
  readonly publicKey: string;
  /** By the old key. */
  readonly oldSignature: string;
  /** By the new one. */
  readonly newSignature: string;
}

/** @param keys the private keys before and after */
export const signRekey = (keys: { readonly before: KeyObject; readonly after: KeyObject }, handshake: Handshake): Rekey => {
  const publicKey = rawPublicKey(keys.after);
  const bytes = rekeyBytes(handshake, publicKey);
  return {
    publicKey,
    oldSignature: sign(null, bytes, keys.before).toString('base64url'),
    newSignature: sign(null, bytes, keys.after).toString('base64url'),
  };
};

/** Whether both keys agree to exactly this change, in exactly this handshake. */
export const isRekeyValid = (handshake: Handshake, rekey: Rekey): boolean => {
  const bytes = rekeyBytes(handshake, rekey.publicKey);
  const isSigned = (publicKey: string, signature: string): boolean =>
    verify(null, bytes, publicKeyOf(publicKey), Buffer.from(signature, 'base64url'));
  return isSigned(handshake.publicKey, rekey.oldSignature) && isSigned(rekey.publicKey, rekey.newSignature);
};

/** Whether the signature (base64url) is the key's own over exactly this handshake. */
export const isProofValid = (handshake: Handshake, signature: string): boolean =>
  verify(null, challengeBytes(handshake), publicKeyOf(handshake.publicKey), Buffer.from(signature, 'base64url'));
