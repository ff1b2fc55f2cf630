import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { createNamedFileReader } from '@jiwei/agent/probes/named-file.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/src/clock.ts';
import { dayMs } from '../../../shared/src/time.ts';
import { lacks } from '../../support/components.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { run } from './support/run.ts';
import { httpServer, httpsServer, refusingPort, silentServer, tcpServer } from './support/servers.ts';

const page = (status: number, body: string | Buffer = 'all is well', headers: Record<string, string> = {}) => {
  return (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(status, headers).end(body);
};

const cases: readonly {
  why: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  spec?: Record<string, unknown>;
  expected: Record<string, unknown>;
}[] = [
  { why: 'a 200 is up', answer: page(200), expected: { outcome: 'up', reason: 'OK' } },
  { why: 'a 204 without a body is up', answer: page(204, ''), expected: { outcome: 'up' } },
  { why: 'a 500 is down', answer: page(500), expected: { outcome: 'down', reason: 'HTTP_STATUS', detail: 'the status is 500' } },
  { why: 'a status of the set is up', answer: page(404), spec: { statuses: [404] }, expected: { outcome: 'up' } },
  { why: 'the last of a range is in it', answer: page(299), spec: { statuses: ['200-299'] }, expected: { outcome: 'up' } },
  { why: 'one past a range is not', answer: page(300), spec: { statuses: ['200-299'] }, expected: { reason: 'HTTP_STATUS' } },
  { why: 'a single status as text counts', answer: page(401), spec: { statuses: ['401'] }, expected: { outcome: 'up' } },
  {
    why: 'an expected text that is there is up',
    answer: page(200),
    spec: { expectBody: 'is w.ll' },
    expected: { outcome: 'up' },
  },
  {
    why: 'an expected text that is missing is down, by a pattern',
    answer: page(200),
    spec: { expectBody: 'Willkommen' },
    expected: { reason: 'KEYWORD_MISSING', values: expect.objectContaining({ probe_failed_due_to_regex: 1 }) },
  },
  {
    why: 'a forbidden text is down and quoted',
    answer: page(200, 'Fatal error in line 3'),
    spec: { forbidBody: 'Fatal \\w+' },
    expected: { reason: 'KEYWORD_FORBIDDEN', detail: 'the body contains "Fatal error"' },
  },
  {
    why: 'a text in GB18030 is read as such',
    answer: page(200, Buffer.from([0xbc, 0xaf, 0xce, 0xac]), { 'content-type': 'text/html; charset=GB18030' }),
    spec: { expectBody: '^集维$' },
    expected: { outcome: 'up' },
  },
  {
    why: 'a header that is missing is down',
    answer: page(200),
    spec: { expectHeaders: { 'X-Node': '.' } },
    expected: { reason: 'HTTP_HEADER_MISMATCH', detail: 'the header X-Node is missing' },
  },
  {
    why: 'a header that is otherwise is down',
    answer: page(200, '', { 'x-node': 'b' }),
    spec: { expectHeaders: { 'X-Node': '^a$' } },
    expected: { reason: 'HTTP_HEADER_MISMATCH' },
  },
  {
    why: 'a header that matches is up',
    answer: page(200, '', { 'x-node': 'a' }),
    spec: { expectHeaders: { 'X-Node': '^a$' } },
    expected: { outcome: 'up' },
  },
  {
    why: 'JSON values that are as expected are up',
    answer: page(200, '{"status":"UP","items":[{"a name":null}],"n":3}'),
    spec: {
      json: [
        { path: '$.status', equals: 'UP' },
        { path: '$.items[0]["a name"]', equals: null },
        { path: '$.n', matches: '^[0-9]$' },
        { path: '$.items' },
      ],
    },
    expected: { outcome: 'up' },
  },
  {
    why: 'a JSON value of another type is not equal',
    answer: page(200, '{"n":"3"}'),
    spec: { json: [{ path: '$.n', equals: 3 }] },
    expected: { reason: 'JSON_MISMATCH' },
  },
  {
    why: 'a JSON path that leads nowhere is down',
    answer: page(200, '{"a":[]}'),
    spec: { json: [{ path: '$.a[0]' }] },
    expected: { reason: 'JSON_MISMATCH', detail: '$.a[0] does not exist' },
  },
  {
    why: 'what every object inherits is no JSON value',
    answer: page(200, '{}'),
    spec: { json: [{ path: '$.constructor' }] },
    expected: { reason: 'JSON_MISMATCH' },
  },
  {
    why: 'a body that is no JSON is down',
    answer: page(200),
    spec: { json: [{ path: '$' }] },
    expected: { reason: 'JSON_MISMATCH' },
  },
  {
    why: 'a body of exactly the limit is up',
    answer: page(200, 'x'.repeat(1_000)),
    spec: { bodyBytesMax: 1_000 },
    expected: { outcome: 'up', values: expect.objectContaining({ probe_http_uncompressed_body_length: 1_000 }) },
  },
  {
    why: 'a body of one byte more is degraded',
    answer: page(200, 'x'.repeat(1_001)),
    spec: { bodyBytesMax: 1_000 },
    expected: { outcome: 'degraded', reason: 'HTTP_BODY_TOO_LARGE' },
  },
  {
    why: 'a forbidden text in the part that was read counts all the same',
    answer: page(200, `error${'x'.repeat(2_000)}`),
    spec: { bodyBytesMax: 1_000, forbidBody: 'error' },
    expected: { outcome: 'down', reason: 'KEYWORD_FORBIDDEN' },
  },
  {
    why: 'an expected text may stand in the part that was not read',
    answer: page(200, `${'x'.repeat(2_000)}welcome`),
    spec: { bodyBytesMax: 1_000, expectBody: 'welcome' },
    expected: { outcome: 'degraded', reason: 'HTTP_BODY_TOO_LARGE' },
  },
  { why: 'a limit of 0 does not care for the body', answer: page(200), spec: { bodyBytesMax: 0 }, expected: { outcome: 'up' } },
  {
    why: 'a small body that inflates to a huge one is read to the limit only',
    answer: page(200, gzipSync(Buffer.alloc(20_000_000)), { 'content-encoding': 'gzip' }),
    spec: { bodyBytesMax: 100_000 },
    expected: {
      reason: 'HTTP_BODY_TOO_LARGE',
      values: expect.objectContaining({ probe_http_uncompressed_body_length: 100_000 }),
    },
  },
  {
    why: 'an encoding that is not understood is no valid answer',
    answer: page(200, 'x', { 'content-encoding': 'rot13' }),
    expected: { reason: 'HTTP_PROTOCOL' },
  },
  {
    why: 'a body that is not what its encoding says is no valid answer',
    answer: page(200, 'not gzip at all', { 'content-encoding': 'gzip' }),
    expected: { reason: 'HTTP_PROTOCOL' },
  },
  {
    why: 'a catastrophic pattern is stopped and is no fault of the target',
    answer: page(200, `${'a'.repeat(60)}!`),
    spec: { expectBody: '^(a+)+$' },
    expected: { reason: 'PROBE_ERROR' },
  },
  {
    why: 'a HEAD request is judged without a body',
    answer: (request, response) =>
      void response.writeHead(request.method === 'HEAD' ? 200 : 500, { 'content-length': '9' }).end(),
    spec: { method: 'HEAD' },
    expected: { outcome: 'up', values: expect.objectContaining({ probe_http_content_length: 9 }) },
  },
];
for (const { why, answer, spec, expected } of cases) {
  test(`http: ${why}`, async () => {
    expect(await run('http', { url: await httpServer(answer), ...spec })).toMatchObject(expected);
  });
}

test('a body past the limit is not waited for', async () => {
  const url = await httpServer((_request, response) => void response.write('x'.repeat(1_001)));
  const outcome = await run('http', { url, bodyBytesMax: 1_000 }, { timeoutMs: 3_000 });
  expect(outcome).toMatchObject({ outcome: 'degraded', reason: 'HTTP_BODY_TOO_LARGE' });
});

const encodings = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync };
for (const [name, encode] of Object.entries(encodings)) {
  test(`a body encoded as ${name} is read as it was`, async () => {
    const url = await httpServer(page(200, encode('all is well'), { 'content-encoding': name }));
    expect(await run('http', { url, expectBody: '^all is well$' })).toMatchObject({ outcome: 'up' });
  });
}

