import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { eventually, listening, startProgram, type TestProcess, testFolder } from '../support/processes.ts';
import { onlyTls, tlsVersionsRefused, tlsVersionsTaken } from '../support/tls-versions.ts';

let folder: Awaited<ReturnType<typeof testFolder>>;
let ours: Certificates;
let foreign: Certificates;
let collector: TestProcess;
let url = '';
const agents: TestProcess[] = [];
const path = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  [folder, ours, foreign] = await Promise.all([testFolder(), makeCertificates(), makeCertificates()]);
  await writeFile(path('server.pem'), ours.good.cert);
  await writeFile(path('server.key'), ours.good.key);
  await writeFile(path('good.pem'), ours.good.cert);
  await writeFile(path('good.key'), ours.good.key);
  await writeFile(path('client.pem'), ours.otherName.cert);
  await writeFile(path('client.key'), ours.otherName.key);
  await writeFile(path('stranger.pem'), foreign.good.cert);
  await writeFile(path('stranger.key'), foreign.good.key);
  collector = startProgram('collector/src/main.ts', [
    ...['serve', '--data', path('data'), '--listen', '127.0.0.1:0', '--local-agent-token', path('token')],
    ...['--tls-cert', path('server.pem'), '--tls-key', path('server.key'), '--client-ca', ours.caFile],
  ]);
  ({ url } = await listening(collector));
});
afterAll(async () => {
  for (const agent of agents) await agent.kill('SIGTERM');
  await collector.kill('SIGTERM');
  await Promise.all([ours.remove(), foreign.remove(), folder.remove()]);
});

const startAgent = (state: string, more: readonly string[]): TestProcess => {
  const agent = startProgram('agent/src/main.ts', [
    ...['--collector', url.replace('https', 'wss').replace('127.0.0.1', 'localhost'), '--state', path(state), '--id', 'local'],
    ...['--ca', ours.caFile, '--join-token-file', path('token'), ...more],
  ]);
  agents.push(agent);
  return agent;
};

/** The certificate the collector shows now, and the page over that connection. */
const look = (options: ConnectionOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const to = { port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false };
    const socket = connect({ ...to, ...options }, () => {
      const shown = socket.getPeerX509Certificate()?.toString() ?? '';
      socket.destroy();
      resolve(shown.trim());
    });
    socket.on('error', reject);
  });
const metric = async (): Promise<string> => {
  const { get } = await import('node:https');
  const { text } = await import('node:stream/consumers');
  return new Promise((resolve, reject) => {
    get(`${url}/metrics`, { rejectUnauthorized: false }, (answer) => text(answer).then(resolve, reject)).on('error', reject);
  });
};

test('with --client-ca an agent needs a certificate beside its key; the API needs none', async () => {
  await startAgent('bare', []).line(/HTTP 401: a certificate of the authorities .* give the agent --cert and --key/);
  await startAgent('stranger', ['--cert', path('stranger.pem'), '--key', path('stranger.key')]).line(/401/);
  await startAgent('known', ['--cert', path('client.pem'), '--key', path('client.key')]).line(/connected to the collector/);
  expect(await metric()).toContain('jiwei_tls_reload_successful 1');
});

test('trust on first use pins the highest certificate that is shown, and warns when that is no authority', async () => {
  // Without --client-ca it knows no authority that it could show beside its own certificate.
  const bare = startProgram('collector/src/main.ts', [
    ...['serve', '--data', path('bare'), '--listen', '127.0.0.1:0', '--local-agent-token', path('bare-token')],
    ...['--tls-cert', path('good.pem'), '--tls-key', path('good.key')],
  ]);
  const address = (await listening(bare)).url.replace('https', 'wss').replace('127.0.0.1', 'localhost');
  const agent = startProgram('agent/src/main.ts', [
    ...['--collector', address, '--state', path('first-use'), '--trust-first-use', '--join-token-file', path('bare-token')],
  ]);
  expect(await agent.line(/certificate is pinned/)).toMatch(
    /"level":"warn".*own certificate is pinned, as it came without its authority/,
  );
  await agent.kill('SIGTERM');
  await bare.kill('SIGTERM');
});

test('new certificate files are in force without a restart; bad ones leave the last good ones, and a metric says so', async () => {
  expect(await look()).toBe(ours.good.cert.trim());
  await writeFile(path('server.pem'), 'no certificate');
  await eventually('the bad file is told', async () =>
    (await metric()).includes('jiwei_tls_reload_successful 0') ? true : null,
  );
  expect(await look()).toBe(ours.good.cert.trim());
  await writeFile(path('server.key'), foreign.good.key);
  await writeFile(path('server.pem'), foreign.good.cert);
  await eventually('the new one is shown', async () => ((await look()) === foreign.good.cert.trim() ? true : null));
  await eventually('and told', async () => ((await metric()).includes('jiwei_tls_reload_successful 1') ? true : null));
  expect(await readFile(path('server.pem'), 'utf8')).toBe(foreign.good.cert);
  // What may be spoken is not widened by the new files.
  for (const version of tlsVersionsTaken) expect(await look(onlyTls(version))).toBe(foreign.good.cert.trim());
  for (const version of tlsVersionsRefused) await expect(look(onlyTls(version))).rejects.toThrow(/alert protocol version/);
});
