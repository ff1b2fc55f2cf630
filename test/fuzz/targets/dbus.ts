import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUnitState, listUnitsWithTypes } from '../../../agent/src/host/systemd.ts';
import type { FuzzTarget } from '../target.ts';

const folder = mkdtempSync(join(tmpdir(), 'jiwei-dbus-'));
const path = join(folder, 'private');
let answer: Uint8Array = Buffer.alloc(0);
const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.end(answer));
});
server.listen(path);
await once(server, 'listening');

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  return Buffer.concat([head, bytes, Buffer.alloc(1)]);
};
const padded = (parts: readonly (Buffer | number)[]): Buffer => {
  let bytes = Buffer.alloc(0);
  for (const part of parts)
    bytes =
      typeof part === 'number'
        ? Buffer.concat([bytes, Buffer.alloc((part - (bytes.length % part)) % part)])
        : Buffer.concat([bytes, part]);
  return bytes;
};
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
/** A reply to call 1 with this body. */
const reply = (body: Buffer): Buffer => {
  const fields = Buffer.from([5, 1, 'u'.charCodeAt(0), 0, 1, 0, 0, 0]);
  return Buffer.concat([Buffer.from('l\u0002\u0001\u0001'), uint32(body.length), uint32(7), uint32(fields.length), fields, body]);
};
const unit = padded([
  ...['ssh.service', 'OpenSSH 服务', 'loaded', 'active', 'running', ''].flatMap((word) => [4, text(word)]),
  ...[4, text('/org/freedesktop/systemd1/unit/ssh'), 4, uint32(0), 4, text(''), 4, text('/')],
]);
const list = Buffer.concat([uint32(unit.length), Buffer.alloc(4), unit]);
const ok = Buffer.from('OK 0123456789abcdef\r\n');

/** systemd, or whoever sits behind its socket, answering anything at all. */
export const target: FuzzTarget = {
  name: 'dbus',
  corpus: [
    Buffer.concat([ok, reply(list)]),
    Buffer.concat([ok, reply(Buffer.alloc(8))]),
    Buffer.from('REJECTED EXTERNAL\r\n'),
    ok,
  ],
  words: [
    'OK ',
    '\r\n',
    'l\u0002\u0001\u0001',
    'B\u0003\u0001\u0001',
    '\u0004\u0001s\0',
    '\u0005\u0001u\0',
    'ssh.service',
    '\u00ff\u00ff\u00ff\u00ff',
  ],
  inputBytesMax: 16_384,
  refusals: [],
  workMax: 5_000,
  boundedInputs: 300,
  run: async (bytes) => {
    answer = bytes;
    const { signal } = new AbortController();
    let count = 0;
    for (const ask of [() => listUnitsWithTypes(path, signal, new Map()), () => createUnitState([path])('a.service', signal)]) {
      try {
        const found = await ask();
        count += Array.isArray(found) ? found.length : 1;
      } catch (error) {
        // The reader of systemd takes any Error for "cannot be read"; a TypeError would be a bug of ours.
        assert.ok(
          error instanceof Error && error.name !== 'TypeError' && !(error instanceof assert.AssertionError),
          String(error),
        );
      }
    }
    return count;
  },
  close: async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  },
};
