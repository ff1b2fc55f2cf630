import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentMessage, FramePosition } from '@jiwei/shared/protocol/control.ts';
import { agentMessageSchema } from '@jiwei/shared/protocol/control.ts';
import type { DictionaryFrame } from '@jiwei/shared/protocol/dictionary.ts';
import { decodeFrame, type NumberedFrame } from '@jiwei/shared/protocol/frame.ts';
import { isProofValid } from '@jiwei/shared/protocol/handshake.ts';
import { type WebSocket, WebSocketServer } from 'ws';

/** A small collector: speaks the protocol, keeps what came, and can be told to misbehave. */
export interface TestCollector {
  readonly url: URL;
  readonly frames: NumberedFrame[];
  readonly dictionaries: DictionaryFrame[];
  readonly messages: AgentMessage[];
  /** Types of messages and kinds of frames in the order in which they came. */
  readonly arrivals: string[];
  readonly sockets: Set<WebSocket>;
  isAcknowledging: boolean;
  /** Sends a control message on every open connection. */
  say(message: object): void;
  /** Resolves when `isDone` holds, looked at after each message. */
  until(isDone: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export const startTestCollector = async (options: {
  readonly config: object;
  readonly port?: number;
  readonly stored?: FramePosition | null;
  readonly framesInFlightMax?: number;
}): Promise<TestCollector> => {
  const http = createServer();
  const server = new WebSocketServer({ server: http, path: '/agent/v1', perMessageDeflate: false });
  let isClosed = false;
  http.listen(options.port ?? 0, '127.0.0.1');
  await once(http, 'listening');
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of [...waiting]) check();
  };
  const { port } = http.address() as AddressInfo;
  let stored = options.stored ?? null;
  const collector: TestCollector = {
    url: new URL(`ws://127.0.0.1:${port}`),
    frames: [],
    dictionaries: [],
    messages: [],
    arrivals: [],
    sockets: new Set(),
    isAcknowledging: true,
    say: (message) => {
      for (const socket of collector.sockets) socket.send(JSON.stringify(message));
    },
    until: (isDone) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!isDone()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      for (const socket of server.clients) socket.terminate();
      server.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  server.on('connection', (socket) => {
    collector.sockets.add(socket);
    const nonce = randomBytes(32).toString('base64url');
    let publicKey = '';
    let bootId = 0;
    const say = (message: object): void => socket.send(JSON.stringify(message));
    const onControl = (message: AgentMessage): void => {
      collector.messages.push(message);
      collector.arrivals.push(message.type);
      if (message.type === 'hello') {
        ({ publicKey, bootId } = message);
        say({ type: 'challenge', version: 1, capabilities: [], nonce, collectorId: 'test' });
      }
      if (message.type === 'proof') {
        if (!isProofValid({ collectorId: 'test', nonce, publicKey, bootId }, message.signature))
          return socket.close(4401, 'AUTHENTICATION_FAILED');
        const window = { framesInFlightMax: options.framesInFlightMax ?? 64, frameBytesInFlightMax: 4_194_304 };
        say({
          type: 'welcome',
          agentId: 'a1',
          stored,
          heartbeatMs: 5_000,
          heartbeatTimeoutMs: 15_000,
          ...window,
          collectorTimeMs: Date.now(),
        });
        say({ type: 'config', config: options.config });
      }
      if (message.type === 'heartbeat') say({ type: 'heartbeatAnswer', echoMs: message.sentAtMs, collectorTimeMs: Date.now() });
    };
    socket.on('message', (data, isBinary) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
      if (!isBinary) onControl(agentMessageSchema.parse(JSON.parse(bytes.toString('utf8'))));
      else {
        const frame = decodeFrame(bytes);
        collector.arrivals.push(frame.kind);
        if (frame.kind === 'dictionary') collector.dictionaries.push(frame);
        else {
          collector.frames.push(frame);
          if (collector.isAcknowledging) {
            stored = { bootId: frame.bootId, seq: frame.seq };
            say({ type: 'ack', ...stored });
          }
        }
      }
      look();
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      collector.sockets.delete(socket);
      look();
    });
  });
  return collector;
};
