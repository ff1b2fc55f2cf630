import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectPlain, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { listening, startProgram, testFolder } from '../support/processes.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Passes all bytes on in both directions. */
const pass = (left: Socket, right: Socket): void => {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
};

/** Somebody on the way. `ends`: with a certificate that the agent trusts, so that everything passes through his hands in clear. */
const standBetween = async (how: 'passes' | 'ends', port: number, certificates: Certificates): Promise<number> => {
  const server: Server =
    how === 'passes'
      ? createPlainServer((near) => pass(near, connectPlain(port, '127.0.0.1')))
      : createTlsServer(certificates.good, (near) =>
          pass(near, connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })),
        );
  server.on('tlsClientError', () => undefined);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

/** A collector behind somebody, and an agent that trusts the authority of both certificates. @returns the agent's first word on it */
const tell = async (how: 'passes' | 'ends', collectorArgs: readonly string[]): Promise<string> => {
  const folder = await testFolder();
  const certificates = await makeCertificates();
  closers.push(folder.remove, certificates.remove);
  // The collector has its own certificate, and its authority is trusted like that of the one between.
  const own = how === 'passes' ? certificates.good : certificates.selfSigned;
  const caFile = join(folder.path, 'trusted.pem');
  await writeFile(join(folder.path, 'server.pem'), own.cert);
  await writeFile(join(folder.path, 'server.key'), own.key);
  await writeFile(caFile, (await readFile(certificates.caFile, 'utf8')) + certificates.selfSigned.cert);
  const tokenFile = join(folder.path, 'token');
  const collector = startProgram('collector/src/main.ts', [
    ...['serve', '--data', join(folder.path, 'data'), '--listen', '127.0.0.1:0', '--local-agent-token', tokenFile],
    ...['--tls-cert', join(folder.path, 'server.pem'), '--tls-key', join(folder.path, 'server.key'), ...collectorArgs],
  ]);
  closers.push(() => collector.kill('SIGTERM'));
  const { url } = await listening(collector);
  const port = await standBetween(how, Number(new URL(url).port), certificates);
  const agent = startProgram('agent/src/main.ts', [
    ...['--collector', `wss://localhost:${port}`, '--state', join(folder.path, 'agent'), '--id', 'local'],
    ...['--ca', caFile, '--join-token-file', tokenFile],
  ]);
  closers.push(() => agent.kill('SIGTERM'));
  return agent.line(/connected to the collector|AUTHENTICATION_FAILED|CHANNEL_UNBOUND/);
};

test('a proof passed on by somebody with a trusted certificate of his own is refused', async () => {
  expect(await tell('ends', [])).toMatch(/AUTHENTICATION_FAILED.*somebody stands between/);
});

test('the same relay is not noticed where the binding is turned off: the test above can fail', async () => {
  expect(await tell('ends', ['--no-channel-binding'])).toMatch(/connected to the collector/);
});

test('somebody who passes on the encrypted bytes changes nothing', async () => {
  expect(await tell('passes', [])).toMatch(/connected to the collector/);
});
