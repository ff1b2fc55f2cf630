import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { CheckResult } from '@jiwei/shared/check.ts';
import { collectorMessageSchema, linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { rawPublicKey, signChallenge } from '@jiwei/shared/protocol/handshake.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import type { Series } from '@jiwei/shared/series.ts';
import WebSocket from 'ws';

/** Below the shortest heartbeat timeout any test sets. */
const beatMs = 500;

/** A real connection of an agent that does nothing but send: for load, not for measuring. */
export interface LoadAgent {
  readonly agentId: string;
  /** Last frame the collector says it has stored, from its welcome; null for none. */
  readonly storedSeq: number | null;
  /** Sends one frame of `rows` and resolves when it is acknowledged, that is stored. */
  sendRow(atMs: number, values: Float64Array): Promise<void>;
  /** Sends one frame of answers to checks and resolves when it is stored. */
  sendResults(results: readonly CheckResult[]): Promise<void>;
  /** A row with a number of the caller's choice: to repeat what was sent before. */
  sendFrame(seq: number, atMs: number, values: Float64Array): Promise<void>;
  /** Sends messages as they are, whatever they are; resolves when the collector has taken all, or has ended the link. */
  sendAnything(messages: readonly (string | Uint8Array)[]): Promise<void>;
  /** Bytes of samples frames sent so far. */
  sentBytes(): number;
  /** Resolves when the connection is gone; what was not acknowledged by then never is. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Key and run of a load agent. */
export interface LoadIdentity {
  readonly privateKey: KeyObject;
  readonly publicKey: string;
  readonly bootId: number;
}

/** A key nobody has seen before. */
export const newLoadIdentity = (): LoadIdentity => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey: rawPublicKey(publicKey), bootId: Date.now() };
};

/** Enrols a new agent and opens its stream. @throws when the collector refuses */
export const openLoadAgent = async (options: {
  readonly url: string;
  readonly joinToken: string;
  readonly name: string;
  readonly series: readonly Series[];
  /** Who it is; a new one by default. The same identity again continues its stream. */
  readonly identity?: LoadIdentity;
  /** Number of the next frame of `sendRow` and `sendResults`: what comes after the last one acknowledged; 0 by default. */
  readonly nextSeq?: number;
}): Promise<LoadAgent> => {
  const { privateKey, publicKey: key, bootId } = options.identity ?? newLoadIdentity();
  let storedSeq: number | null = null;
  const socket = new WebSocket(`${options.url.replace(/^http/, 'ws')}${linkPath}`, linkSubprotocol, { perMessageDeflate: false });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  const waiting = new Map<number, () => void>();
  const indexes = Uint32Array.from(options.series, (_, index) => index);
  let seq = options.nextSeq ?? 0;
  let sentBytes = 0;
  const say = (message: unknown): void => socket.send(JSON.stringify(message));
  let heard = { collectorTimeMs: 0, atMs: 0 };
  const beat = (): void => {
    const sentAtMs = Date.now();
    const clocks = { sentAtMs, heardTimeMs: heard.collectorTimeMs, heardAgoMs: Math.max(0, sentAtMs - heard.atMs) };
    say({ type: 'heartbeat', ...clocks, spoolFrames: 0, spoolBytes: 0 });
  };
  const agentId = await new Promise<string>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code, reason) => reject(new Error(`closed: ${code} ${reason}`)));
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const message = collectorMessageSchema.parse(JSON.parse(String(data)));
      if ('collectorTimeMs' in message) heard = { collectorTimeMs: message.collectorTimeMs, atMs: Date.now() };
      if (message.type === 'challenge') {
        const signature = signChallenge(privateKey, {
          collectorId: message.collectorId,
          nonce: message.nonce,
          publicKey: key,
          bootId,
        });
        say({ type: 'proof', signature, joinToken: options.joinToken, wantedId: options.name });
      } else if (message.type === 'welcome') {
        beat();
        socket.send(encodeDictionary({ kind: 'dictionary', bootId, firstIndex: 0, series: options.series }));
        storedSeq = message.stored?.seq ?? null;
        resolve(message.agentId);
      } else if (message.type === 'ack') {
        // An acknowledgement speaks for all frames up to it; a map keeps the order in which they were sent.
        for (const [number, stored] of waiting) {
          if (number > message.seq) continue;
          stored();
          waiting.delete(number);
        }
      } else if (message.type === 'refuse') {
        reject(new Error(`${message.code}: ${message.message}`));
      }
    });
    once(socket, 'open').then(
      () =>
        say({
          type: 'hello',
          versions: [1],
          capabilities: [],
          publicKey: key,
          bootId,
          agentVersion: 'load',
          hostname: options.name,
          platform: 'linux',
          architecture: 'x64',
        }),
      reject,
    );
  });
  const beating = setInterval(beat, beatMs);
  void closed.then(() => clearInterval(beating));
  const send = (kind: 'samples' | 'results', number: number, body: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const bytes = encodeFrame({ kind, bootId, seq: number, body });
      waiting.set(number, resolve);
      if (kind === 'samples') sentBytes += bytes.length;
      socket.send(bytes);
    });
  const sendFrame = (number: number, atMs: number, values: Float64Array): Promise<void> =>
    send('samples', number, encodeSamples([{ atMs, indexes, values }]));
  return {
    agentId,
    storedSeq,
    sendFrame,
    sendRow: (atMs, values) => {
      seq += 1;
      return sendFrame(seq - 1, atMs, values);
    },
    sendResults: (results) => {
      seq += 1;
      return send('results', seq - 1, Buffer.from(JSON.stringify({ results })));
    },
    sendAnything: async (messages) => {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      socket.once('close', () => resolve());
      // The answer to a ping comes after whatever stood before it was read.
      socket.once('pong', () => resolve());
      for (const message of messages) if (socket.readyState === WebSocket.OPEN) socket.send(message);
      if (socket.readyState === WebSocket.OPEN) socket.ping();
      else resolve();
      await ended;
    },
    sentBytes: () => sentBytes,
    closed,
    close: () => {
      clearInterval(beating);
      socket.close();
    },
  };
};
