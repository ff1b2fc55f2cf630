import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { errorTable } from '@jiwei/shared/errors.ts';
import { agentRecord, districtParts, sessionOf } from '../../support/district-fixture.ts';
import { adminToken } from '../../support/http-app.ts';
import { createMetricsFixture } from '../../support/metrics-app.ts';
import { type FuzzTarget, joinParts, partsOf } from '../target.ts';

const separator = '\n~~\n';
const fixture = await createMetricsFixture({
  parts: districtParts,
  sessions: [sessionOf('zt-agent-1')],
  prepare: async ({ store }) => store.saveAgent(agentRecord('zt-agent-1')),
});
const { app } = fixture;

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: unknown;
}
const described = await app.inject({
  method: 'GET',
  url: '/api/v1/openapi.json',
  headers: { authorization: `Bearer ${adminToken}` },
});
const { paths } = described.json<{ readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }>();
/** Every operation once, with some value for each of its parameters. */
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
    const query = parameters.filter((one) => one.in === 'query').map(({ name }) => `${name}=1`);
    const url = `${path.replaceAll(/\{[^}]+\}/g, 'web')}${query.length > 0 ? `?${query.join('&')}` : ''}`;
    const body =
      requestBody === undefined
        ? ''
        : JSON.stringify({ text: 'zones: []', note: '好', fromMs: 1, toMs: 2, name: 'a', usesLeft: 1, labels: {} });
    return joinParts([`${method.toUpperCase()} ${url}`, body === '' ? '' : 'content-type: application/json', body], separator);
  }),
);
const more = [
  'GET /metrics',
  'GET /metrics/fleet',
  'GET /healthz',
  'GET /readyz',
  'GET /',
  'GET /push/web?token=a',
  'POST /push/web?status=down&msg=%E5%A5%BD',
].map((line) =>
  joinParts([line, 'accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\naccept-encoding: gzip', ''], separator),
);
const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const bodyBytesMax = 4_000_000;
/** These say that the collector is in trouble; a request alone must never bring it there. */
const own5xx: readonly string[] = ['INTERNAL'];

/** Reads an answer to its end, or as far as an endless one matters. */
const readAll = async (stream: NodeJS.ReadableStream, isEndless: boolean): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  if (!isEndless) {
    for await (const chunk of stream) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      assert.ok(length <= bodyBytesMax, 'an answer without bound');
    }
  }
  return Buffer.concat(chunks);
};

/** Any request to any path of the collector: query, headers and body as somebody with the admin token may send them. */
export const target: FuzzTarget = {
  name: 'http',
  corpus: [
    ...operations,
    ...more,
    joinParts(['PUT /api/v1/declaration', 'content-type: text/yaml', 'zones:\n  - id: a\n    name: 甲\n'], separator),
    joinParts(['POST /api/v1/maintenance', 'content-type: application/json\ncontent-encoding: gzip', gzipSync('{}')], separator),
    joinParts(
      ['POST /api/v1/join-tokens', 'content-type: application/json', '{"zoneId":null,"labels":{"名":"值"},"usesLeft":1}'],
      separator,
    ),
  ],
  words: [
    ...[
      '/api/v1/',
      'cursor=WzEsImEiXQ',
      'limit=1000',
      'fromMs=0',
      'toMs=9007199254740991',
      'match[]={__name__="a"}',
      'stepMs=1',
      '&',
      '?',
      '%',
      '%ff',
      '..%2f',
    ],
    ...[
      'content-type: text/yaml',
      'content-type: application/json',
      'content-encoding: br',
      'accept: text/plain;version=0.0.4',
      'last-event-id: a:1',
      'host: ',
      'range: bytes=0-',
    ],
    ...['{"', '":', '[[[[[[[[', 'assetId', 'severity=critical', 'state=open'],
  ],
  inputBytesMax: 16_384,
  separator,
  refusals: [],
  workMax: bodyBytesMax,
  boundedInputs: 300,
  run: async (bytes) => {
    const [line = Buffer.alloc(0), head = Buffer.alloc(0), ...body] = partsOf(bytes, separator);
    const [method = 'GET', url = '/'] = line.toString('latin1').split(/ (.*)/s);
    if (!methods.has(method)) return 0;
    const headers: Record<string, string> = { authorization: `Bearer ${adminToken}` };
    for (const field of head.toString('latin1').split('\n')) {
      const [name = '', value = ''] = field.split(/: (.*)/s);
      // Node's own parser refuses what is no header before anything of ours sees it.
      if (/^[\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) headers[name.toLowerCase()] = value;
    }
    delete headers['content-length'];
    delete headers['transfer-encoding'];
    // What injects requests takes the word after two slashes, however they lean, for a host.
    if (!/^\/[\x21-\xff]*$/.test(url) || /^\/[/\\]/.test(url)) return 0;
    const payload = joinParts(body, separator);
    const request = { method: method as 'GET', url, headers, ...(payload.length > 0 ? { payload: Buffer.from(payload) } : {}) };
    const answer = await app.inject({ ...request, payloadAsStream: true });
    const type = String(answer.headers['content-type'] ?? '');
    const isEndless = type.startsWith('text/event-stream');
    const said = await readAll(answer.stream(), isEndless);
    if (isEndless) answer.stream().destroy();
    if (
      answer.statusCode >= 400 &&
      method !== 'HEAD' &&
      !answer.headers['content-encoding'] &&
      said.length > 0 &&
      type.startsWith('application/problem+json')
    ) {
      const { code } = JSON.parse(said.toString('utf8'));
      assert.ok(code in errorTable, `the code ${code}`);
      assert.ok(!own5xx.includes(code), `${answer.statusCode} ${code}`);
    } else if (answer.statusCode >= 500)
      assert.fail(`${answer.statusCode} ${type} without a code: ${said.toString('utf8').slice(0, 200)}`);
    else if (answer.statusCode >= 400)
      assert.ok(
        method === 'HEAD' || url.startsWith('/push/') || type.startsWith('text/'),
        `${answer.statusCode} ${type} is no problem`,
      );
    return said.length;
  },
  close: fixture.close,
};