test('"deflate" without the zlib header, as some servers send it, is read as well', async () => {
  const url = await httpServer(page(200, deflateRawSync('all is well'), { 'content-encoding': 'deflate' }));
  expect(await run('http', { url, expectBody: '^all is well$' })).toMatchObject({ outcome: 'up' });
});

test('encodings one upon the other are undone in turn, and too many are refused', async () => {
  const twice = await httpServer(page(200, brotliCompressSync(gzipSync('well')), { 'content-encoding': 'gzip, br' }));
  expect(await run('http', { url: twice, expectBody: '^well$' })).toMatchObject({ outcome: 'up' });
  const often = await httpServer(page(200, '', { 'content-encoding': 'gzip, gzip, gzip, gzip' }));
  expect(await run('http', { url: often })).toMatchObject({ reason: 'HTTP_PROTOCOL' });
});

test('the method, headers and body of the spec arrive, and the phases are measured', async () => {
  const seen: unknown[] = [];
  const url = await httpServer((request, response) => {
    request.setEncoding('utf8').on('data', (text) => seen.push(text));
    request.on('end', () => {
      seen.push(request.method, request.headers['x-key'], request.headers.host, request.url);
      response.end('ok');
    });
  });
  const spec = { url: `${url}/a?b=c`, method: 'POST', headers: { 'X-Key': 'k', Host: 'virtual.example' }, body: '正文' };
  const outcome = await run('http', spec);
  expect(outcome).toMatchObject({ outcome: 'up' });
  expect(seen).toEqual(['正文', 'POST', 'k', 'virtual.example', '/a?b=c']);
  expect(outcome.values?.['probe_http_duration_seconds{phase="connect"}']).toBeGreaterThan(0);
  expect(outcome.values?.['probe_http_duration_seconds{phase="processing"}']).toBeGreaterThan(0);
  expect(outcome.values).toMatchObject({ probe_http_status_code: 200, probe_http_version: 1.1, probe_http_ssl: 0 });
});

