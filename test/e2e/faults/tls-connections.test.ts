import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../../agent/probes/support/certificates.ts';
import { eventually, listening, startProgram, type TestProcess, testFolder } from '../../support/processes.ts';
import { dribble, endlessRequest, endOf, longFrame, longHello, upgradeRequest } from '../../support/slow-clients.ts';

describe('connections that are no agents, over TLS', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let certificates: Certificates;
  let collector: TestProcess;
  let agent: TestProcess;
  let url = '';
  let port = 0;
  let adminToken = '';
  let ca = '';
  const held = new Set<Socket>();
  const path = (name: string): string => join(folder.path, name);

  beforeAll(async () => {
    [folder, certificates] = await Promise.all([testFolder(), makeCertificates()]);
    ca = await readFile(certificates.caFile, 'utf8');
    await writeFile(path('server.pem'), certificates.good.cert);
    await writeFile(path('server.key'), certificates.good.key);
    collector = startProgram('collector/src/main.ts', [
      ...['serve', '--data', path('data'), '--listen', '127.0.0.1:0', '--local-agent-token', path('token')],
      ...['--tls-cert', path('server.pem'), '--tls-key', path('server.key'), '--log-level', 'info'],
    ]);
    const told = await listening(collector);
    url = told.url;
    port = Number(new URL(url).port);
    adminToken = told.adminToken ?? '';
    agent = startAgent();
    await connected();
  });
  afterAll(async () => {
    for (const socket of held) socket.destroy();
    await agent.kill('SIGTERM');
    await collector.kill('SIGTERM');
    await certificates.remove();
    await folder.remove();
  });

  const startAgent = (): TestProcess =>
    startProgram('agent/src/main.ts', [
      ...['--collector', url.replace('https', 'wss').replace('127.0.0.1', 'localhost'), '--state', path('agent')],
      ...['--id', 'local', '--ca', certificates.caFile, '--join-token-file', path('token')],
    ]);
  const read = (address: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${adminToken}` };
      const asked = request(`${url}${address}`, { ca, headers, agent: false }, (answer) => text(answer).then(resolve, reject));
      asked.on('error', reject);
      asked.end();
    });
  const connected = (): Promise<true> =>
    eventually('the agent is connected', async () => {
      const { items } = JSON.parse(await read('/api/v1/agents')) as { items: { connection: string }[] };
      return items.some(({ connection }) => connection === 'connected') ? true : null;
    });
  const refusedFor = async (why: string): Promise<number> =>
    Number(new RegExp(`connections_refused_total\\{why="${why}"\\} (\\d+)`).exec(await read('/metrics'))?.[1] ?? 0);
  const openSockets = (): number => readdirSync(`/proc/${collector.pid}/fd`).length;

  /** A bare connection; what the collector does to it is no error of the test. */
  const open = async (address = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    held.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => held.delete(socket));
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return socket;
  };
  /** The same with TLS. */
  const openTls = async (address = '127.0.0.1'): Promise<Socket> => {
    const bare = await open(address);
    const socket = connectTls({ socket: bare, ca, servername: 'localhost' });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
    return socket;
  };
  const openUpgraded = async (address = '127.0.0.1'): Promise<Socket> => {
    const socket = await openTls(address);
    socket.write(upgradeRequest(`127.0.0.1:${port}`));
    return socket;
  };

  test('one that sends nothing, and one that sends a byte a second, are cut off: in the handshake, in HTTP and in WebSocket', async () => {
    const [mute, slow, muteHttp, slowHttp, muteAgent, slowAgent] = [
      ...[await open(), await open(), await openTls(), await openTls()],
      ...[await openUpgraded(), await openUpgraded()],
    ] as [Socket, Socket, Socket, Socket, Socket, Socket];
    const stop = dribble([
      [slow, longHello],
      [slowHttp, endlessRequest],
      [slowAgent, longFrame],
    ]);
    try {
      await Promise.all([mute, slow, muteHttp, slowHttp, muteAgent, slowAgent].map(endOf));
    } finally {
      stop();
    }
    for (const line of [
      /"clients":\d+,"address":"127\.0\.0\.1","error":"ERR_TLS_HANDSHAKE_TIMEOUT".*made no TLS connection/,
      /"clients":\d+,"address":"127\.0\.0\.1".*sent no whole request in time/,
      /HANDSHAKE_TIMEOUT.*the handshake took longer/,
    ])
      await collector.line(line);
    expect(await refusedFor('tls')).toBe(2);
    await connected();
    expect(collector.output()).not.toMatch(/agent lost|"code":"SILENT"/);
  });

  test('one address that opens thousands is given its share, and an agent of another comes back meanwhile', async () => {
    const from = collector.output().length;
    const silent = Promise.all(Array.from({ length: 3 * limits.connectionsPerAddressMax }, () => open('127.0.0.2')));
    await agent.kill('SIGKILL');
    await silent;
    await eventually('those beyond its share are ended', async () =>
      (await refusedFor('address')) >= limits.connectionsPerAddressMax ? true : null,
    );
    expect(await read('/healthz')).toContain('alive');
    agent = startAgent();
    await connected();
    await collector.line(/"address":"127\.0\.0\.2".*one address holds as many connections as one may/, 20_000, from);
    await eventually('those that stay silent are gone', async () => (openSockets() < 100 ? true : null), 60_000);
  });

  test('one address whose upgraded connections prove nothing is given its share, and an agent of another comes back meanwhile', async () => {
    const from = collector.output().length;
    let stops = 0;
    const silent = await Promise.all(Array.from({ length: 900 }, () => openUpgraded('127.0.0.2')));
    for (const socket of silent) {
      socket.resume();
      socket.once('close', () => {
        stops += 1;
      });
    }
    await eventually('those beyond its share are told to come back', async () =>
      stops >= silent.length - limits.handshakesPerAddressMax ? true : null,
    );
    await agent.kill('SIGKILL');
    agent = startAgent();
    await connected();
    await collector.line(
      /"address":"127\.0\.0\.2","code":"OVERLOADED".*one address has as many connections under way/,
      20_000,
      from,
    );
    expect(collector.output().slice(from)).not.toMatch(/there is no room for more connections/);
  });

  test('without a descriptor left it says that, not that files are bad, and goes on when there are some', async () => {
    const from = collector.output().length;
    const allowed = (count: string): void => void execFileSync('prlimit', ['--pid', String(collector.pid), `--nofile=${count}`]);
    // Those it has stay good.
    allowed('10:20000');
    await writeFile(path('server.pem'), `${certificates.good.cert}\n`);
    await collector.line(/"descriptorsMax":\d+.*can open no more files and connections/, 30_000, from);
    allowed('20000');
    await collector.line(/new TLS files are in force/, 30_000, from);
    expect(collector.output().slice(from)).not.toMatch(/cannot be used/);
    expect(await read('/metrics')).toContain('jiwei_tls_reload_successful 1');
  });
});
