import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemdReader } from '../../../agent/src/host/linux/systemd-units.ts';
import { askSystemd, createUnitState, listUnits } from '../../../agent/src/host/systemd.ts';
import { collectRecording, rootsOf } from './support/collect.ts';

const signal = () => AbortSignal.timeout(5_000);
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Bytes as D-Bus writes them, by the specification's examples and apart from the product's own writer. */
const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const padded = (bytes: number[], boundary: number) => {
  while (bytes.length % boundary !== 0) bytes.push(0);
  return bytes;
};
const pushText = (bytes: number[], text: string) => padded(bytes, 4).push(...u32(text.length), ...Buffer.from(text), 0);

type UnitRow = readonly [name: string, load: string, active: string, sub: string];
const unitList = (rows: readonly UnitRow[]) => {
  // The array's elements begin at 8, behind its length and the padding; positions before that do not change the alignment.
  const elements: number[] = [];
  for (const [name, load, active, sub] of rows) {
    padded(elements, 8);
    for (const text of [name, 'A unit', load, active, sub, '', `/org/freedesktop/systemd1/unit/${name}`])
      pushText(elements, text);
    padded(elements, 4).push(...u32(0));
    for (const text of ['', '/']) pushText(elements, text);
  }
  return [...u32(elements.length), 0, 0, 0, 0, ...elements];
};
const reply = (serial: number, body: readonly number[], errorName?: string) => {
  const fields: number[] = [5, 1, 'u'.charCodeAt(0), 0, ...u32(serial)];
  if (errorName !== undefined) {
    fields.push(4, 1, 's'.charCodeAt(0), 0);
    pushText(fields, errorName);
  }
  const head = ['l'.charCodeAt(0), errorName === undefined ? 2 : 3, 0, 1, ...u32(body.length), ...u32(1), ...u32(fields.length)];
  return Buffer.from([...padded([...head, ...fields], 8), ...body]);
};
const typeReply = (serial: number, type: string) => {
  const body = [1, 's'.charCodeAt(0), 0];
  pushText(body, type);
  return reply(serial, body);
};

type Answer = (call: { readonly text: string; readonly serial: number }, socket: Socket) => void;

/** A server that speaks D-Bus up to the calls, which `answer` gets. */
const serve = async (answer: Answer, file = 'systemd/private') => {
  const folder = await mkdtemp(join(tmpdir(), 'jiwei-dbus-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, file, '..'), { recursive: true });
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let pending = Buffer.alloc(0);
    let isReady = false;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      pending = Buffer.concat([pending, Buffer.from(bytes)]);
      if (!isReady && pending.includes('AUTH EXTERNAL') && !pending.includes('BEGIN')) {
        socket.write('OK 1234deadbeef\r\n');
        pending = Buffer.alloc(0);
      }
      const begin = pending.indexOf('BEGIN\r\n');
      if (!isReady && begin >= 0) {
        isReady = true;
        pending = pending.subarray(begin + 7);
      }
      while (isReady && pending.length >= 16) {
        const length = Math.ceil((16 + pending.readUInt32LE(12)) / 8) * 8 + pending.readUInt32LE(4);
        if (pending.length < length) return;
        answer({ text: pending.toString('latin1', 0, length), serial: pending.readUInt32LE(8) }, socket);
        pending = pending.subarray(length);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, file), resolve));
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { run: folder, socket: join(folder, file) };
};

const rows: readonly UnitRow[] = [
  ['nginx.service', 'loaded', 'active', 'running'],
  ['broken.service', 'loaded', 'failed', 'failed'],
  ['data.mount', 'loaded', 'active', 'mounted'],
  ['gone.service', 'not-found', 'inactive', 'dead'],
];
const systemd: Answer = ({ text, serial }, socket) => {
  if (text.includes('ListUnitsByNames')) socket.write(reply(serial, unitList([rows[1] ?? ['', '', '', '']])));
  else if (text.includes('ListUnits')) socket.write(reply(serial, unitList(rows)));
  else if (text.includes('Hello')) socket.write(reply(serial, []));
  else socket.write(typeReply(serial, text.includes('nginx') ? 'forking' : 'simple'));
};

