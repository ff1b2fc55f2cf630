import assert from 'node:assert/strict';
import { connectThroughProxy, type HttpProxy } from '@jiwei/agent/link/proxy.ts';
import { createWebSocketDial } from '@jiwei/agent/link/web-socket.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { openHostilePeer } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

const peer = await openHostilePeer(true);
const httpProxy: HttpProxy = { url: new URL(`http://127.0.0.1:${peer.port}`), variable: 'HTTP_PROXY' };
const dial = createWebSocketDial({
  url: new URL(`ws://127.0.0.1:${peer.port}`),
  trust: { ca: null, pinned: null, trustsFirstUse: false, pin: () => undefined },
  client: null,
  proxy: null,
});
const dialThrough = createWebSocketDial({
  url: new URL('ws://collector.invalid:1'),
  trust: { ca: null, pinned: null, trustsFirstUse: false, pin: () => undefined },
  client: null,
  proxy: httpProxy,
});

/** Dials and waits for the end; whatever comes, it is told once, and nothing after it. */
const dialOnce = (one: typeof dial): Promise<number> =>
  new Promise((resolve, reject) => {
    let [messages, ends] = [0, 0];
    one({
      opened: () => assert.equal(ends, 0),
      text: () => {
        messages += 1;
      },
      binary: () => undefined,
      drained: () => undefined,
      closed: (_closeCode, problem) => {
        ends += 1;
        if (ends > 1) reject(new Error(`closed twice: ${problem}`));
        setImmediate(() => resolve(messages));
      },
    });
  });

/** A proxy, and a collector's address behind it, answering anything at all to an agent that connects. */
export const target: FuzzTarget = {
  name: 'proxy',
  corpus: [
    Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n'),
    Buffer.from(
      'HTTP/1.1 200 OK\r\nproxy-agent: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    ),
    Buffer.from(
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="名"\r\ncontent-length: 2\r\n\r\nno',
    ),
    Buffer.from(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: a\r\n\r\n\u0081\u0002{}',
    ),
    Buffer.from('\u0005\0'),
  ],
  words: [
    'HTTP/1.1 ',
    '200 ',
    '407 ',
    '101 ',
    '\r\n\r\n',
    'upgrade: websocket\r\n',
    'sec-websocket-protocol: jiwei.v1\r\n',
    'content-length: 99999\r\n',
    'location: http://a/',
  ],
  inputBytesMax: 8_192,
  refusals: [],
  workMax: 8_192,
  boundedInputs: 60,
  run: async (bytes) => {
    peer.says(bytes);
    try {
      const socket = await connectThroughProxy(httpProxy, 'collector:443', {
        withinMs: limits.proxyMsMax,
        signal: new AbortController().signal,
      });
      socket.on('error', () => undefined);
      socket.destroy();
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === 'PROXY_FAILED', `not an error of ours: ${String(error)}`);
    }
    return (await dialOnce(dial)) + (await dialOnce(dialThrough));
  },
  close: peer.close,
};