describe('redirects', () => {
  test('are followed and counted', async () => {
    const url = await httpServer((request, response) => {
      if (request.url === '/end') response.end('arrived');
      else response.writeHead(302, { location: '/end' }).end();
    });
    const outcome = await run('http', { url, expectBody: 'arrived' });
    expect(outcome).toMatchObject({ outcome: 'up', values: { probe_http_redirects: 1 } });
  });

  test('in a circle are given up after redirectsMax', async () => {
    let askedCount = 0;
    const url = await httpServer((_request, response) => {
      askedCount += 1;
      response.writeHead(302, { location: '/' }).end();
    });
    expect(await run('http', { url, redirectsMax: 3 })).toMatchObject({ reason: 'HTTP_TOO_MANY_REDIRECTS' });
    expect(askedCount).toBe(4);
  });

  const tellTales: readonly { readonly why: string; readonly location: string; readonly says: string }[] = [
    { why: 'one more than allowed', location: '/next?session=GEHEIM#GEHEIM', says: '/next' },
    {
      why: 'to another scheme',
      location: 'ftp://user:GEHEIM@files.example/list?key=GEHEIM',
      says: '"…@files.example/list", which is not http',
    },
    { why: 'to no address', location: 'http://user:GEHEIM@[/?key=GEHEIM', says: '"…@[/", which is no address' },
  ];
  test.each(tellTales)('$why: the detail says where to, without query and password', async ({ location, says }) => {
    const url = await httpServer((_request, response) => response.writeHead(302, { location }).end());
    const { detail } = await run('http', { url: `${url}/?own=GEHEIM`, redirectsMax: 1 });
    expect(detail).toContain(says);
    expect(detail).not.toContain('GEHEIM');
  });

  test('to a server that says nothing: the detail says which page was waited for, without its query', async () => {
    const url = await httpServer((request, response) => {
      if (request.url?.startsWith('/silent') !== true) response.writeHead(302, { location: '/silent?session=GEHEIM' }).end();
    });
    const { reason, detail } = await run('http', { url }, { timeoutMs: 300 });
    expect({ reason, detail }).toEqual({ reason: 'TIMEOUT', detail: expect.stringContaining('/silent') });
    expect(detail).not.toContain('GEHEIM');
  });

  test('are judged themselves where the spec says so', async () => {
    const url = await httpServer(page(302, '', { location: 'http://nowhere.invalid/' }));
    expect(await run('http', { url, redirectsMax: 0 })).toMatchObject({ reason: 'HTTP_STATUS' });
    expect(await run('http', { url, statuses: [302] })).toMatchObject({ outcome: 'up' });
  });

  test('are followed at once, without waiting for the body beside them', async () => {
    const url = await httpServer((request, response) => {
      if (request.url === '/end') response.end('arrived');
      else response.writeHead(301, { location: '/end', 'content-length': '1000' }).write('half');
    });
    expect(await run('http', { url, expectBody: 'arrived' }, { timeoutMs: 3_000 })).toMatchObject({ outcome: 'up' });
  });

  test('to what is not http are refused', async () => {
    const url = await httpServer(page(302, '', { location: 'file:///etc/passwd' }));
    expect(await run('http', { url })).toMatchObject({ outcome: 'down', reason: 'HTTP_PROTOCOL' });
  });

  test('carry credentials within an origin only', async () => {
    const headersSeen: Record<string, unknown>[] = [];
    const note = (request: IncomingMessage): void => void headersSeen.push(request.headers);
    const other = await httpServer((request, response) => {
      note(request);
      response.end();
    });
    const url = await httpServer((request, response) => {
      note(request);
      response.writeHead(307, { location: request.url === '/' ? '/again' : other }).end();
    });
    const headers = {
      Authorization: 'Bearer secret',
      Cookie: 'a=b',
      'X-Api-Key': 'secret',
      'User-Agent': 'probe',
      Host: 'own.example',
    };
    expect(await run('http', { url: `${url}/`, headers })).toMatchObject({ outcome: 'up' });
    expect(headersSeen).toHaveLength(3);
    expect(headersSeen[1]).toMatchObject({ authorization: 'Bearer secret', cookie: 'a=b', 'x-api-key': 'secret' });
    expect(headersSeen[2]).toMatchObject({ 'user-agent': 'probe', host: new URL(other).host });
    expect(JSON.stringify(headersSeen[2])).not.toMatch(/secret|a=b|own\.example/);
  });

  test('after a POST lose the body with 302 and keep it with 307', async () => {
    const seen: string[] = [];
    const url = await httpServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      seen.push(`${request.method} ${request.url} ${body}`);
      if (request.url === '/end') response.end();
      else response.writeHead(request.url === '/see' ? 302 : 307, { location: '/end' }).end();
    });
    await run('http', { url: `${url}/see`, method: 'POST', body: 'b' });
    await run('http', { url: `${url}/keep`, method: 'POST', body: 'b' });
    expect(seen).toEqual(['POST /see b', 'GET /end ', 'POST /keep b', 'POST /end b']);
  });
});

