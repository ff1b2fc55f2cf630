import { readFile } from 'node:fs/promises';
import { asId } from '@jiwei/shared/ids.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Notice } from '../../collector/src/notify/notifier.ts';
import { smtpNotifier } from '../../collector/src/notify/smtp.ts';
import { type Certificates, type KeyPair, makeCertificates } from '../agent/probes/support/certificates.ts';
import { type MailFault, type MailStep, openBrokenMailServer } from '../support/broken-mail-server.ts';
import { type MailServer, openMailServer } from '../support/mail-server.ts';
import { noticeOf, worldOf } from '../support/notices.ts';

let server: MailServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const send = async (options: object, notice: Notice = noticeOf(), files: Readonly<Record<string, string>> = {}) => {
  const whole = {
    host: '127.0.0.1',
    port: server?.port,
    security: 'none',
    from: 'jiwei@ops.example.invalid',
    to: ['duty@example.invalid', 'boss@example.invalid'],
    timeoutMs: 5_000,
    ...options,
  };
  const channel = await smtpNotifier.open(whole, worldOf(files).world);
  return channel.send(notice, AbortSignal.timeout(10_000));
};
const headerOf = (source: string, name: string): string | null => {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1] ?? null;
};
const decodeWords = (text: string): string =>
  text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?UTF-8\?B\?([^?]*)\?=/gi, (_all, base64: string) => Buffer.from(base64, 'base64').toString())
    .replace(/=\?UTF-8\?Q\?([^?]*)\?=/gi, (_all, text: string) =>
      decodeURIComponent(text.replaceAll('_', ' ').replaceAll('=', '%')),
    );

describe('mail', () => {
  test('is multipart/alternative in UTF-8 with a Chinese subject', async () => {
    server = await openMailServer();
    expect(await send({})).toEqual({ kind: 'sent', detail: 'accepted' });
    const [mail] = server.received;
    const source = mail?.source ?? '';
    expect(mail?.to).toEqual(['duty@example.invalid', 'boss@example.invalid']);
    expect(headerOf(source, 'Content-Type')).toMatch(/^multipart\/alternative/);
    expect(decodeWords(headerOf(source, 'Subject') ?? '')).toBe('【故障】[重大] 税务局 政务服务网');
    expect(decodeWords(headerOf(source, 'From') ?? '')).toMatch(/集维.*<jiwei@ops.example.invalid>/);
    expect(headerOf(source, 'Auto-Submitted')).toBe('auto-generated');
    const parts = [...source.matchAll(/Content-Type: (text\/\w+); charset=utf-8[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/g)];
    expect(parts.map((part) => part[1])).toEqual(['text/plain', 'text/html']);
    for (const part of parts) expect(Buffer.from(part[2] ?? '', 'base64').toString()).toContain('在期限内没有得到完整响应');
  });

  test('all mails of an incident are one thread, and a repeat has the same Message-ID', async () => {
    server = await openMailServer();
    const resolved = noticeOf({ id: asId<'notification'>('inc-1.1.resolved.duty'), notice: 'resolved' });
    await send({});
    await send({});
    await send({}, resolved);
    const ids = server.received.map(({ source }) => headerOf(source, 'Message-ID'));
    expect(ids[0]).toBe('<notice.inc-1.1.firing.duty@ops.example.invalid>');
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    const threads = server.received.map(({ source }) => [headerOf(source, 'References'), headerOf(source, 'In-Reply-To')]);
    expect(new Set(threads.flat())).toEqual(new Set(['<incident.inc-1@ops.example.invalid>']));
  });

  test('an id that fits no header is replaced by its hash', async () => {
    server = await openMailServer();
    await send({}, noticeOf({ id: asId<'notification'>('网站:down|1') }));
    expect(headerOf(server.received[0]?.source ?? '', 'Message-ID')).toMatch(/^<notice\.[0-9a-f]{64}@ops\.example\.invalid>$/);
  });

  test('logs in with the password of its file', async () => {
    server = await openMailServer({ account: { user: 'ops', pass: 'p@ss 词' } });
    expect(await send({ username: 'ops', passwordFile: 'pw' }, noticeOf(), { pw: 'p@ss 词\n' })).toMatchObject({ kind: 'sent' });
    expect(server.received[0]?.user).toBe('ops');
  });

  test('a wrong password fails for good and is not told', async () => {
    server = await openMailServer({ account: { user: 'ops', pass: 'right' } });
    const outcome = await send({ username: 'ops', password: 'wrong-secret' });
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining('535') });
    expect(JSON.stringify(outcome)).not.toContain('wrong-secret');
  });

  test('credentials are not left out when the server offers no login', async () => {
    server = await openMailServer();
    const outcome = await send({ username: 'ops', password: 'secret' });
    expect(outcome.kind).not.toBe('sent');
    expect(server.received).toEqual([]);
  });

  const refusals = [
    { why: 'a greeting with 421 is tried again', at: 'greeting', code: 421, kind: 'retry' },
    { why: 'a recipient with 450 (greylisting) is tried again', at: 'recipient', code: 450, kind: 'retry' },
    { why: 'a recipient with 550 fails', at: 'recipient', code: 550, kind: 'failed' },
    { why: 'data with 452 (full) is tried again', at: 'data', code: 452, kind: 'retry' },
    { why: 'data with 554 fails', at: 'data', code: 554, kind: 'failed' },
  ] as const;
  test.each(refusals)('$why', async ({ at, code, kind }) => {
    server = await openMailServer();
    server.setFailure({ at, code, text: 'not now' });
    expect(await send({})).toMatchObject({ kind, error: expect.stringContaining(String(code)) });
    expect(server.received).toEqual([]);
  });

  const breaks: readonly { why: string; at: MailStep; fault: MailFault; mayHaveArrived: boolean; mails: number }[] = [
    { why: 'hung up before the greeting', at: 'greeting', fault: 'reset', mayHaveArrived: false, mails: 0 },
    { why: 'no greeting', at: 'greeting', fault: 'silence', mayHaveArrived: false, mails: 0 },
    { why: 'hung up at the sender', at: 'sender', fault: 'reset', mayHaveArrived: false, mails: 0 },
    { why: 'silent at the recipient', at: 'recipient', fault: 'silence', mayHaveArrived: false, mails: 0 },
    { why: 'hung up instead of asking for the mail', at: 'data', fault: 'reset', mayHaveArrived: false, mails: 0 },
    { why: 'silent instead of asking for the mail', at: 'data', fault: 'silence', mayHaveArrived: false, mails: 0 },
    { why: 'busy when it should ask for the mail', at: 'data', fault: '451 later', mayHaveArrived: false, mails: 0 },
    { why: 'hung up with the mail in its hands', at: 'end', fault: 'reset', mayHaveArrived: true, mails: 1 },
    { why: 'silent with the mail in its hands', at: 'end', fault: 'silence', mayHaveArrived: true, mails: 1 },
    { why: 'no room for the mail it was sent', at: 'end', fault: '452 full', mayHaveArrived: false, mails: 1 },
    { why: 'going down with the mail it was sent', at: 'end', fault: '421 going down', mayHaveArrived: false, mails: 1 },
  ];
  test.each(breaks)('$why: tried again, may have arrived: $mayHaveArrived', async ({ at, fault, mayHaveArrived, mails }) => {
    const broken = await openBrokenMailServer(at, fault);
    expect(await send({ port: broken.port, timeoutMs: 300 })).toMatchObject({ kind: 'retry', mayHaveArrived });
    expect(broken.mails).toHaveLength(mails);
    await broken.close();
  });

  test('a mail that is refused once it was sent has not arrived', async () => {
    const broken = await openBrokenMailServer('end', '554 no');
    expect(await send({ port: broken.port })).toMatchObject({ kind: 'failed' });
    await broken.close();
  });

  test('where nobody listens nothing has arrived', async () => {
    const broken = await openBrokenMailServer('end', 'silence');
    await broken.close();
    expect(await send({ port: broken.port })).toMatchObject({ kind: 'retry', mayHaveArrived: false });
  });

  test('starttls is required unless encryption was declined', async () => {
    server = await openMailServer();
    expect(await send({ security: 'starttls' })).toMatchObject({ kind: expect.not.stringMatching('sent') });
    expect(server.received).toEqual([]);
  });
});

