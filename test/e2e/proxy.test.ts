import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { type ConnectProxy, openConnectProxy, type ProxyAnswer } from '../support/connect-proxy.ts';
import { eventually, listening, startProgram, type TestProcess, testFolder } from '../support/processes.ts';

let folder: Awaited<ReturnType<typeof testFolder>>;
let certificates: Certificates;
let collector: TestProcess;
let proxy: ConnectProxy;
let collectorPort = 0;
const agents: TestProcess[] = [];
const path = (name: string): string => join(folder.path, name);

/** A name that only the proxy knows, and that the collector's certificate is for. */
const target = 'other.example:443';
const password = 'p@ss:%wörd';
const credentials = `district:${encodeURIComponent(password)}`;
const basic = Buffer.from(`district:${password}`).toString('base64');

beforeAll(async () => {
  [folder, certificates] = await Promise.all([testFolder(), makeCertificates()]);
  await writeFile(path('server.pem'), certificates.otherName.cert);
  await writeFile(path('server.key'), certificates.otherName.key);
  collector = startProgram('collector/src/main.ts', [
    ...['serve', '--data', path('data'), '--listen', '127.0.0.1:0', '--local-agent-token', path('token')],
    ...['--tls-cert', path('server.pem'), '--tls-key', path('server.key')],
  ]);
  collectorPort = Number(new URL((await listening(collector)).url).port);
  proxy = await openConnectProxy({ [target]: collectorPort });
});
afterAll(async () => {
  for (const agent of agents) await agent.kill('SIGTERM');
  await proxy.stop();
  await collector.kill('SIGTERM');
  await Promise.all([certificates.remove(), folder.remove()]);
});

/** An agent with nothing in its environment about proxies but what is given. */
const startAgent = (state: string, environment: Readonly<Record<string, string>>, url = `wss://${target}`): TestProcess => {
  const none = Object.fromEntries(
    ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
      [name, ''],
      [name.toLowerCase(), ''],
    ]),
  );
  const agent = startProgram(
    'agent/src/main.ts',
    [
      ...['--collector', url, '--state', path(state), '--id', 'local', '--log-level', 'debug'],
      ...['--ca', certificates.caFile, '--join-token-file', path('token')],
    ],
    { ...none, ...environment },
  );
  agents.push(agent);
  return agent;
};
const proxyUrl = (user = ''): string => `http://${user}127.0.0.1:${proxy.port}`;
const expectNoSecret = (agent: TestProcess): void => {
  for (const secret of [password, encodeURIComponent(password), basic]) expect(agent.output()).not.toContain(secret);
};

test('reaches a collector that only the proxy can reach, by its password, and comes back after the proxy was gone; a silent proxy is given up', async () => {
  const agent = startAgent('behind', { HTTPS_PROXY: proxyUrl(`${credentials}@`) });
  await agent.line(/connected to the collector/);
  expect(await agent.line(/agent starts/)).toContain(`"proxy":"127.0.0.1:${proxy.port}","proxyFrom":"HTTPS_PROXY"`);
  expect(proxy.asked()).toEqual([{ target, authorization: `Basic ${basic}` }]);
  expect([proxy.tunnelsMade(), proxy.tunnelsOpen()]).toEqual([1, 1]);

  const soFar = agent.output().length;
  await proxy.stop();
  expect(await agent.line(/the link to the collector is lost/, 20_000, soFar)).toContain(
    `(through the proxy 127.0.0.1:${proxy.port})`,
  );
  const unreachable = await agent.line(/the collector cannot be reached/, 20_000, soFar);
  expect(unreachable).toMatch(/the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) cannot be reached \(.*ECONNREFUSED/);
  await proxy.start();
  await agent.line(/connected to the collector/, 60_000, soFar);
  expect([proxy.tunnelsMade(), proxy.tunnelsOpen()]).toEqual([2, 1]);
  expectNoSecret(agent);

  // Another one meets a proxy that takes the connection and says nothing.
  proxy.answer('silence');
  const other = startAgent('patient', { HTTPS_PROXY: proxyUrl() });
  expect(await other.line(/the collector cannot be reached/)).toMatch(
    /the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) did not answer CONNECT other\.example:443 within 5 s; check that HTTPS_PROXY names/,
  );
  // That bound is on the answer: a tunnel that was made outlives it.
  expect([proxy.tunnelsMade(), proxy.tunnelsOpen()]).toEqual([2, 1]);
  await other.kill('SIGTERM');
  await agent.kill('SIGTERM');
  await eventually('the tunnel ends with the agent', async () => (proxy.tunnelsOpen() === 0 ? true : null));
});

