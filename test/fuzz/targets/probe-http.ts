import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { systemClock } from '@jiwei/shared/clock.ts';
import { probeSchema } from '@jiwei/shared/probes/registry.ts';
import { runProbe } from '../../../agent/src/probes/run-probe.ts';
import { assertOutcome, fuzzTools, openHostilePeer } from '../server.ts';
import type { FuzzTarget } from '../target.ts';

const peer = await openHostilePeer(true);
const url = `http://127.0.0.1:${peer.port}/`;
const tools = fuzzTools();
/** An answer comes at once or never here; whatever it is, waiting it out shows nothing more and costs thousands of other inputs. */
const patienceMs = 250;
const spec = {
  url,
  statuses: ['1xx', '2xx', 404],
  expectBody: '好|ok',
  forbidBody: 'error \\d+',
  expectHeaders: { 'x-state': '^fine' },
  json: [
    { path: '$', matches: '.' },
    { path: '$.items[0].name', equals: 'a' },
  ],
  redirectsMax: 2,
  bodyBytesMax: 65_536,
};
/** Each goes further than the one before. */
const specs = [
  spec,
  { ...spec, expectHeaders: {} },
  { url, expectHeaders: {}, json: spec.json, redirectsMax: 2 },
  { url, method: 'HEAD', redirectsMax: 0, bodyBytesMax: 0 },
].map((one) => probeSchema.parse({ kind: 'http', spec: one }));

const answer = (head: string, body: Uint8Array | string = ''): Uint8Array =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\n`), Buffer.from('\r\n'), Buffer.from(body as string)]);
const json = '{"items":[{"name":"a"}],"ok":"好"}';

/** A web server under watch that says anything at all. */
export const target: FuzzTarget = {
  name: 'probe-http',
  corpus: [
    answer(
      `200 OK\r\nx-state: fine\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(json)}`,
      json,
    ),
    answer('200 OK\r\nx-state: fine\r\ntransfer-encoding: chunked', '5\r\nhello\r\n2;a=b\r\nok\r\n0\r\nx-trailer: 1\r\n\r\n'),
    answer('200 OK\r\nx-state: fine\r\ncontent-encoding: gzip', gzipSync(json)),
    answer('200 OK\r\ncontent-encoding: gzip', gzipSync(Buffer.alloc(1_000_000))),
    answer('200 OK\r\ncontent-encoding: deflate, br', brotliCompressSync(deflateSync(json))),
    answer('200 OK\r\ncontent-encoding: deflate', deflateRawSync(json)),
    answer('200 OK\r\ncontent-type: text/html; charset=gb18030', Buffer.from([0xba, 0xc3])),
    answer(`302 Found\r\nlocation: ${url}next`),
    answer('301 Moved\r\nlocation: http://[::1/'),
    answer('101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade', 'noise'),
    answer('100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nx-state: fine'),
    answer('200 OK\r\nx-pad: 1', `${'['.repeat(15_000)}${']'.repeat(15_000)}`),
    answer('200 OK\r\nx-pad: 11', `${'['.repeat(15_000)}${']'.repeat(15_000)}`),
    answer('200 OK\r\nx-pad: 111', `${'['.repeat(15_000)}${']'.repeat(15_000)}`),
    answer('200 OK\r\nx-pad: 1111', `${'['.repeat(15_000)}${']'.repeat(15_000)}`),
    Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
  ],
  words: [
    ...[
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.0 ',
      'content-encoding: ',
      'gzip',
      'br',
      'transfer-encoding: chunked\r\n',
      'content-length: ',
      'location: /',
    ],
    ...[
      '\r\n\r\n',
      'x-state: fine\r\n',
      'charset=',
      'utf-16le',
      'set-cookie: a=b\r\n',
      'ffffffff\r\n',
      '0\r\n\r\n',
      '"items":[',
      '[[[[[[[[',
    ],
  ],
  inputBytesMax: 32_768,
  refusals: [],
  workMax: 0,
  boundedInputs: 60,
  run: async (bytes) => {
    peer.says(bytes);
    const probe = specs[bytes.length % specs.length];
    if (probe === undefined || probe.kind === 'heartbeat') return 0;
    assertOutcome(await runProbe(probe, patienceMs, { signal: new AbortController().signal, clock: systemClock, tools }));
    return 0;
  },
  close: peer.close,
};
