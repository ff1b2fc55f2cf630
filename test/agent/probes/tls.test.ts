import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../shared/src/clock.ts';
import { dayMs } from '../../../shared/src/time.ts';
import { type Certificates, type KeyPair, makeCertificates } from './support/certificates.ts';
import { run } from './support/run.ts';
import { refusingPort, silentServer, tcpServer, tlsServer } from './support/servers.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());

const host = '127.0.0.1';
const pairs: readonly {
  why: string;
  pair: (all: Certificates) => KeyPair;
  spec?: Record<string, unknown>;
  expected: Record<string, unknown>;
}[] = [
  { why: 'trusted and for the address: up', pair: ({ good }) => good, expected: { outcome: 'up', reason: 'OK' } },
  {
    why: 'for the name asked for: up',
    pair: ({ otherName }) => otherName,
    spec: { serverName: 'other.example' },
    expected: { outcome: 'up' },
  },
  {
    why: 'for another name: down',
    pair: ({ otherName }) => otherName,
    expected: { outcome: 'down', reason: 'CERTIFICATE_NAME_MISMATCH' },
  },
  { why: 'its time over: down', pair: ({ expired }) => expired, expected: { outcome: 'down', reason: 'CERTIFICATE_EXPIRED' } },
  {
    why: 'signed by itself: down',
    pair: ({ selfSigned }) => selfSigned,
    expected: { outcome: 'down', reason: 'CERTIFICATE_INVALID' },
  },
];
for (const { why, pair, spec, expected } of pairs) {
  test(`certificate ${why}, and its expiry is known`, async () => {
    const port = await tlsServer(pair(certificates));
    const outcome = await run('tls', { host, port, caFile: certificates.caFile, ...spec });
    expect(outcome).toMatchObject(expected);
    expect(outcome.latencyMs).toBeGreaterThan(0);
    expect(outcome.values).toMatchObject({ jiwei_probe_certificate_valid: outcome.outcome === 'up' ? 1 : 0 });
    expect(outcome.values?.['probe_ssl_earliest_cert_expiry']).toBeGreaterThan(1_500_000_000);
    expect(outcome.values?.['probe_ssl_last_chain_expiry_timestamp_seconds'] !== undefined).toBe(outcome.outcome === 'up');
    expect(outcome.values?.['probe_tls_handshake_seconds']).toBeGreaterThan(0);
  });
}

test('the expiry of a bad certificate is exact', async () => {
  const port = await tlsServer(certificates.expired);
  const outcome = await run('tls', { host, port, caFile: certificates.caFile });
  expect(outcome.values?.['probe_ssl_earliest_cert_expiry']).toBe(Date.parse('2020-02-01T00:00:00Z') / 1_000);
});

test('without the authority a good certificate is not trusted', async () => {
  const port = await tlsServer(certificates.good);
  expect(await run('tls', { host, port })).toMatchObject({ outcome: 'down', reason: 'CERTIFICATE_INVALID' });
});

test('the warning period begins daysDegraded before the expiry', async () => {
  const port = await tlsServer(certificates.good);
  const spec = { host, port, caFile: certificates.caFile };
  const at = (days: number) => ({ clock: { ...systemClock, nowMs: () => systemClock.nowMs() + days * dayMs } });
  expect(await run('tls', spec, at(75))).toMatchObject({ outcome: 'up' });
  expect(await run('tls', spec, at(77))).toMatchObject({ outcome: 'degraded', reason: 'CERTIFICATE_EXPIRING' });
  expect(await run('tls', { ...spec, daysDegraded: 0 }, at(77))).toMatchObject({ outcome: 'up' });
});

test('old TLS is named in the version', async () => {
  const port = await tlsServer({ ...certificates.good, maxVersion: 'TLSv1.2' });
  const outcome = await run('tls', { host, port, caFile: certificates.caFile });
  expect(outcome.values?.['probe_tls_version_info{version="TLS 1.2"}']).toBe(1);
});

test('a server that speaks no TLS is a failed handshake', async () => {
  const port = await tcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  expect(await run('tls', { host, port })).toMatchObject({ outcome: 'down', reason: 'TLS_HANDSHAKE_FAILED' });
});

test('a server that hangs up in the handshake has cut the connection', async () => {
  const port = await tcpServer((socket) => socket.once('data', () => socket.end()));
  expect(await run('tls', { host, port })).toMatchObject({ outcome: 'down', reason: 'CONNECTION_RESET' });
});

test('a server that is silent in the handshake is TIMEOUT', async () => {
  const outcome = await run('tls', { host, port: await silentServer() }, { timeoutMs: 100 });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'TIMEOUT' });
  expect(outcome.detail).toContain('shaking hands');
});

test('a port that refuses is down because of it', async () => {
  expect(await run('tls', { host, port: await refusingPort() })).toMatchObject({ reason: 'CONNECTION_REFUSED' });
});

test('tcp with tls converses inside of it and does not judge the certificate', async () => {
  const port = await tlsServer(certificates.expired, (socket) => socket.write('* OK IMAP4rev1\r\n'));
  expect(await run('tcp', { host, port, tls: true, exchange: [{ expect: 'IMAP4' }] })).toMatchObject({ outcome: 'up' });
});
