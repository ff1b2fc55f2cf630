import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProbeOutcome } from '../../../agent/src/probes/probe.ts';
import { systemClock } from '../../../shared/src/clock.ts';
import { type ReasonCode, reasonCodes, reasons } from '../../../shared/src/reasons.ts';
import { dayMs } from '../../../shared/src/time.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { nameServer, responseCodes } from './support/name-server.ts';
import { run } from './support/run.ts';
import { httpServer, refusingPort, silentServer, tcpServer, tlsServer } from './support/servers.ts';

/** The reasons that probes give; those of heartbeats are the collector's. */
type ProbeReason = Exclude<ReasonCode, 'HEARTBEAT_MISSED' | 'HEARTBEAT_REPORTED_DOWN'>;

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());

const host = '127.0.0.1';
const failing = (code: string) => ({ lookup: () => Promise.reject(Object.assign(new Error(code), { code })) });
const page = (status: number, body: string | Buffer, headers: Record<string, string> = {}) =>
  httpServer((_request, response) => void response.writeHead(status, headers).end(body));
const tls = async (pair: 'good' | 'otherName' | 'expired' | 'selfSigned', daysLater = 0) =>
  run(
    'tls',
    { host, port: await tlsServer(certificates[pair]), caFile: certificates.caFile },
    { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + daysLater * dayMs } },
  );
const dns = async (code: number, spec = {}) =>
  run('dns', { name: 'www.example.org', server: await nameServer(() => ({ code })), ...spec });
const echo = (roundTripsMs: readonly number[], spec = {}) =>
  run(
    'icmp',
    { host, ...spec },
    {
      tools: {
        echo: { ask: async () => ({ roundTripsMs, sentCount: 3, sentAfterMs: 0, method: 'ping' }), isBatching: () => false },
      },
    },
  );
const unit = (load: string, active: string) =>
  run('unit', { unit: 'a.service' }, { tools: { unitState: async () => ({ load, active, sub: 'x' }) } });
const processes = (spec: Readonly<Record<string, unknown>>) =>
  run(
    'process',
    { name: 'a', ...spec },
    { tools: { listProcesses: async () => [{ names: ['a'], commandLine: 'a', users: [] }] } },
  );

/** How each reason comes about. A reason without a line here does not compile. */
const scenarios: { readonly [R in ProbeReason]: () => Promise<ProbeOutcome> } = {
  OK: async () => run('tcp', { host, port: await silentServer() }),
  SLOW: () => echo([9, 9, 9], { slowMs: 9 }),
  TIMEOUT: async () => run('http', { url: `http://${host}:${await silentServer()}` }, { timeoutMs: 50 }),
  CONNECTION_REFUSED: async () => run('tcp', { host, port: await refusingPort() }),
  CONNECTION_RESET: async () => {
    const port = await tcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    return run('http', { url: `http://${host}:${port}` });
  },
  // Routes are the machine's own state: the error is the real one's code, its source is not the network.
  HOST_UNREACHABLE: () => run('tcp', { host: 'far.example', port: 1 }, { tools: failing('EHOSTUNREACH') }),
  NETWORK_UNREACHABLE: () => run('tcp', { host: 'far.example', port: 1 }, { tools: failing('ENETUNREACH') }),
  DNS_NOT_FOUND: () => dns(responseCodes.noSuchName),
  DNS_NO_DATA: () => dns(responseCodes.ok),
  DNS_FAILED: () => dns(responseCodes.serverFailure),
  DNS_UNEXPECTED_ANSWER: async () => {
    const server = await nameServer(() => ({ records: [Buffer.from([10, 0, 0, 1])] }));
    return run('dns', { name: 'www.example.org', server, expect: ['10.0.0.2'] });
  },
  TLS_HANDSHAKE_FAILED: async () => {
    const port = await tcpServer((socket) => void socket.once('data', () => socket.end('220 plain text\r\n')));
    return run('tls', { host, port });
  },
  CERTIFICATE_INVALID: () => tls('selfSigned'),
  CERTIFICATE_EXPIRED: () => tls('expired'),
  CERTIFICATE_NAME_MISMATCH: () => tls('otherName'),
  CERTIFICATE_EXPIRING: () => tls('good', 80),
  HTTP_STATUS: async () => run('http', { url: await page(503, '') }),
  HTTP_PROTOCOL: async () => run('http', { url: await page(200, 'plain', { 'content-encoding': 'gzip' }) }),
  HTTP_TOO_MANY_REDIRECTS: async () => run('http', { url: await page(302, '', { location: '/' }) }),
  HTTP_BODY_TOO_LARGE: async () =>
    run('http', { url: await page(200, gzipSync('x'.repeat(9_999)), { 'content-encoding': 'gzip' }), bodyBytesMax: 99 }),
  HTTP_HEADER_MISMATCH: async () => run('http', { url: await page(200, ''), expectHeaders: { 'x-node': 'a' } }),
  KEYWORD_MISSING: async () => run('http', { url: await page(200, 'a'), expectBody: 'b' }),
  KEYWORD_FORBIDDEN: async () => run('http', { url: await page(200, 'a'), forbidBody: 'a' }),
  JSON_MISMATCH: async () => run('http', { url: await page(200, '{"a":1}'), json: [{ path: '$.a', equals: 2 }] }),
  UNEXPECTED_REPLY: async () => {
    const port = await tcpServer((socket) => void socket.end('554 no'));
    return run('tcp', { host, port, exchange: [{ expect: '^220' }] });
  },
  NO_REPLY: () => echo([]),
  PACKET_LOSS: () => echo([1]),
  PROCESS_NOT_FOUND: () => processes({ countMin: 2 }),
  PROCESS_TOO_MANY: () => processes({ countMin: 0, countMax: 0 }),
  UNIT_NOT_FOUND: () => unit('not-found', 'inactive'),
  UNIT_FAILED: () => unit('loaded', 'failed'),
  UNIT_INACTIVE: () => unit('loaded', 'inactive'),
  NOT_PERMITTED: () => run('http', { url: 'http://169.254.169.254/' }),
  PROBE_ERROR: async () => run('tls', { host, port: await silentServer(), caFile: '/no/such/file' }),
};

test.each(Object.entries(scenarios))('a probe can answer %s', async (reason, scenario) => {
  expect((await scenario()).reason).toBe(reason);
});

test('docs/reasons.md lists every reason with its text, and no other', async () => {
  const text = await readFile(new URL('../../../docs/reasons.md', import.meta.url), 'utf8');
  const ofProbes = text.slice(0, text.indexOf('\n## '));
  const rows = Array.from(ofProbes.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm), ([, code, meaning]) => [code, meaning?.trim()]);
  expect(rows).toEqual(reasonCodes.map((code) => [code, reasons[code].text]));
});
