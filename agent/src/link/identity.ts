import type { KeyObject } from 'node:crypto';
import { type AgentMessage, agentCapabilities, type Hello, protocolVersions } from '@jiwei/shared/protocol/control.ts';
import { rawPublicKey, signChallenge, signRekey } from '@jiwei/shared/protocol/handshake.ts';
import type { Challenge } from './message.ts';

/** Who this agent is, for the handshake. */
export interface Identity {
  readonly privateKey: KeyObject;
  /** The key it is to have from the next welcome on; null when it stays. */
  readonly nextKey?: KeyObject | null;
  readonly bootId: number;
  readonly agentVersion: string;
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  /** Buys one registration; the collector ignores it for a key that it knows. */
  readonly joinToken: string | null;
  /** Name asked for at registration. */
  readonly wantedId: string | null;
}

/** The first message of a connection. */
export const helloOf = (identity: Identity): Hello => ({
  type: 'hello',
  versions: [...protocolVersions],
  capabilities: [...agentCapabilities],
  publicKey: rawPublicKey(identity.privateKey),
  bootId: identity.bootId,
  agentVersion: identity.agentVersion.slice(0, 64),
  hostname: identity.hostname.slice(0, 253),
  platform: identity.platform.slice(0, 64),
  architecture: identity.architecture.slice(0, 64),
});

export type Proof = Extract<AgentMessage, { type: 'proof' }>;

/**
 * The answer to a challenge: only the holder of the private key can give it, and where both sides can, only on this TLS connection.
 * @param channelBinding of the connection the challenge came on
 */
export const proofOf = (identity: Identity, challenge: Challenge, channelBinding: string | null): Proof => {
  const { privateKey, nextKey = null, joinToken, wantedId, bootId } = identity;
  const { collectorId, nonce, capabilities } = challenge;
  const binding = capabilities.includes('channel-binding') ? channelBinding : null;
  const handshake = { collectorId, nonce, publicKey: rawPublicKey(privateKey), bootId, binding };
  return {
    type: 'proof',
    signature: signChallenge(privateKey, handshake),
    ...(joinToken === null ? {} : { joinToken }),
    ...(wantedId === null ? {} : { wantedId }),
    ...(nextKey === null || !capabilities.includes('rekey')
      ? {}
      : { rekey: signRekey({ before: privateKey, after: nextKey }, handshake) }),
  };
};
