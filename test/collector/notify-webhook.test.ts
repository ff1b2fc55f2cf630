import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
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
    { why: '500 is tried again', mode: { status: 500 }, expected: { kind: 'retry', error: 'the receiver answered HTTP 500' } },
    {
      why: '429 says when',
      mode: { status: 429, headers: { 'retry-after': '120' } },
      expected: { kind: 'retry', afterMs: 120_000 },
    },
    {
      why: 'a date in Retry-After is left aside',
      mode: { status: 503, headers: { 'retry-after': 'Fri, 07 Nov 2025 14:03:05 GMT' } },
      expected: { kind: 'retry', error: 'the receiver answered HTTP 503' },
    },
    { why: '401 may be mended within the day', mode: { status: 401 }, expected: { kind: 'retry' } },
    { why: '400 will be the same next time', mode: { status: 400 }, expected: { kind: 'failed' } },
    { why: '410 wants no more', mode: { status: 410 }, expected: { kind: 'disabled' } },
    {
      why: 'a redirect is not followed',
      mode: { status: 307, headers: { location: '/elsewhere' } },
      expected: { kind: 'retry', error: expect.stringContaining('redirects are not followed') },
    },
    { why: 'a reset is tried again', mode: 'reset', expected: { kind: 'retry' } },
  ];
  test.each(answers)('$why', async ({ mode, expected }) => {
    receiver.setMode(mode);
    expect(await send()).toMatchObject(expected);
    expect(receiver.received).toHaveLength(1);
  });

  test('silence ends with the deadline', async () => {
    receiver.setMode('hang');
    expect(await send({ timeoutMs: 150 })).toMatchObject({ kind: 'retry', error: expect.stringContaining('in time') });
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

  test('a receiver with a certificate of the named authority is trusted', async () => {
    expect(await post(certificates.good, { caFile: 'ca' })).toMatchObject({ kind: 'sent' });
  });
  test('one of an unknown authority is not', async () => {
    expect(await post(certificates.good, {})).toMatchObject({ kind: 'retry', error: expect.stringMatching(/certificate/i) });
  });
  test('nor one with the certificate of another', async () => {
    expect(await post(certificates.otherName, { caFile: 'ca' })).toMatchObject({ kind: 'retry' });
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
