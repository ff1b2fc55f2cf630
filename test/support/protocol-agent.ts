import { generateKeyPairSync } from 'node:crypto';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { rawPublicKey, signChallenge } from '@jiwei/shared/protocol/handshake.ts';

const bootId = 1_700_000_000_000;

/** What an agent with a key of its own says, for a challenge that is known beforehand. */
export const testAgent = (name: string, collectorId: string, nonce: string) => {
  const keys = generateKeyPairSync('ed25519');
  const publicKey = rawPublicKey(keys.publicKey);
  const result = { checkId: 'web', observedAtMs: 1, outcome: 'up', reason: 'OK', latencyMs: 1, run: { ofDown: 0, ofUp: 1 } };
  return {
    hello: {
      ...{ type: 'hello', versions: [1], capabilities: [], publicKey, bootId, agentVersion: '1', hostname: name },
      ...{ platform: 'linux', architecture: 'x64' },
    },
    proof: { type: 'proof', signature: signChallenge(keys.privateKey, { collectorId, nonce, publicKey, bootId }) },
    results: (seq: number, count = 1, detail = '') =>
      encodeFrame({
        ...{ kind: 'results', bootId, seq },
        body: Buffer.from(JSON.stringify({ results: Array(count).fill({ ...result, detail }) })),
      }),
  };
};