describe('broken servers', () => {
  const raw = (onData: (write: (text: string) => void, end: () => void, reset: () => void) => void) =>
    tcpServer((socket) => {
      socket.once('data', () =>
        onData(
          (text) => void socket.write(text),
          () => void socket.end(),
          () => void socket.resetAndDestroy(),
        ),
      );
    });
  const rows: readonly { why: string; serve: Parameters<typeof raw>[0]; reason: string }[] = [
    { why: 'an answer that is not HTTP', serve: (write) => write('SSH-2.0-OpenSSH_9.2\r\n'), reason: 'HTTP_PROTOCOL' },
    {
      why: 'headers without end',
      serve: (write) => write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
      reason: 'HTTP_PROTOCOL',
    },
    { why: 'an end before any answer', serve: (_write, end) => end(), reason: 'CONNECTION_RESET' },
    { why: 'a reset', serve: (_write, _end, reset) => reset(), reason: 'CONNECTION_RESET' },
    {
      why: 'a body that ends early',
      serve: (write, end) => {
        write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        end();
      },
      reason: 'CONNECTION_RESET',
    },
    {
      why: 'an encoded body that ends early',
      serve: (write, end) => {
        write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n');
        end();
      },
      reason: 'CONNECTION_RESET',
    },
    { why: 'headers that do not go on', serve: (write) => write('HTTP/1.1 200 OK\r\nX-One: 1\r\n'), reason: 'TIMEOUT' },
    {
      why: 'a body that does not go on',
      serve: (write) => write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
      reason: 'TIMEOUT',
    },
  ];
  for (const { why, serve, reason } of rows) {
    test(`${why}: ${reason}`, async () => {
      const url = `http://127.0.0.1:${await raw(serve)}`;
      expect(await run('http', { url }, { timeoutMs: 400 })).toMatchObject({ outcome: 'down', reason });
    });
  }
  test('an upgrade that nobody asked for is judged by its status', async () => {
    const port = await raw((write) => write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'));
    const url = `http://127.0.0.1:${port}`;
    expect(await run('http', { url })).toMatchObject({ reason: 'HTTP_STATUS' });
    expect(await run('http', { url, statuses: [101] })).toMatchObject({ outcome: 'up' });
  });
  test('silence ends at the deadline', async () => {
    const url = `http://127.0.0.1:${await silentServer()}`;
    expect(await run('http', { url }, { timeoutMs: 100 })).toMatchObject({ outcome: 'down', reason: 'TIMEOUT', latencyMs: null });
  });
  test('a port that refuses', async () => {
    expect(await run('http', { url: `http://127.0.0.1:${await refusingPort()}` })).toMatchObject({
      reason: 'CONNECTION_REFUSED',
    });
  });
});

describe('cloud metadata services', () => {
  test('are refused by address, in every way of writing it', async () => {
    for (const host of [
      '169.254.169.254',
      '0xa9.254.43518',
      '[::ffff:169.254.169.254]',
      '[64:ff9b::a9fe:a9fe]',
      '[fd00:ec2::254]',
    ]) {
      expect(await run('http', { url: `http://${host}/latest/` })).toMatchObject({ outcome: 'down', reason: 'NOT_PERMITTED' });
    }
  });
  test('are refused after the name look-up, also as one of several addresses', async () => {
    const lookup = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '100.100.100.200', family: 4 },
    ];
    expect(await run('http', { url: 'http://innocent.example/' }, { tools: { lookup } })).toMatchObject({
      reason: 'NOT_PERMITTED',
    });
  });
  test('are refused after a redirect', async () => {
    const url = await httpServer(page(302, '', { location: 'http://169.254.169.254/latest/meta-data/' }));
    expect(await run('http', { url })).toMatchObject({ outcome: 'down', reason: 'NOT_PERMITTED' });
  });
  test('are asked where the configuration allows it', async () => {
    // The run ends between the guard and the connection, so that nobody is asked in fact.
    const signal = AbortSignal.abort();
    const url = 'http://169.254.169.254/';
    expect(await run('http', { url }, { signal })).toMatchObject({ reason: 'NOT_PERMITTED' });
    expect(
      await run('http', { url }, { signal, tools: { targets: { check: () => undefined, setLists: () => undefined } } }),
    ).toMatchObject({ reason: 'TIMEOUT' });
  });
});