const failing: readonly { why: string; answer: ProxyAnswer; withPassword: boolean; expected: RegExp }[] = [
  {
    why: 'wants a password',
    answer: { says: 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="district"\r\n\r\n' },
    withPassword: false,
    expected: /answered 407 to CONNECT other\.example:443; it wants a user and a password: write them into HTTPS_PROXY/,
  },
  {
    why: 'does not take the password',
    answer: { says: 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="district"\r\n\r\n' },
    withPassword: true,
    expected: /answered 407 .*; it does not take the user and the password in HTTPS_PROXY/,
  },
  {
    why: 'forbids the target',
    answer: { says: 'HTTP/1.1 403 Forbidden\r\n\r\n' },
    withPassword: true,
    expected: /answered 403 .*; it does not allow this target: have it allow the host and port of the collector/,
  },
  {
    why: 'cannot reach the collector',
    answer: { says: 'HTTP/1.1 502 Bad Gateway\r\n\r\n' },
    withPassword: true,
    expected: /answered 502 .*; it cannot reach the collector: check that the collector runs/,
  },
  {
    why: 'speaks no HTTP',
    answer: { says: 'SSH-2.0-OpenSSH_9.6\r\n' },
    withPassword: true,
    expected: /answered with something that is no HTTP \(HPE_\w+\); check that HTTPS_PROXY names the port of an HTTP proxy/,
  },
  {
    why: 'makes a tunnel that speaks no TLS',
    answer: { says: 'HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n\r\n' },
    withPassword: true,
    expected: /^what answers there speaks no TLS; .* \(through the proxy 127\.0\.0\.1:\d+\)$/,
  },
];
for (const { why, answer, withPassword, expected } of failing) {
  test(`names a proxy that ${why}, and what to do`, async () => {
    proxy.answer(answer);
    const agent = startAgent('unlucky', { HTTPS_PROXY: proxyUrl(withPassword ? `${credentials}@` : '') });
    const line = await agent.line(/the collector cannot be reached/);
    const { level, problem } = JSON.parse(line) as { level: string; problem: string };
    expect(level).toBe('warn');
    expect(problem).toMatch(expected);
    expect(problem).toContain(`the proxy 127.0.0.1:${proxy.port}`);
    expectNoSecret(agent);
    await agent.kill('SIGTERM');
  });
}

test('NO_PROXY is kept to: the host of the collector is looked up here, and the proxy is not asked', async () => {
  proxy.answer('tunnel');
  const asked = proxy.asked().length;
  const agent = startAgent('excepted', { HTTPS_PROXY: proxyUrl(), NO_PROXY: 'elsewhere.example, .example' });
  // Only the proxy knows that name.
  expect(await agent.line(/the collector cannot be reached/)).toMatch(/getaddrinfo|no answer in time/);
  expect(await agent.line(/agent starts/)).not.toContain('"proxy"');
  expect(proxy.asked()).toHaveLength(asked);
  await agent.kill('SIGTERM');
});

test('a proxy is not asked for the way to this host itself', async () => {
  const asked = proxy.asked().length;
  const agent = startAgent('beside', { HTTPS_PROXY: proxyUrl() }, `wss://127.0.0.1:${collectorPort}`);
  // Reached, and refused by the agent: the certificate is for another name.
  expect(await agent.line(/the collector cannot be reached/)).toMatch(/certificate of 127\.0\.0\.1 is not trusted/);
  expect(proxy.asked()).toHaveLength(asked);
  await agent.kill('SIGTERM');
});

test('a variable that is no URL stops the start, and is not repeated', async () => {
  const agent = startAgent('wrong', { https_proxy: `socks5://${credentials}@127.0.0.1:${proxy.port}` });
  expect(await agent.line(/the agent cannot start/)).toMatch(/CONFIG_INVALID.*https_proxy is not a URL of the form http:/);
  expectNoSecret(agent);
});
