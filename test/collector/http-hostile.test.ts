import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { limits } from '@jiwei/shared/limits.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { createWebSocketDial } from '../../agent/src/link/web-socket.ts';
import { createIngest } from '../../collector/src/ingest/server.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';

let fixture: HttpFixture;
beforeAll(async () => {
  fixture = await createHttpFixture();
});
afterAll(() => fixture.close());

const json = { 'content-type': 'application/json' };
const cases: readonly {
  readonly why: string;
  readonly headers: Record<string, string>;
  readonly payload: string | Buffer;
  readonly status: number;
  readonly code: string;
}[] = [
  {
    why: 'a body that unpacks to 100 MiB is not unpacked',
    headers: { ...json, 'content-encoding': 'gzip' },
    payload: gzipSync(Buffer.alloc(100 * 1_048_576)),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    why: 'JSON nested 200,000 deep is refused by the schema, not by the stack',
    headers: json,
    payload: `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    why: '100,000 labels are more than a body may hold',
    headers: json,
    payload: JSON.stringify({
      uses: 1,
      labels: Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`a${index}`, ''])),
    }),
    status: 413,
    code: 'TOO_LARGE',
  },
  {
    why: 'as many labels as a body can hold are refused',
    headers: json,
    payload: JSON.stringify({
      uses: 1,
      labels: Object.fromEntries(Array.from({ length: 80_000 }, (_, index) => [`a${index}`, ''])),
    }),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    why: 'one byte more than a body may have',
    headers: json,
    payload: ' '.repeat(limits.requestBytesMax + 1),
    status: 413,
    code: 'TOO_LARGE',
  },
];
for (const { why, headers, payload, status, code } of cases) {
  test(`a request: ${why}`, async () => {
    const answer = await fixture.post('/api/v1/join-tokens', payload, {
      headers: { authorization: `Bearer admin-token-of-the-tests`, ...headers },
    });
    expect({ status: answer.statusCode, code: answer.json().code }).toEqual({ status, code });
  });
}

test('compression of the link is neither accepted by the collector nor offered by the agent', async () => {
  const refusedCodes: string[] = [];
  const opened: string[] = [];
  const ingest = createIngest({
    server: fixture.app.server,
    links: { roomFor: () => 'room', open: (_socket: unknown, address: string) => opened.push(address) } as never,
    log: fixture.app.log,
    onRefused: (code: string) => refusedCodes.push(code),
  } as never);
  const url = (await fixture.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const socket = new WebSocket(`${url}${linkPath}`, linkSubprotocol, { perMessageDeflate: true });
  await once(socket, 'open');
  expect(socket.extensions).toBe('');
  socket.terminate();
  ingest.close();

  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  const dial = createWebSocketDial({
    url: new URL(`ws://127.0.0.1:${address.port}`),
    trust: { ca: null, pinned: null, trustsFirstUse: false, pin: () => undefined },
    client: null,
    proxy: null,
  });
  const ignore = (): void => undefined;
  const transport = dial({ opened: ignore, text: ignore, binary: ignore, drained: ignore, closed: ignore });
  const [, request] = await once(server, 'connection');
  expect(request.headers['sec-websocket-extensions']).toBeUndefined();
  transport.terminate();
  server.close();
});
