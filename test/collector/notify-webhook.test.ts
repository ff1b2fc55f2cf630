import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { createServer as createPlainServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { webhookNotifier } from '../../collector/src/notify/webhook.ts';
import { type Certificates, type KeyPair, makeCertificates } from '../agent/probes/support/certificates.ts';
import { noticeOf, worldOf } from '../support/notices.ts';
import { portOf } from '../support/ports.ts';
import { openReceiver, type Receiver, type ReceiverMode } from '../support/webhook-receiver.ts';

describe('webhook', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await openReceiver();
  });
  afterEach(() => receiver.close());

  const send = async (options: object = {}, files: Readonly<Record<string, string>> = {}) => {
    const channel = await webhookNotifier.open(
      { url: `${receiver.url}/hook`, allowPlainHttp: true, ...options },
      worldOf(files).world,
    );
    return channel.send(noticeOf(), AbortSignal.timeout(10_000));
  };

  test('posts the documented event, signed over its very bytes, with the id as idempotency key', async () => {
    expect(
      await send({ secretFile: 'key', language: 'en', headers: { Authorization: 'Bearer t' } }, { key: 'geheim-值\n' }),
    ).toEqual({
      kind: 'sent',
      detail: 'HTTP 204',
    });
    const [event] = receiver.received;
    expect(event?.url).toBe('/hook');
    expect(event?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': noticeOf().id,
      authorization: 'Bearer t',
      'x-signature': `sha256=${createHmac('sha256', 'geheim-值')
        .update(event?.body ?? '')
        .digest('hex')}`,
    });
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      version: 1,
      id: noticeOf().id,
      notice: 'firing',
      createdAtMs: noticeOf().createdAtMs,
      title: '[Fault] 税务局 政务服务网 (critical)',
      url: null,
      incident: {
        id: 'inc-1',
        state: 'open',
        asset: { id: 'web-portal', name: '政务服务网' },
        unit: { id: 'tax', name: '税务局' },
        zone: { id: 'east', name: '东片区' },
        faultFromMs: 1_762_495_385_000,
        resolvedAtMs: null,
        cycle: { number: 1, respondDueAtMs: 183_000 },
      },
    });
  });

  test('says the same bytes at every try', async () => {
    await send();
    await send();
    expect(receiver.received[0]?.body).toBe(receiver.received[1]?.body);
  });

  test('without a secret there is no signature', async () => {
    await send();
    expect(receiver.received[0]?.headers).not.toHaveProperty('x-signature');
  });

  const answers: readonly { why: string; mode: ReceiverMode; expected: object }[] = [
    { why: 'any 2xx is success, whatever the body', mode: 'html', expected: { kind: 'sent', detail: 'HTTP 200' } },
    { why: 'a body without end is not read', mode: 'endless', expected: { kind: 'sent', detail: 'HTTP 200' } },
    { why: '202 is success', mode: { status: 202 }, expected: { kind: 'sent' } },
    {
      why: '500 is tried again, and was not taken',
      mode: { status: 500 },
      expected: { kind: 'retry', error: 'the receiver answered HTTP 500', mayHaveArrived: false },
    },
    {
      why: '429 says when',
      mode: { status: 429, headers: { 'retry-after': '120' } },
      expected: { kind: 'retry', afterMs: 120_000, mayHaveArrived: false },
    },
    {
      why: 'a date in Retry-After is left aside',
      mode: { status: 503, headers: { 'retry-after': 'Fri, 07 Nov 2025 14:03:05 GMT' } },
      expected: { kind: 'retry', error: 'the receiver answered HTTP 503', mayHaveArrived: false },
    },
    {
      why: '401 may be mended within the day',
      mode: { status: 401 },
      expected: { kind: 'retry', mayHaveArrived: false },
    },
    { why: 'a gateway whose receiver hung up', mode: { status: 502 }, expected: { kind: 'retry', mayHaveArrived: true } },
    { why: 'a gateway whose receiver is silent', mode: { status: 504 }, expected: { kind: 'retry', mayHaveArrived: true } },
    { why: 'what a gateway made up', mode: { status: 524 }, expected: { kind: 'retry', mayHaveArrived: true } },
    { why: '400 will be the same next time', mode: { status: 400 }, expected: { kind: 'failed' } },
    { why: '410 wants no more', mode: { status: 410 }, expected: { kind: 'disabled' } },
    {
      why: 'a redirect is not followed',
      mode: { status: 307, headers: { location: '/elsewhere' } },
      expected: { kind: 'retry', error: expect.stringContaining('redirects are not followed'), mayHaveArrived: false },
    },
    {
      why: 'a reset after the body is tried again, and may have arrived',
      mode: 'reset',
      expected: { kind: 'retry', mayHaveArrived: true },
    },
  ];
  test.each(answers)('$why', async ({ mode, expected }) => {
    receiver.setMode(mode);
    expect(await send()).toMatchObject(expected);
    expect(receiver.received).toHaveLength(1);
  });

  test('silence ends with the deadline, and may have arrived', async () => {
    receiver.setMode('hang');
    expect(await send({ timeoutMs: 150 })).toMatchObject({
      kind: 'retry',
      error: expect.stringContaining('in time'),
      mayHaveArrived: true,
    });
    expect(receiver.received).toHaveLength(1);
  });

  test('where nobody listens nothing has arrived', async () => {
    const { url } = receiver;
    await receiver.close();
    receiver = await openReceiver();
    expect(await send({ url })).toMatchObject({ kind: 'retry', mayHaveArrived: false });
  });

  test('a reset before anything was read cannot be told from one after it', async () => {
    const server = createPlainServer({ pauseOnConnect: true }, (socket) => {
      // The client lives in this process: its request has left when the event loop has gone round.
      setTimeout(() => socket.resetAndDestroy(), 10);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const outcome = await send({ url: `http://127.0.0.1:${portOf(server)}/` });
    expect(outcome).toMatchObject({ kind: 'retry', mayHaveArrived: true });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});

describe('webhook over TLS', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());

  const post = async (pair: KeyPair, options: object) => {
    const server = createServer(pair, (_request, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const files = { ca: await readFile(certificates.caFile, 'utf8') };
    const channel = await webhookNotifier.open({ url: `https://127.0.0.1:${portOf(server)}/`, ...options }, worldOf(files).world);
    const outcome = await channel.send(noticeOf(), AbortSignal.timeout(10_000));
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return outcome;
  };

  /** Somebody who takes the connection and never comes to an encrypted one. */
  const postUnencrypted = async (greet: (socket: Socket) => void) => {
    const sockets = new Set<Socket>();
    const server = createPlainServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined); // the client hangs up
      greet(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${portOf(server)}/`;
    const channel = await webhookNotifier.open({ url, timeoutMs: 200 }, worldOf().world);
    const outcome = await channel.send(noticeOf(), AbortSignal.timeout(10_000));
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return outcome;
  };

  const beginnings: readonly { readonly why: string; readonly greet: (socket: Socket) => void }[] = [
    { why: 'hangs up at once', greet: (socket) => socket.resetAndDestroy() },
    { why: 'hangs up in the handshake', greet: (socket) => socket.once('data', () => socket.resetAndDestroy()) },
    { why: 'does not speak TLS', greet: (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n') },
    { why: 'says nothing', greet: (socket) => socket.resume() },
  ];
  test.each(beginnings)('nothing has arrived at one who $why', async ({ greet }) => {
    expect(await postUnencrypted(greet)).toMatchObject({ kind: 'retry', mayHaveArrived: false });
  });

  test('a receiver with a certificate of the named authority is trusted', async () => {
    expect(await post(certificates.good, { caFile: 'ca' })).toMatchObject({ kind: 'sent' });
  });
  test('one of an unknown authority is not', async () => {
    expect(await post(certificates.good, {})).toMatchObject({
      kind: 'retry',
      error: expect.stringMatching(/certificate/i),
      mayHaveArrived: false,
    });
  });
  test('nor one with the certificate of another', async () => {
    expect(await post(certificates.otherName, { caFile: 'ca' })).toMatchObject({ kind: 'retry', mayHaveArrived: false });
  });
  test('nor one whose certificate is over', async () => {
    expect(await post(certificates.expired, { caFile: 'ca' })).toMatchObject({
      kind: 'retry',
      error: expect.stringMatching(/expired/),
    });
  });
});

describe('webhook options', () => {
  const cases: readonly { why: string; options: object; error: string | null }[] = [
    { why: 'https alone is enough', options: { url: 'https://hooks.invalid/x' }, error: null },
    { why: 'plain http needs to be allowed', options: { url: 'http://hooks.invalid/x' }, error: 'not encrypted' },
    { why: 'in any case of letters', options: { url: 'HTTP://hooks.invalid/x' }, error: 'not encrypted' },
    { why: 'allowed plain http', options: { url: 'http://hooks.invalid/x', allowPlainHttp: true }, error: null },
    { why: 'other protocols', options: { url: 'ftp://hooks.invalid/x' }, error: 'Invalid URL' },
    { why: 'a password in the address', options: { url: 'https://a:b@hooks.invalid/' }, error: 'Authorization' },
    { why: 'two secrets', options: { url: 'https://a.invalid', secret: 'x'.repeat(9), secretFile: 'f' }, error: 'leave one out' },
    {
      why: 'our own headers',
      options: { url: 'https://a.invalid', headers: { 'X-Signature': 'x' } },
      error: 'set by the collector',
    },
    {
      why: 'a header that breaks the line',
      options: { url: 'https://a.invalid', headers: { A: 'b\r\nC: d' } },
      error: 'printable',
    },
    { why: 'an unknown time zone', options: { url: 'https://a.invalid', timeZone: 'Mars/Base' }, error: 'time zone' },
  ];
  test.each(cases)('$why', ({ options, error }) => {
    const parsed = webhookNotifier.schema.safeParse(options);
    expect(parsed.success).toBe(error === null);
    if (error !== null) expect(JSON.stringify(parsed.error?.issues)).toContain(error);
  });
});
