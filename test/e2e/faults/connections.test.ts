import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed } from '../../support/after-fault.ts';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { heapEnvironment } from '../../support/heap.ts';
import { portOf } from '../../support/ports.ts';
import { eventually, type TestProcess } from '../../support/processes.ts';
import { dribble, endlessRequest, endOf, longFrame, upgradeRequest } from '../../support/slow-clients.ts';
import { type SteadyLoad, startSteadyLoad } from '../../support/steady-load.ts';

const connectionCount = 10_000;
const stormCount = Number(process.env['JIWEI_STORMS'] ?? 2);
/** One address may hold 1,000 connections: a storm has to come from many to be one. */
const addressCount = 20;
const lastHour = (): string => `fromMs=${Date.now() - 3_600_000}&toMs=${Date.now()}`;
const declaration = (silentPort: number, openPort: number): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: mute, name: 不答, kind: website, unit: tax }
  - { id: open, name: 正常, kind: server, unit: tax }
agents: [{ id: bystander }, { id: real }]
checks:
  - { id: mute-web, asset: mute, kind: http, url: "http://127.0.0.1:${silentPort}/", interval: 2s, timeout: 500ms, from: { agents: [real] } }
  - { id: open-port, asset: open, kind: tcp, host: 127.0.0.1, port: ${openPort}, interval: 1s, timeout: 500ms, from: { agents: [real] } }
host: { interval: 1s }
notifiers: [{ id: log, kind: log }]
routes: [{ id: all, notifier: log }]
`;

describe('connections that are no agents', () => {
  let district: District;
  let steady: SteadyLoad;
  /** An agent to which nothing is done. */
  let bystander: TestProcess;
  // Accepts, and never says a word.
  const silent = createServer({ pauseOnConnect: true });
  const opened = createServer((socket) => socket.end());
  let port = 0;
  const held = new Set<Socket>();
  beforeAll(async () => {
    for (const server of [silent, opened]) await once(server.listen(0, '127.0.0.1'), 'listening');
    silent.on('connection', (socket) => {
      held.add(socket);
      socket.on('error', () => undefined);
    });
    district = await openDistrict(declaration(portOf(silent), portOf(opened)), { environment: heapEnvironment });
    port = Number(new URL(district.url).port);
    const { token } = await district.post<{ token: string }>('/api/v1/join-tokens', { uses: 1 });
    steady = startSteadyLoad({ url: district.url, joinToken: token, name: 'load' });
    bystander = await district.startAgent('bystander', { launch: agentWithHeap });
    await steady.progress(50);
  });
  afterAll(async () => {
    for (const socket of held) socket.destroy();
    await steady.stop();
    await district.close();
    for (const server of [silent, opened]) server.close();
  });

  /** Unlike Node's `once`, a reset before it is no failure: it is one of the ways to be cut off. */
  const happens = (socket: Socket, event: 'connect' | 'close'): Promise<void> =>
    new Promise((resolve) => {
      socket.once(event, () => resolve());
    });
  /** A client of its own; what the collector does to it is no error of the test. */
  const open = async (address = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    socket.on('error', () => undefined);
    await Promise.race([happens(socket, 'connect'), happens(socket, 'close')]);
    return socket;
  };

  test(`${connectionCount} at once from ${addressCount} addresses, half of them upgraded: agents notice nothing, and the memory comes back`, async () => {
    const calm = await calmOf(district.collector, bystander);
    for (let count = 0; count < stormCount; count += 1) {
      await storm();
      await expectUnharmed(district, calm, {
        said: [[district.collector, /there is no room for more connections/]],
        runs: [steady.run()],
      });
    }
    expect(district.collector.output()).not.toMatch(/agent lost/);
  });

  const storm = async (): Promise<void> => {
    const sockets: Socket[] = [];
    for (let count = 0; count < connectionCount; count += 500) {
      const address = `127.0.0.${2 + ((count / 500) % addressCount)}`;
      sockets.push(...(await Promise.all(Array.from({ length: 500 }, () => open(address)))));
    }
    for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket.write(upgradeRequest(`127.0.0.1:${port}`));
    await steady.progress(200);
    expect((await fetch(`${district.url}/readyz`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await eventually('those for whom there was no room were told so', async () =>
      /jiwei_links_refused_total\{code="OVERLOADED"\} \d+/.test(await (await fetch(`${district.url}/metrics`)).text())
        ? true
        : null,
    );
    await eventually('every connection is forgotten', async () => (openSockets() < 100 ? true : null), 60_000);
  };
  const openSockets = (): number => readdirSync(`/proc/${district.collector.pid}/fd`).length;

  test('one that sends nothing, and one that sends a byte a second, are cut off; over HTTP and over WebSocket', async () => {
    const calm = await calmOf(district.collector, bystander);
    const mute = await open();
    const slow = await open();
    const muteAgent = await open();
    muteAgent.write(upgradeRequest(`127.0.0.1:${port}`));
    const slowAgent = await open();
    slowAgent.write(upgradeRequest(`127.0.0.1:${port}`));
    const stop = dribble([
      [slow, endlessRequest],
      [slowAgent, longFrame],
    ]);
    try {
      await Promise.all([mute, slow, muteAgent, slowAgent].map(endOf));
    } finally {
      stop();
    }
    await steady.progress(50);
    await expectUnharmed(district, calm, {
      said: [
        [district.collector, /HANDSHAKE_TIMEOUT.*the handshake took longer than/],
        [district.collector, /"clients":\d+,"address":"127\.0\.0\.1".*clients that sent no whole request in time were cut off/],
      ],
      runs: [steady.run()],
    });
  });

  test('a target that accepts and never answers is down by its deadline, and no other check waits for it', async () => {
    const real = await district.startAgent('real', { launch: agentWithHeap });
    const calm = await calmOf(district.collector, bystander, real);
    const statuses = async () =>
      new Map(
        (await district.get<{ items: { id: string; status: string; reason: string }[] }>('/api/v1/checks')).items.map((check) => [
          check.id,
          check,
        ]),
      );
    await eventually(
      'it is down for its silence',
      async () => ((await statuses()).get('mute-web')?.status === 'down' ? true : null),
      60_000,
    );
    const { items } = await district.get<{ items: { reason: string }[] }>(`/api/v1/checks/mute-web/results?${lastHour()}`);
    expect(new Set(items.map((result) => result.reason))).toEqual(new Set(['TIMEOUT']));
    expect((await statuses()).get('open-port')?.status).toBe('up');
    const { items: spans } = await district.get<{ items: { status: string }[] }>(
      `/api/v1/spans?kind=check&id=open-port&${lastHour()}`,
    );
    // Unknown until its agent had started.
    expect(spans.map((span) => span.status)).toEqual(['unknown', 'up']);
    await expectUnharmed(district, calm, { said: [[district.collector, /【故障】.*不答/]], runs: [steady.run()] });
  });
});