describe('encrypted mail', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());

  const openWith = (security: 'tls' | 'starttls', pair: KeyPair) =>
    openMailServer({ ...pair, secure: security === 'tls', account: { user: 'ops', pass: 'word' } });
  const login = { username: 'ops', password: 'word' };

  test.each(['starttls', 'tls'] as const)(
    'goes over %s to a server with a certificate of the named authority',
    async (security) => {
      server = await openWith(security, certificates.good);
      const files = { ca: await readFile(certificates.caFile, 'utf8') };
      expect(await send({ security, caFile: 'ca', ...login }, noticeOf(), files)).toMatchObject({ kind: 'sent' });
      expect(server.received[0]).toMatchObject({ isEncrypted: true, user: 'ops' });
    },
  );

  test.each(['starttls', 'tls'] as const)('does not go over %s to a server nobody vouches for', async (security) => {
    server = await openWith(security, certificates.selfSigned);
    expect(await send({ security, ...login })).toMatchObject({
      kind: 'retry',
      error: expect.stringMatching(/certificate|signed/i),
      mayHaveArrived: false,
    });
    expect(server.received).toEqual([]);
  });

  test('does not go to a server with the certificate of another, unless that name is the one wanted', async () => {
    server = await openWith('tls', certificates.otherName);
    const files = { ca: await readFile(certificates.caFile, 'utf8') };
    const options = { security: 'tls', caFile: 'ca', ...login };
    expect(await send(options, noticeOf(), files)).toMatchObject({ kind: 'retry' });
    expect(await send({ ...options, serverName: 'other.example' }, noticeOf(), files)).toMatchObject({ kind: 'sent' });
  });
});

describe('mail options', () => {
  const base = { host: 'mail.invalid', from: 'a@b.invalid', to: ['c@d.invalid'] };
  const cases: readonly { why: string; options: object; isGood: boolean }[] = [
    { why: 'no login', options: base, isGood: true },
    { why: 'a name without password', options: { ...base, username: 'x' }, isGood: false },
    { why: 'a password without name', options: { ...base, passwordFile: 'f' }, isGood: false },
    { why: 'two passwords', options: { ...base, username: 'x', password: 'p', passwordFile: 'f' }, isGood: false },
    { why: 'nobody to tell', options: { ...base, to: [] }, isGood: false },
    { why: 'an address with a line end', options: { ...base, to: ['c@d.invalid\r\nBcc: e@f.invalid'] }, isGood: false },
  ];
  test.each(cases)('$why', ({ options, isGood }) => {
    expect(smtpNotifier.schema.safeParse(options).success).toBe(isGood);
  });
});