test('lists the units, whatever their names and however the bytes arrive', async () => {
  const { socket } = await serve(({ serial }, peer) => {
    for (const byte of reply(serial, unitList(rows))) peer.write(Buffer.from([byte]));
  });
  const units = await listUnits(socket, signal());
  expect(units.map(({ name, load, active, sub }) => [name, load, active, sub])).toEqual(rows);
});

test('says Hello on the bus and not on the private socket', async () => {
  const members: string[] = [];
  const noting: Answer = (call, socket) => {
    members.push(call.text.includes('Hello') ? 'Hello' : 'ListUnits');
    systemd(call, socket);
  };
  await listUnits((await serve(noting, 'dbus/system_bus_socket')).socket, signal());
  await listUnits((await serve(noting)).socket, signal());
  expect(members).toEqual(['Hello', 'ListUnits', 'ListUnits']);
});

test('tells the state of one unit, and of an unknown one where systemd cannot be asked by name', async () => {
  const { socket } = await serve(systemd);
  expect(await createUnitState([socket])('broken.service', signal())).toMatchObject({ load: 'loaded', active: 'failed' });
  const old = await serve((call, peer) => {
    if (!call.text.includes('ListUnitsByNames')) systemd(call, peer);
    else peer.write(reply(call.serial, [], 'org.freedesktop.DBus.Error.UnknownMethod'));
  });
  expect(await createUnitState([old.socket])('nginx.service', signal())).toMatchObject({ active: 'active' });
  expect(await createUnitState([old.socket])('no.service', signal())).toMatchObject({ load: 'not-found' });
});

test('is null where no systemd is, also behind a bus that does not know it', async () => {
  const bus = await serve(({ serial, text }, peer) => {
    peer.write(text.includes('Hello') ? reply(serial, []) : reply(serial, [], 'org.freedesktop.DBus.Error.ServiceUnknown'));
  }, 'dbus/system_bus_socket');
  expect(await createUnitState([`${bus.run}/nobody`, bus.socket])('x.service', signal())).toBeNull();
});

test.each<readonly [why: string, answer: Answer, message: RegExp]>([
  ['closes', (_, socket) => socket.destroy(), /closed|ECONNRESET|EPIPE/],
  ['sends what is no D-Bus', (_, socket) => socket.write('x'.repeat(64)), /not a D-Bus message/],
  [
    'promises too much',
    (_, socket) => socket.write(Buffer.from([108, 2, 0, 1, ...u32(2 ** 30), ...u32(1), ...u32(0)])),
    /longer than/,
  ],
  [
    'sends an array that ends outside',
    ({ serial }, socket) => socket.write(reply(serial, [...u32(99), 0, 0, 0, 0])),
    /ends outside/,
  ],
  ['refuses', ({ serial }, socket) => socket.write(reply(serial, [], 'org.x.Refused')), /org\.x\.Refused/],
])('fails with the reason when the other side %s', async (_, answer, message) => {
  const { socket } = await serve(answer);
  await expect(listUnits(socket, signal())).rejects.toThrow(message);
});

test('ends when the signal fires, though nobody answers', async () => {
  const asked = Promise.withResolvers<void>();
  const { socket } = await serve(() => asked.resolve());
  const stop = new AbortController();
  const listing = listUnits(socket, stop.signal);
  await asked.promise;
  stop.abort();
  await expect(listing).rejects.toThrow(/abort/i);
});

test('series of services with their types; what is not loaded and mounts are left out', async () => {
  const { run } = await serve(systemd);
  const roots = { ...rootsOf('debian12-two-cpus'), run };
  const { values } = await collectRecording('debian12-two-cpus', { roots, readers: [systemdReader] });
  expect([...values].filter(([name]) => name.startsWith('node_systemd_unit_state') && values.get(name) === 1)).toEqual([
    ['node_systemd_unit_state{name="nginx.service",state="active",type="forking"}', 1],
    ['node_systemd_unit_state{name="broken.service",state="failed",type="simple"}', 1],
  ]);
  expect(values.get('node_systemd_units{state="active"}')).toBe(2);
  expect([...values.keys()].filter((name) => name.startsWith('node_systemd_unit_state'))).toHaveLength(10);
});

test('nobody is asked twice once somebody answered', async () => {
  const asked: string[] = [];
  const found = await askSystemd(['a', 'b'], async (socket) => {
    asked.push(socket);
    return 1;
  });
  expect([found, asked]).toEqual([{ kind: 'answered', value: 1 }, ['a']]);
});
