import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, expect, test } from 'vitest';
import { connectionsMaxFor, createDoor } from '../../collector/src/http/door.ts';
import { sourceOf } from '../../collector/src/http/source.ts';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { portOf } from '../support/ports.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A door before a server. @param provedFrom connections of proved agents by source */
const standing = async (server: Server, options: { connectionsMax: number; provedFrom?: Record<string, number> }) => {
  const lines: [fields: Record<string, unknown>, line: string][] = [];
  const refused: string[] = [];
  const note = (fields: Record<string, unknown>, line: string) => void lines.push([fields, line]);
  const clock = createManualClock(0);
  const door = createDoor({
    clock,
    log: { warn: note, info: note } as never,
    connectionsMax: options.connectionsMax,
    provedFrom: (source) => options.provedFrom?.[source] ?? 0,
    onRefused: (why) => refused.push(why),
  });
  door.guard(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => server.close());
  const port = portOf(server);
  /** @returns whether it is let in: an answer comes, or the end does */
  const knock = async (address: string): Promise<{ isIn: boolean; socket: Socket }> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    closers.push(() => socket.destroy());
    const ended = new Promise<boolean>((resolve) => {
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
    });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return { isIn: await Promise.race([once(socket, 'data').then(() => true), ended]), socket };
  };
  return { port, clock, lines, refused, knock };
};

const answering = (): Server => createHttpServer((_request, response) => response.end('in'));

test('no address takes more than its share of the room, and what is left is there for others until it is full', async () => {
  const { clock, lines, refused, knock } = await standing(answering(), { connectionsMax: 6 });
  const first = [await knock('127.0.0.1'), await knock('127.0.0.1'), await knock('127.0.0.1')];
  expect(first.map(({ isIn }) => isIn)).toEqual([true, true, true]);
  expect((await knock('127.0.0.1')).isIn).toBe(false);
  for (let count = 0; count < 3; count += 1) expect((await knock('127.0.0.2')).isIn).toBe(true);
  expect((await knock('127.0.0.3')).isIn).toBe(false);
  expect(refused).toEqual(['address', 'full']);
  expect(lines).toEqual([
    [{ refused: 1, address: '127.0.0.1', strangersMax: 3 }, expect.stringMatching(/one address holds as many connections/)],
    [{ refused: 1, address: '127.0.0.3', connectionsMax: 6, code: 'OVERLOADED' }, expect.stringMatching(/as many connections/)],
  ]);
  // Whoever leaves makes room, and a crowd is one line.
  first[0]?.socket.destroy();
  await until(async () => (await knock('127.0.0.1')).isIn);
  clock.advance(10_000);
  expect((await knock('127.0.0.3')).isIn).toBe(false);
  expect(lines.at(-1)?.[0]).toMatchObject({ address: '127.0.0.3' });
});

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
};

test('agents that have proved their keys take nothing of the share of their address', async () => {
  const { knock } = await standing(answering(), { connectionsMax: 8, provedFrom: { '127.0.0.1': 2 } });
  for (let count = 0; count < 6; count += 1) expect((await knock('127.0.0.1')).isIn).toBe(true);
  expect((await knock('127.0.0.1')).isIn).toBe(false);
});

test('who makes no TLS connection is cut off and told of, with address and reason; one that speaks plain HTTP too', async () => {
  const certificates: Certificates = await makeCertificates();
  closers.push(() => certificates.remove());
  const server = createHttpsServer({ ...certificates.good, handshakeTimeout: 100 }, (_request, response) => response.end('in'));
  // As the collector's does, which answers what is no request.
  server.on('clientError', (_error, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const { port, lines, refused, knock } = await standing(server, { connectionsMax: 6 });
  const silent = connect(port, '127.0.0.1');
  silent.resume();
  await once(silent, 'close');
  expect(refused).toEqual(['tls']);
  expect(lines).toEqual([
    [
      { clients: 1, address: '127.0.0.1', error: 'ERR_TLS_HANDSHAKE_TIMEOUT' },
      expect.stringMatching(/made no TLS connection, or not in time/),
    ],
  ]);
  expect((await knock('127.0.0.1')).isIn).toBe(false);
  expect(refused).toEqual(['tls', 'tls']);
});

test('the share of an address is one of its /64 in IPv6, and of IPv4 seen through IPv6', () => {
  expect(sourceOf('10.0.0.1')).toBe('10.0.0.1');
  expect(sourceOf('::ffff:10.0.0.1')).toBe('10.0.0.1');
  expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
  expect(sourceOf('2001:db8:1:2::9')).toBe('2001:db8:1:2');
  expect(sourceOf('2001:db8::1')).toBe('2001:db8:0:0');
});

test.each([
  { why: 'where nothing is known of descriptors, all', descriptorsMax: null, expected: limits.connectionsMax },
  { why: 'with many, no more than are wanted', descriptorsMax: 1_000_000, expected: limits.connectionsMax },
  { why: 'with some, all but what is kept for files', descriptorsMax: 1_024, expected: 1_024 - limits.descriptorsKept },
  { why: 'with few, half', descriptorsMax: 256, expected: 128 },
  { why: 'with next to none, one', descriptorsMax: 1, expected: 1 },
])('connections that may be open: $why', ({ descriptorsMax, expected }) => {
  expect(connectionsMaxFor(descriptorsMax)).toBe(expected);
});
