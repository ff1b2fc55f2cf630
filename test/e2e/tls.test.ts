import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { agentLaunch } from '../../deploy/agent-launch.mjs';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { eventually, listening, root, startProcess, startProgram, type TestProcess, testFolder } from '../support/processes.ts';
import { onlyTls, tlsVersionsRefused, tlsVersionsTaken } from '../support/tls-versions.ts';

describe('a collector with a certificate of a private authority', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let certificates: Certificates;
  let collector: TestProcess;
  let url = '';
  let adminToken = '';
  const agents: TestProcess[] = [];

  beforeAll(async () => {
    folder = await testFolder();
    certificates = await makeCertificates();
    const certificateFile = join(folder.path, 'server.pem');
    const keyFile = join(folder.path, 'server.key');
    await writeFile(certificateFile, certificates.good.cert);
    await writeFile(keyFile, certificates.good.key, { mode: 0o600 });
    collector = startProgram('collector/src/main.ts', [
      ...['serve', '--data', join(folder.path, 'data'), '--listen', '127.0.0.1:0'],
      ...['--tls-cert', certificateFile, '--tls-key', keyFile],
    ]);
    const told = await listening(collector);
    url = told.url;
    adminToken = told.adminToken ?? '';
  });
  afterAll(async () => {
    for (const agent of agents) await agent.kill('SIGTERM');
    await collector.kill('SIGTERM');
    await certificates.remove();
    await folder.remove();
  });

  const ask = async (
    method: string,
    path: string,
    body?: string,
  ): Promise<{ statusCode: number; body: string; headers: IncomingHttpHeaders }> => {
    const ca = await readFile(certificates.caFile);
    const headers = {
      authorization: `Bearer ${adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      const asked = request(`${url}${path}`, { method, ca, headers }, (response) => {
        text(response).then(
          (answer) => resolve({ statusCode: response.statusCode ?? 0, body: answer, headers: response.headers }),
          reject,
        );
      });
      asked.on('error', reject);
      asked.end(body);
    });
  };
  const startAgent = async (id: string, args: readonly string[]): Promise<TestProcess> => {
    const { token } = JSON.parse((await ask('POST', '/api/v1/join-tokens', '{}')).body) as { token: string };
    const words = ['--collector', url.replace('https', 'wss'), '--state', join(folder.path, id), '--id', id, ...args];
    const launch = agentLaunch(root, process.execPath);
    const agent = startProcess(process.execPath, [...launch.words, ...words], { ...launch.environment, JIWEI_JOIN_TOKEN: token });
    agents.push(agent);
    return agent;
  };

  test('serves the page over https only', async () => {
    expect(url).toMatch(/^https:/);
    const page = await ask('GET', '/?lang=en');
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('Jiwei');
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
    // Who does not know the authority gets no answer either.
    await expect(fetch(url)).rejects.toThrow();
  });

  const joinToken = async (args: readonly string[]): Promise<{ exitCode: number | null; output: string }> => {
    const command = startProgram('collector/src/main.ts', ['join-token', '--url', url, ...args], {
      JIWEI_ADMIN_TOKEN: adminToken,
    });
    const [exitCode] = (await once(command.child, 'close')) as [number | null];
    return { exitCode, output: command.output() };
  };

  test('a command reaches it with --ca, and refuses it without', async () => {
    expect(await joinToken(['--ca', certificates.caFile])).toMatchObject({
      exitCode: 0,
      output: expect.stringMatching(/^\S{20,}\n$/),
    });
    expect(await joinToken([])).toMatchObject({ exitCode: 1, output: expect.stringMatching(/LINK_REFUSED.*certificate/) });
  });

  test('a file of authorities that is none is named', async () => {
    const noPem = join(folder.path, 'server.key');
    expect(await joinToken(['--ca', noPem])).toMatchObject({
      exitCode: 1,
      output: expect.stringMatching(/CONFIG_UNREADABLE.*server\.key/),
    });
  });

  /** The status of `/healthz`, and the first message on the agents' WebSocket, over one version of TLS. */
  const speak = {
    http: async (version: SecureVersion): Promise<string> => {
      const { hostname, port } = new URL(url);
      const asked = request({ hostname, port, path: '/healthz', ca: await readFile(certificates.caFile), ...onlyTls(version) });
      asked.end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      return `${response.statusCode} over ${(response.socket as TLSSocket).getProtocol()}`;
    },
    webSocket: async (version: SecureVersion): Promise<string> => {
      const socket = new WebSocket(`${url.replace('https', 'wss')}${linkPath}`, linkSubprotocol, {
        ca: await readFile(certificates.caFile),
        ...onlyTls(version),
      });
      let protocol: string | null = null;
      socket.on('upgrade', (response) => {
        protocol = (response.socket as TLSSocket).getProtocol();
      });
      await once(socket, 'open');
      const spoken = `${socket.protocol} over ${protocol}`;
      socket.terminate();
      return spoken;
    },
  };

  describe.each(Object.entries(speak))('%s', (kind, ask) => {
    test.each(tlsVersionsTaken)('is served over %s', async (version) => {
      expect(await ask(version)).toBe(`${kind === 'http' ? '200' : linkSubprotocol} over ${version}`);
    });
    test.each(tlsVersionsRefused)('is refused over %s, by the collector itself', async (version) => {
      // An alert can only come from the other side: this client would speak it.
      await expect(ask(version)).rejects.toThrow(/alert protocol version/);
    });
  });

  test('says to come by TLS alone from now on, and asks no other site', async () => {
    const { headers } = await ask('GET', '/?lang=en');
    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  const upgrade = (path: string, more: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;
  const byHand: readonly { readonly why: string; readonly sent: string; readonly status: number }[] = [
    { why: 'bytes that are no HTTP', sent: 'this is no request\r\n\r\n', status: 400 },
    { why: 'an upgrade of another path', sent: upgrade('/other', ''), status: 404 },
    { why: 'an upgrade without our subprotocol', sent: upgrade(linkPath, ''), status: 400 },
    { why: 'an upgrade without a key', sent: upgrade(linkPath, `Sec-WebSocket-Protocol: ${linkSubprotocol}\r\n`), status: 400 },
  ];
  test.each(byHand)('also in the answer to $why', async ({ sent, status }) => {
    const { hostname, port } = new URL(url);
    const socket = connectTls({ host: hostname, port: Number(port), ca: await readFile(certificates.caFile) });
    await once(socket, 'secureConnect');
    socket.write(sent);
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('\r\nstrict-transport-security: max-age=31536000\r\n');
    expect(answer).toContain("\r\ncontent-security-policy: default-src 'self'");
  });

  test('an agent that pins the authority streams; one that does not is refused by itself and says why', async () => {
    await startAgent('pinned', ['--ca', certificates.caFile]);
    const stranger = await startAgent('stranger', []);
    await eventually('the pinned agent is connected', async () =>
      (await ask('GET', '/api/v1/agents')).body.includes('"id":"pinned"') ? true : null,
    );
    await stranger.line(/certificate/i);
    expect((await ask('GET', '/api/v1/agents')).body).not.toContain('stranger');
  });
});