describe('https', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());
  const expiry = 'probe_ssl_earliest_cert_expiry';

  test('a trusted certificate is up, with its expiry and the TLS version', async () => {
    const port = await httpsServer(certificates.good, page(200));
    const outcome = await run('http', { url: `https://127.0.0.1:${port}`, caFile: certificates.caFile });
    expect(outcome).toMatchObject({ outcome: 'up', values: { probe_http_ssl: 1, jiwei_probe_certificate_valid: 1 } });
    expect(outcome.values?.['probe_tls_version_info{version="TLS 1.3"}']).toBe(1);
    expect(outcome.values?.[expiry]).toBeGreaterThan(systemClock.nowMs() / 1_000 + 80 * 86_400);
    expect(outcome.values?.['probe_http_duration_seconds{phase="tls"}']).toBeGreaterThan(0);
  });

  test('an untrusted certificate is down with its expiry, and nothing is sent to the server', async () => {
    let askedCount = 0;
    const port = await httpsServer(certificates.good, (_request, response) => {
      askedCount += 1;
      response.end();
    });
    const outcome = await run('http', { url: `https://127.0.0.1:${port}`, headers: { Authorization: 'Bearer secret' } });
    expect(outcome).toMatchObject({
      outcome: 'down',
      reason: 'CERTIFICATE_INVALID',
      values: { jiwei_probe_certificate_valid: 0 },
    });
    expect(outcome.values?.[expiry]).toBeGreaterThan(0);
    expect(askedCount).toBe(0);
  });

  test('an untrusted certificate is only reported where the spec ignores it', async () => {
    const port = await httpsServer(certificates.expired, page(200));
    const outcome = await run('http', { url: `https://127.0.0.1:${port}`, certificate: 'ignore' });
    expect(outcome).toMatchObject({ outcome: 'up', values: { jiwei_probe_certificate_valid: 0, probe_http_status_code: 200 } });
  });

  test('a certificate that ends within the warning period is degraded', async () => {
    const port = await httpsServer(certificates.good, page(200));
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + 80 * dayMs };
    const spec = { url: `https://127.0.0.1:${port}`, caFile: certificates.caFile };
    expect(await run('http', spec, { clock })).toMatchObject({ outcome: 'degraded', reason: 'CERTIFICATE_EXPIRING' });
    expect(await run('http', { ...spec, certificateDaysDegraded: 0 }, { clock })).toMatchObject({ outcome: 'up' });
  });

  test('a redirect from https to http leaves no certificate in the result', async () => {
    const plain = await httpServer(page(200));
    const port = await httpsServer(certificates.good, page(302, '', { location: plain }));
    const outcome = await run('http', { url: `https://127.0.0.1:${port}`, caFile: certificates.caFile });
    expect(outcome).toMatchObject({ outcome: 'up', values: { probe_http_ssl: 0 } });
    expect(Object.keys(outcome.values ?? {})).not.toContain(expiry);
  });

  test('https spoken to a plain port is a failed handshake', async () => {
    const url = await httpServer(page(200));
    expect(await run('http', { url: url.replace('http:', 'https:') })).toMatchObject({
      reason: 'TLS_HANDSHAKE_FAILED',
      detail: expect.stringMatching(/^[a-z ]+ \(SSL routines\) while /),
    });
  });

  test('a caFile that is not there is a fault of the probe, not of the target', async () => {
    const url = `https://127.0.0.1:${await silentServer()}`;
    expect(await run('http', { url, caFile: '/no/such/file.pem' })).toMatchObject({ outcome: 'down', reason: 'PROBE_ERROR' });
  });

  test.skipIf(lacks('unix'))('a caFile that never ends is one as well, at once', async () => {
    const url = `https://127.0.0.1:${await silentServer()}`;
    const detail = expect.stringContaining('caFile /dev/zero cannot be read: it is no regular file');
    expect(await run('http', { url, caFile: '/dev/zero' })).toMatchObject({ reason: 'PROBE_ERROR', detail });
  });

  test('a caFile on a file system that hangs is one at the deadline', async () => {
    const url = `https://127.0.0.1:${await silentServer()}`;
    const readNamedFile = createNamedFileReader(() => new Promise<Buffer>(() => undefined));
    const detail = expect.stringContaining('caFile /mnt/dead/ca.pem cannot be read');
    expect(await run('http', { url, caFile: '/mnt/dead/ca.pem' }, { timeoutMs: 100, tools: { readNamedFile } })).toMatchObject({
      reason: 'PROBE_ERROR',
      detail,
    });
  });
});
