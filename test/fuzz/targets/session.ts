import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { asId } from '@jiwei/shared/ids.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { rawPublicKey, signChallenge } from '@jiwei/shared/protocol/handshake.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { createSession, type Session, type SessionInput, stepSession } from '../../../collector/src/ingest/session.ts';
import { type FuzzTarget, joinParts, jsonBytes, partsOf } from '../target.ts';
import { assertCollectorMessage, controlVectors } from './control.ts';
import { withChecksum } from './frame.ts';

const separator = '\n~~\n';
/** A key of 32 times the byte 9, as PKCS #8 (RFC 8410): inputs must mean the same in every run. */
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 9)]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = rawPublicKey(createPublicKey(privateKey));
const collectorId = 'c-fuzz';
const nonce = Buffer.alloc(32, 7).toString('base64url');
const bootId = 1_700_000_000_000;
const hello = {
  ...{ type: 'hello', versions: [1], capabilities: ['probe-request'], publicKey, bootId, agentVersion: '1' },
  ...{ hostname: '主机', platform: 'linux', architecture: 'x64' },
};
const proof = { type: 'proof', signature: signChallenge(privateKey, { collectorId, nonce, publicKey, bootId }), joinToken: 't' };
const handshake = [jsonBytes(hello), jsonBytes(proof), '!admit'];
const dictionary = encodeDictionary({
  kind: 'dictionary',
  bootId,
  firstIndex: 0,
  series: ['甲', '乙'].map((name) => ({ family: { name: 'm', type: 'gauge', help: '' }, labels: [['a', name]] })),
});
const samples = encodeSamples([{ atMs: bootId, indexes: Uint32Array.of(0, 1), values: Float64Array.of(1, 2.5) }]);
const frames = [0, 1].map((seq) => encodeFrame({ kind: 'samples', bootId, seq, body: samples }));
const said = controlVectors('agent → collector');

const open = (): Session =>
  createSession({ collectorId, nonce, openedMonotonicMs: 0, heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000 });

/** What the shell does between two messages is part of the input: `!admit`, `!refuse`, `!commit`, `!ask`, `!tick MS`. */
const inputOf = (part: Buffer, session: Session, now: { readonly atMs: number; readonly monotonicMs: number }): SessionInput => {
  const text = part.toString('utf8');
  const config = { version: 1, host: { intervalMs: 15_000 }, checks: [] };
  if (text === '!admit') return { kind: 'admitted', agentId: asId('a1'), stored: null, config, atMs: now.atMs };
  if (text === '!refuse') return { kind: 'refused', code: 'AGENT_REVOKED', message: '' };
  if (text === '!config') return { kind: 'configChanged', config };
  if (text === '!ask') {
    const probe = { kind: 'tcp' as const, spec: { host: 'h', port: 1, tls: false, exchange: [] } };
    return { kind: 'ask', requestId: 'q', probe, timeoutMs: 1_000 };
  }
  if (text.startsWith('!commit') && session.inFlightFrames > 0) {
    const [frameCount, frameBytes] = [session.inFlightFrames, session.inFlightBytes];
    return { kind: 'committed', position: { bootId, seq: 0 }, frameCount, frameBytes };
  }
  if (text.startsWith('!tick')) return { kind: 'tick', monotonicMs: Math.min(1e12, Math.abs(Number(text.slice(5)) || 0)) };
  return text.startsWith('{') || text.startsWith('"') ? { kind: 'text', text, ...now } : { kind: 'binary', bytes: part, ...now };
};

/** One connection of an agent, as the collector behaves on it: any messages in any order, before and after the welcome. */
export const target: FuzzTarget = {
  name: 'session',
  corpus: [
    joinParts([...handshake, dictionary, ...frames, '!commit'], separator),
    joinParts([...handshake, ...said.slice(2), '!ask', '!config', '!tick 999999'], separator),
    joinParts([jsonBytes(hello), '!tick 10000'], separator),
    joinParts([...handshake, frames[0] ?? '', '!refuse'], separator),
  ],
  words: ['!admit', '!commit', '!tick 15000', '!ask', '"type":"heartbeat"', '"type":"bye"', '"type":"probeAnswer"', '"sentAtMs"'],
  inputBytesMax: 16_384,
  separator,
  refusals: [],
  workMax: 20_000,
  boundedInputs: 2_000,
  mend: (bytes) =>
    joinParts(
      partsOf(bytes, separator).map((part) => (/^[!{"]/.test(part.toString('latin1', 0, 1)) ? part : withChecksum(part))),
      separator,
    ),
  run: (bytes) => {
    const session = open();
    let monotonicMs = 0;
    let outputs = 0;
    for (const part of partsOf(bytes, separator)) {
      monotonicMs += 10;
      const wasClosed = session.phase.kind === 'closed';
      const found = stepSession(session, inputOf(part, session, { atMs: bootId + monotonicMs, monotonicMs }));
      assert.ok(!wasClosed || found.length === 0, 'a closed session goes on');
      for (const [place, output] of found.entries()) {
        outputs += 1;
        if (output.kind === 'send') assertCollectorMessage(output.message);
        if (output.kind === 'close') assert.equal(place, found.length - 1, 'something follows the close');
        if (output.kind === 'deliver') assert.equal(session.phase.kind, 'streaming', 'a frame is delivered before the welcome');
      }
      assert.ok(
        session.inFlightFrames >= 0 && session.inFlightBytes >= 0 && session.seriesCounts.size <= 16,
        'bounds of the session',
      );
      assert.ok(Number.isFinite(session.skew.offsetMs), 'a clock offset that is no number');
    }
    return outputs;
  },
};
