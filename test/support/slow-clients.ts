import type { Socket } from 'node:net';

/** The request by which an agent's connection becomes a WebSocket. */
export const upgradeRequest = (host: string): string =>
  [
    'GET /agent/v1 HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: jiwei.v1',
    '',
    '',
  ].join('\r\n');

/** The head of a request that goes on and on. */
export const endlessRequest: readonly number[] = [
  ...Buffer.from('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
];
/** A text frame of 100 masked bytes. */
export const longFrame: readonly number[] = [0x81, 0xe4, 0, 0, 0, 0, ...Array.from({ length: 100 }, () => 0x20)];
/** A TLS record of 512 bytes that begins like a ClientHello. */
export const longHello: readonly number[] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...Array.from({ length: 100 }, () => 0x20)];

/** Sends a byte a second to each until the returned function is called. */
export const dribble = (talkers: readonly (readonly [Socket, readonly number[]])[]): (() => void) => {
  let place = 0;
  const timer = setInterval(() => {
    for (const [socket, bytes] of talkers) if (socket.writable) socket.write(Uint8Array.of(bytes[place % bytes.length] ?? 0x61));
    place += 1;
  }, 1_000);
  return () => clearInterval(timer);
};

/** Resolves when the other side has ended it. */
export const endOf = async (socket: Socket): Promise<void> => {
  socket.resume();
  // Unlike with Node's `once`, a reset is no failure: it is one of the ways to be cut off.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
};
