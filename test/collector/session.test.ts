import { generateKeyPairSync } from 'node:crypto';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { openEnvelope, sealEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { rawPublicKey, signChallenge } from '@jiwei/shared/protocol/handshake.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { describe, expect, test } from 'vitest';
import {
  createSession,
  nextSessionDeadlineMs,
  type Session,
  type SessionOutput,
  stepSession,
} from '../../collector/src/ingest/session.ts';

const keys = generateKeyPairSync('ed25519');
const publicKey = rawPublicKey(keys.publicKey);
const collectorId = 'c-test';
const nonce = Buffer.alloc(32, 7).toString('base64url');
const bootId = 1_700_000_000_000;
const at = { atMs: 1_000_000, monotonicMs: 500 };

const hello = {
  type: 'hello',
  versions: [1],
  capabilities: ['probe-request'],
  publicKey,
  bootId,
  agentVersion: '1',
  hostname: '主机',
  platform: 'linux',
  architecture: 'x64',
};
const proof = { type: 'proof', signature: signChallenge(keys.privateKey, { collectorId, nonce, publicKey, bootId }) };

const open = (): Session =>
  createSession({ collectorId, nonce, openedMonotonicMs: 0, heartbeatMs: 5_000, heartbeatTimeoutMs: 15_000 });
const say = (session: Session, message: unknown): SessionOutput[] =>
  stepSession(session, { kind: 'text', text: typeof message === 'string' ? message : JSON.stringify(message), ...at });
const sendFrame = (session: Session, bytes: Uint8Array): SessionOutput[] =>
  stepSession(session, { kind: 'binary', bytes, ...at });
const streaming = (capabilities: readonly string[] = hello.capabilities): Session => {
  const session = open();
  say(session, { ...hello, capabilities });
  say(session, proof);
  stepSession(session, {
    kind: 'admitted',
    agentId: asId('a1'),
    stored: null,
    config: { version: 1, host: { intervalMs: 15_000 }, checks: [] },
    atMs: 1_000_000,
  });
  return session;
};
const closeCode = (outputs: readonly SessionOutput[]): string | null =>
  outputs.flatMap((output) => (output.kind === 'close' ? [output.code] : []))[0] ?? null;

const dictionary = encodeDictionary({
  kind: 'dictionary',
  bootId,
  firstIndex: 0,
  series: [{ family: { name: 'node_load1', type: 'gauge', help: '1m load average.' }, labels: [] }],
});
/** Names the series from `firstIndex` on, as many as asked for. */
const naming = (firstIndex: number, count: number): Uint8Array =>
  encodeDictionary({
    kind: 'dictionary',
    bootId,
    firstIndex,
    series: Array.from({ length: count }, (_, index) => ({
      family: { name: `m${firstIndex + index}`, type: 'gauge', help: '' },
      labels: [],
    })),
  });
const samples = (seq: number, index = 0): Uint8Array =>
  encodeFrame({
    kind: 'samples',
    bootId,
    seq,
    body: encodeSamples([{ atMs: 999_000, indexes: Uint32Array.of(index), values: Float64Array.of(0.5) }]),
  });

describe('an agent connection', () => {
  test('goes from hello over challenge and proof to welcome and configuration', () => {
    const session = open();
    expect(say(session, hello)).toEqual([
      {
        kind: 'send',
        message: { type: 'challenge', version: 1, capabilities: ['probe-request', 'inventory', 'rekey'], nonce, collectorId },
      },
    ]);
    expect(say(session, proof)).toMatchObject([{ kind: 'authenticate', joinToken: null, hello: { hostname: '主机' } }]);
    const config = { version: 3, host: { intervalMs: 15_000 }, checks: [] };
    const outputs = stepSession(session, { kind: 'admitted', agentId: asId('a1'), stored: { bootId, seq: 4 }, config, atMs: 5 });
    expect(outputs).toMatchObject([
      { message: { type: 'welcome', agentId: 'a1', stored: { bootId, seq: 4 }, collectorTimeMs: 5 } },
      { message: { type: 'config', config } },
    ]);
  });

  const refused: readonly { why: string; code: string; act: () => SessionOutput[] }[] = [
    { why: 'text that is not JSON', code: 'PROTOCOL_VIOLATION', act: () => say(open(), '{') },
    { why: 'a message of unknown kind', code: 'PROTOCOL_VIOLATION', act: () => say(open(), { type: 'greeting' }) },
    { why: 'a hello without a key', code: 'PROTOCOL_VIOLATION', act: () => say(open(), { ...hello, publicKey: undefined }) },
    {
      why: 'a heartbeat before the welcome',
      code: 'PROTOCOL_VIOLATION',
      act: () => say(open(), { type: 'heartbeat', sentAtMs: 1, heardTimeMs: 1, heardAgoMs: 0, spoolFrames: 0, spoolBytes: 0 }),
    },
    { why: 'a proof before the challenge', code: 'PROTOCOL_VIOLATION', act: () => say(open(), proof) },
    { why: 'a frame before the welcome', code: 'PROTOCOL_VIOLATION', act: () => sendFrame(open(), dictionary) },
    { why: 'a second hello', code: 'PROTOCOL_VIOLATION', act: () => say(streaming(), hello) },
    {
      why: 'versions this build does not speak',
      code: 'VERSION_UNSUPPORTED',
      act: () => say(open(), { ...hello, versions: [2, 99] }),
    },
    {
      why: 'a signature over another nonce',
      code: 'AUTHENTICATION_FAILED',
      act: () => {
        const session = open();
        say(session, hello);
        return say(session, {
          type: 'proof',
          signature: signChallenge(keys.privateKey, { collectorId, nonce: `A${nonce.slice(1)}`, publicKey, bootId }),
        });
      },
    },
    { why: 'samples of a series nobody named', code: 'PROTOCOL_VIOLATION', act: () => sendFrame(streaming(), samples(0)) },
    { why: 'bytes that are no frame', code: 'PROTOCOL_VIOLATION', act: () => sendFrame(streaming(), Uint8Array.of(9, 9, 9)) },
    {
      why: 'a results frame with a result of no known reason',
      code: 'PROTOCOL_VIOLATION',
      act: () =>
        sendFrame(
          streaming(),
          encodeFrame({ kind: 'results', bootId, seq: 0, body: Buffer.from('{"results":[{"reason":"BAD_LUCK"}]}') }),
        ),
    },
  ];
  for (const { why, code, act } of refused) {
    test(`is refused with ${code} for ${why}`, () => expect(closeCode(act())).toBe(code));
  }

  test('is refused for a dictionary that leaves a hole, not for one that names again what it named', () => {
    const session = streaming();
    expect(closeCode(sendFrame(session, naming(0, 2)))).toBeNull();
    expect(closeCode(sendFrame(session, naming(1, 2)))).toBeNull();
    expect(closeCode(sendFrame(session, naming(3, 1)))).toBeNull();
    expect(closeCode(sendFrame(session, naming(5, 1)))).toBe('PROTOCOL_VIOLATION');
  });

  test('is refused for one series more than an agent may have', () => {
    const session = streaming();
    const portion = 2_000;
    for (let named = 0; named < limits.seriesPerAgentMax; named += portion) {
      expect(closeCode(sendFrame(session, naming(named, portion)))).toBeNull();
    }
    // Our own encoder refuses to write one more, so the number is put around the body by hand.
    const { kindByte, body } = openEnvelope(naming(0, 1));
    expect(closeCode(sendFrame(session, sealEnvelope({ kindByte, bootId, number: limits.seriesPerAgentMax, body })))).toBe(
      'LIMIT_EXCEEDED',
    );
  });

  test('says nothing more once it is closed', () => {
    const session = open();
    say(session, '{');
    expect(say(session, hello)).toEqual([]);
  });

  test('delivers frames with the clock offset in force and acknowledges them when they are committed', () => {
    const session = streaming();
    say(session, {
      ...{ type: 'heartbeat', sentAtMs: 1_000_000 - 60_000, heardTimeMs: 1_000_000, heardAgoMs: 0 },
      ...{ spoolFrames: 3, spoolBytes: 99 },
    });
    expect(sendFrame(session, dictionary)).toMatchObject([{ kind: 'deliver', delivery: { kind: 'dictionary', firstIndex: 0 } }]);
    expect(sendFrame(session, samples(0))).toMatchObject([
      { kind: 'deliver', delivery: { kind: 'samples', seq: 0, offsetMs: 60_000 } },
    ]);
    expect(session.inFlightFrames).toBe(1);
    const acknowledged = stepSession(session, {
      kind: 'committed',
      position: { bootId, seq: 0 },
      frameCount: 1,
      frameBytes: session.inFlightBytes,
    });
    expect(acknowledged).toEqual([{ kind: 'send', message: { type: 'ack', bootId, seq: 0 } }]);
    expect([session.inFlightFrames, session.inFlightBytes, session.spoolFrames]).toEqual([0, 0, 3]);
  });

  test('is refused for flooding when it sends past twice the window without waiting', () => {
    const session = streaming();
    sendFrame(session, dictionary);
    const codes = Array.from({ length: 2 * limits.framesInFlightMax + 1 }, (_, seq) =>
      closeCode(sendFrame(session, samples(seq))),
    );
    expect(codes.at(-1)).toBe('FLOODING');
    expect(codes.slice(0, -1).every((code) => code === null)).toBe(true);
  });

  test('goes silent at the limit, not one millisecond before', () => {
    const session = streaming();
    const dueMs = at.monotonicMs + 15_000;
    stepSession(session, { kind: 'tick', monotonicMs: at.monotonicMs + 7_500 });
    expect(nextSessionDeadlineMs(session)).toBe(dueMs);
    expect(stepSession(session, { kind: 'tick', monotonicMs: dueMs - 1 })).toEqual([]);
    expect(closeCode(stepSession(session, { kind: 'tick', monotonicMs: dueMs }))).toBe('SILENT');
  });

  test('is overdue after one heartbeat and a half, and says so once', () => {
    const session = streaming();
    const overdueMs = at.monotonicMs + 7_500;
    expect(nextSessionDeadlineMs(session)).toBe(overdueMs);
    expect(stepSession(session, { kind: 'tick', monotonicMs: overdueMs - 1 })).toEqual([]);
    expect(stepSession(session, { kind: 'tick', monotonicMs: overdueMs })).toEqual([{ kind: 'overdue', isOverdue: true }]);
    expect(stepSession(session, { kind: 'tick', monotonicMs: overdueMs + 1 })).toEqual([]);
  });

  test('is no longer overdue when anything comes, or reading goes on', () => {
    const session = streaming();
    const beOverdue = (): unknown => stepSession(session, { kind: 'tick', monotonicMs: session.lastHeardMonotonicMs + 7_500 });
    beOverdue();
    const heardAtMs = at.monotonicMs + 9_000;
    expect(stepSession(session, { kind: 'resumed', monotonicMs: heardAtMs })).toEqual([{ kind: 'overdue', isOverdue: false }]);
    expect(nextSessionDeadlineMs(session)).toBe(heardAtMs + 7_500);
    beOverdue();
    const text = JSON.stringify({ type: 'heartbeat', sentAtMs: 1, heardTimeMs: 1, heardAgoMs: 0, spoolFrames: 0, spoolBytes: 0 });
    const outputs = stepSession(session, { kind: 'text', text, atMs: 1, monotonicMs: heardAtMs + 8_000 });
    expect(outputs[0]).toEqual({ kind: 'overdue', isOverdue: false });
    expect(outputs).toHaveLength(2);
  });

  test('given up late, as after a pause of the whole process, is not overdue first', () => {
    const session = streaming();
    expect(closeCode(stepSession(session, { kind: 'tick', monotonicMs: at.monotonicMs + 15_000 }))).toBe('SILENT');
  });

  test('has a bounded time for the handshake', () => {
    const session = open();
    say(session, hello);
    expect(closeCode(stepSession(session, { kind: 'tick', monotonicMs: limits.handshakeMsMax }))).toBe('HANDSHAKE_TIMEOUT');
  });

  test('passes a question on only to an agent that can answer', () => {
    const question = {
      kind: 'ask',
      requestId: 'q1',
      probe: { kind: 'icmp', spec: { host: '127.0.0.1', count: 1, lossRatioDegraded: 0.5, tcpFallbackPort: 80 } },
      timeoutMs: 100,
    } as const;
    expect(stepSession(streaming(), question)).toMatchObject([{ message: { type: 'probeRequest', requestId: 'q1' } }]);
    expect(stepSession(open(), question)).toEqual([]);
    expect(stepSession(streaming(['inventory']), question)).toEqual([]);
  });
});
