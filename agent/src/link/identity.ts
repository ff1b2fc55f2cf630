import type { KeyObject } from 'node:crypto';
import { type AgentMessage, agentCapabilities, type Hello, protocolVersions } from '@jiwei/shared/protocol/control.ts';
import { rawPublicKey, signChallenge } from '@jiwei/shared/protocol/handshake.ts';
import type { Challenge } from './message.ts';

/** Who this agent is, for the handshake. */
export interface Identity {
  readonly privateKey: KeyObject;
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

/** The answer to a challenge: only the holder of the private key can give it. */
export const proofOf = (identity: Identity, challenge: Challenge): Extract<AgentMessage, { type: 'proof' }> => ({
  type: 'proof',
  signature: signChallenge(identity.privateKey, {
    collectorId: challenge.collectorId,
    nonce: challenge.nonce,
    publicKey: rawPublicKey(identity.privateKey),
    bootId: identity.bootId,
  }),
  ...(identity.joinToken === null ? {} : { joinToken: identity.joinToken }),
  ...(identity.wantedId === null ? {} : { wantedId: identity.wantedId }),
});
