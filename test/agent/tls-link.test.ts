import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import type { SecureContextOptions, SecureVersion, TLSSocket } from 'node:tls';
import type { Trust } from '@jiwei/agent/link/trust.ts';
import { type CollectorAddress, createWebSocketDial } from '@jiwei/agent/link/web-socket.ts';
import { readCommand } from '@jiwei/agent/options.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { onlyTls, tlsVersionsRefused, tlsVersionsTaken } from '../support/tls-versions.ts';
import { type Certificates, makeCertificates } from './probes/support/certificates.ts';

let ours: Certificates;
let foreign: Certificates;
beforeAll(async () => {
  [ours, foreign] = await Promise.all([makeCertificates(), makeCertificates()]);
});
afterAll(() => Promise.all([ours.remove(), foreign.remove()]));

/** A wss server with a certificate of `ours`, which asks for one of the client and tells whose came. */
const listen = async (requestCert: boolean, tls: SecureContextOptions = {}) => {
  const server = createServer({
    cert: ours.good.cert,
    key: ours.good.key,
    ca: await readFile(ours.caFile, 'utf8'),
    requestCert,
    rejectUnauthorized: requestCert,
    ...tls,
  });
  const sockets = new WebSocketServer({ server, path: '/agent/v1' });
  sockets.on('connection', (socket, request) => {
    const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
    socket.send(`client ${String(name)}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`wss://localhost:${(server.address() as AddressInfo).port}`),
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Trust as people named it; nothing is pinned unless a test says so. */
const trusting = (ca: string | null, more: Partial<Trust> = {}): Trust => ({
  ca,
  pinned: null,
  trustsFirstUse: false,
  pin: () => undefined,
  ...more,
});

/** Dials once. @returns the first text that came, or why there is no connection */
const dialOnce = (address: CollectorAddress): Promise<string> =>
  new Promise((resolve) => {
    const transport = createWebSocketDial(address)({
      opened: () => undefined,
      text: (text) => {
        resolve(text);
        transport.close(1_000, '');
      },
      binary: () => undefined,
      drained: () => undefined,
      closed: (_code, problem) => resolve(problem),
    });
  });

/** With TLS 1.3 the refusal comes after our side believed to be done: an alert, or just the end, whichever is seen first. */
const refusedByServer = /alert|certificate|socket hang up|ECONNRESET|EPIPE/;

const cases: readonly {
  why: string;
  ca: 'ours' | 'foreign' | 'system';
  client: 'ours' | 'foreign' | 'none';
  asks: boolean;
  expected: RegExp;
}[] = [
  {
    why: 'a collector of the pinned authority is trusted',
    ca: 'ours',
    client: 'none',
    asks: false,
    expected: /^client undefined$/,
  },
  {
    why: 'one of another authority than the pinned is not',
    ca: 'foreign',
    client: 'none',
    asks: false,
    expected: /verify|certificate/,
  },
  {
    why: 'nor is a private authority that was not pinned',
    ca: 'system',
    client: 'none',
    asks: false,
    expected: /verify|certificate/,
  },
  { why: 'our certificate is shown where one is asked for', ca: 'ours', client: 'ours', asks: true, expected: /^client good$/ },
  {
    why: 'without one that server cannot be reached',
    ca: 'ours',
    client: 'none',
    asks: true,
    expected: refusedByServer,
  },
  { why: 'nor with one of a stranger', ca: 'ours', client: 'foreign', asks: true, expected: refusedByServer },
];
for (const { why, ca, client, asks, expected } of cases) {
  test(`TLS: ${why}`, async () => {
    const server = await listen(asks);
    const pairOf = (who: 'ours' | 'foreign') => ({
      certificate: (who === 'ours' ? ours : foreign).good.cert,
      key: (who === 'ours' ? ours : foreign).good.key,
    });
    try {
      const answer = await dialOnce({
        url: server.url,
        trust: trusting(ca === 'system' ? null : await readFile((ca === 'ours' ? ours : foreign).caFile, 'utf8')),
        client: client === 'none' ? null : pairOf(client),
        proxy: null,
      });
      expect(answer).toMatch(expected);
    } finally {
      await server.close();
    }
  });
}

test('an agent that pinned an authority stays away when the collector comes with another, and returns with the old one', async () => {
  const server = await listen(false);
  const pinned = await readFile(ours.caFile, 'utf8');
  const changed = await readFile(foreign.caFile, 'utf8');
  const dial = (ca: string) => dialOnce({ url: server.url, trust: trusting(ca), client: null, proxy: null });
  expect(await dial(pinned)).toBe('client undefined');
  expect(await dial(changed)).not.toMatch(/^client/);
  expect(await dial(pinned)).toBe('client undefined');
  await server.close();
});

test('ws:// to another host is refused before anything is sent, unless --insecure says that it is meant', () => {
  expect(() => readCommand(['--collector', 'ws://collector.example'], {})).toThrow(/not encrypted/);
  expect(readCommand(['--collector', 'ws://collector.example', '--insecure'], {})).toMatchObject({ kind: 'run' });
});

test('a changed authority is refused naming both fingerprints and what to do', async () => {
  const server = await listen(false);
  const pinned = await readFile(foreign.caFile, 'utf8');
  const shown = new X509Certificate(await readFile(ours.caFile)).fingerprint256;
  const trusted = new X509Certificate(pinned).fingerprint256;
  const dial = (trust: Trust) => dialOnce({ url: server.url, trust, client: null, proxy: null });
  for (const [trust, advice] of [
    [trusting(pinned), 'put the new one into that file'],
    [trusting(null, { pinned }), 'remove collector-ca.pem from the state folder'],
  ] as const) {
    const problem = await dial(trust);
    expect(problem).toContain(shown);
    expect(problem).toContain(trusted);
    expect(problem).toContain(advice);
  }
  await server.close();
});

test('trust on first use takes whom it meets first, by its right name, and nobody else from then on', async () => {
  const server = await listen(false);
  const pins: string[] = [];
  const trust = trusting(null, { trustsFirstUse: true, pin: (pem) => void pins.push(pem) });
  const dial = (one: Trust, url = server.url) => dialOnce({ url, trust: one, client: null, proxy: null });
  expect(await dial(trusting(null)), 'not without being told so').toContain('--trust-first-use');
  expect(await dial(trust)).toBe('client undefined');
  const [first = ''] = pins;
  expect(await dial({ ...trust, pinned: first })).toBe('client undefined');
  expect(await dial({ ...trust, pinned: foreign.good.cert })).toContain('not trusted');
  expect(pins).toHaveLength(1);
  await server.close();
});

test('what the first connection meets under another name is not trusted', async () => {
  const server = createServer(ours.otherName);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`wss://localhost:${(server.address() as AddressInfo).port}`);
  const pins: string[] = [];
  const trust = trusting(null, { trustsFirstUse: true, pin: (pem) => void pins.push(pem) });
  expect(await dialOnce({ url, trust, client: null, proxy: null })).toContain('not trusted');
  expect(pins).toEqual([]);
  server.closeAllConnections();
  server.close();
});

describe('a collector that offers one version of TLS alone', () => {
  const dial = async (version: SecureVersion): Promise<string> => {
    const server = await listen(false, onlyTls(version));
    try {
      return await dialOnce({ url: server.url, trust: trusting(await readFile(ours.caFile, 'utf8')), client: null, proxy: null });
    } finally {
      await server.close();
    }
  };
  test.each(tlsVersionsTaken)('%s is spoken with', async (version) => {
    expect(await dial(version)).toBe('client undefined');
  });
  test.each(tlsVersionsRefused)('%s is not, and the agent says why and what to do', async (version) => {
    expect(await dial(version)).toMatch(/^the collector speaks no TLS 1\.2 or 1\.3, and the agent nothing older; update it/);
  });
});

test('what speaks no TLS at all is named as that', async () => {
  const server = createPlainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`wss://localhost:${(server.address() as AddressInfo).port}`);
  expect(await dialOnce({ url, trust: trusting(null), client: null, proxy: null })).toMatch(
    /^what answers there speaks no TLS; /,
  );
  server.close();
});
