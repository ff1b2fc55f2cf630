import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { limits } from '@jiwei/shared/limits.ts';
import { gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMessage } from '../../agent/src/link/message.ts';
import { bundleForAgent } from '../../deploy/build-agent.ts';
import { root, testFolder } from '../support/processes.ts';

/** What the bundled agent reads with its small schema must come out as what the agent from source reads with zod. */
type ReadMessage = typeof readMessage;
let folder: Awaited<ReturnType<typeof testFolder>>;
let bundled: ReadMessage;
let bundledGap: { safeParse(value: unknown): Judged };

interface Judged {
  readonly success: boolean;
  readonly data?: unknown;
  readonly error?: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] };
}

beforeAll(async () => {
  folder = await testFolder();
  const input = {
    message: join(root, 'agent/src/link/message.ts'),
    control: join(root, 'shared/src/protocol/control.ts'),
  };
  await bundleForAgent(input, folder.path);
  const require = createRequire(import.meta.url);
  bundled = require(join(folder.path, 'message.cjs')).readMessage;
  bundledGap = require(join(folder.path, 'control.cjs')).gapBodySchema;
});
afterAll(() => folder.remove());

const confirm = { failures: 3, successes: 2, retryMs: 1_000 };
const probes = [
  { kind: 'tcp', spec: { host: '10.0.0.1', port: 22, exchange: [{ send: 'a\r\n', expect: '^b' }], slowMs: 5 } },
  {
    kind: 'http',
    spec: {
      url: 'https://example.org/x',
      headers: { 'x-a': 'b' },
      statuses: [200, '2xx', '301-302'],
      expectBody: 'ok',
      expectHeaders: { server: 'x' },
      json: [
        { path: '$.a[0]["b c"]', equals: null },
        { path: '$', matches: 'x' },
      ],
      certificate: 'ignore',
      caFile: '/etc/ca.pem',
    },
  },
  { kind: 'icmp', spec: { host: 'example.org', lossRatioDegraded: 0.25 } },
  { kind: 'tls', spec: { host: '::1', port: 443, serverName: 'a.example' } },
  { kind: 'dns', spec: { name: 'example.org', type: 'MX', server: '[2001:db8::53]:53', expect: ['10 a'], expectOnly: true } },
  { kind: 'dns', spec: { name: '10.0.0.1', type: 'PTR' } },
  { kind: 'process', spec: { name: 'sshd', countMax: 3 } },
  { kind: 'unit', spec: { unit: 'nginx.service', states: ['active'] } },
  { kind: 'heartbeat', spec: { graceMs: 5 } },
];
const checks = probes.map((probe, index) => ({
  id: `c${index}`,
  probe,
  schedule: index % 2 === 0 ? { intervalMs: 20_000 } : { cron: '0 3 * * *', timeZone: 'Asia/Shanghai' },
  timeoutMs: 5_000,
  confirm,
}));
const position = { bootId: 1_700_000_000_000, seq: 3 };
const messages: readonly object[] = [
  ...checks.map((check) => ({ type: 'config', config: { version: 3, host: { intervalMs: 15_000 }, checks: [check] } })),
  { type: 'challenge', version: 1, capabilities: ['inventory'], nonce: 'A'.repeat(43), collectorId: 'x' },
  {
    type: 'welcome',
    agentId: 'a-1',
    stored: position,
    heartbeatMs: 5_000,
    heartbeatTimeoutMs: 15_000,
    framesInFlightMax: 64,
    frameBytesInFlightMax: 1_024,
    collectorTimeMs: 5,
  },
  { type: 'ack', ...position },
  { type: 'heartbeatAnswer', echoMs: 5, collectorTimeMs: 6 },
  ...probes.slice(0, 1).map((probe) => ({ type: 'probeRequest', requestId: 'r', probe, timeoutMs: 1_000 })),
  { type: 'refuse', code: 'NEWER_CODE', class: 'retry-later', message: 'x'.repeat(600), retryAfterMs: 5 },
];
/** What every agent must be able to run. */
const goodConfig = { type: 'config', config: { version: 3, host: { intervalMs: 15_000 }, checks: checks.slice(0, 8) } };
const gap = { fromMs: 1, toMs: 2, frames: 3, bytes: 4, cause: 'spool-full' };

/** Values on which schemas differ from each other: of every type, and at every bound that ours have. */
const odd: readonly unknown[] = [
  ...[null, true, '', 'x', 'ok', 0, -1, 1, 1.5, 99, 100, 600, 65_535, 65_536, 1e6, 1e10, 2 ** 53, -(2 ** 53), 1e300],
  ...[
    [],
    {},
    ['x'],
    { a: 1 },
    [[]],
    '(',
    '-x',
    'x'.repeat(2_000),
    '2xx',
    'http://u:p@h/',
    '$.a',
    '\r\n',
    'GET',
    'tcp',
    'heartbeat',
  ],
  ...[
    Array.from({ length: 70 }, () => 'x'),
    { kind: 'tcp', spec: {} },
    { 'bad name': 'x', ok: '\n' },
    JSON.parse('{"__proto__":"x"}'),
  ],
];

interface Change {
  /** Which place of the document, as a share of all of them. */
  readonly at: number;
  readonly how: 'replace' | 'remove' | 'add';
  readonly value: unknown;
}
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  how: fc.constantFrom('replace', 'remove', 'add'),
  value: fc.constantFrom(...odd),
});

const placesOf = (node: unknown): { readonly parent: Record<string, unknown>; readonly key: string }[] =>
  typeof node !== 'object' || node === null
    ? []
    : Object.keys(node).flatMap((key) => {
        const parent = node as Record<string, unknown>;
        return [{ parent, key }, ...placesOf(parent[key])];
      });

const changed = (document: object, changes: readonly Change[]): unknown => {
  const holder = { document: structuredClone(document) };
  for (const { at, how, value } of changes) {
    const places = placesOf(holder).slice(1);
    const place = places[Math.floor(at * places.length)];
    if (place === undefined) continue;
    const { parent, key } = place;
    if (how === 'replace') parent[key] = structuredClone(value);
    else if (how === 'add') parent['extra'] = structuredClone(value);
    else if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  }
  return holder.document;
};

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);

describe('the schema of the bundled agent judges as zod does', () => {
  test('reads every message as it is, and with every odd value at every place', () => {
    let refusedCount = 0;
    for (const message of messages) {
      const placeCount = placesOf({ message }).length - 1;
      const changes = Array.from({ length: placeCount }, (_, place) => (place + 0.5) / placeCount).flatMap((at) => [
        ...odd.map((value): Change => ({ at, how: 'replace', value })),
        { at, how: 'remove', value: null } as const,
        { at, how: 'add', value: 1 } as const,
      ]);
      for (const one of [null, ...changes]) {
        const text = JSON.stringify(changed(message, one === null ? [] : [one]));
        const [ours, theirs] = [bundled(text), readMessage(text)];
        if (!isDeepStrictEqual(ours, theirs)) expect(JSON.stringify(ours), text.slice(0, 2_000)).toBe(JSON.stringify(theirs));
        if ('problem' in ours || ('errors' in ours.message && ours.message.errors.length > 0)) refusedCount += 1;
      }
    }
    // Both sides would agree on an empty list, too.
    expect(refusedCount).toBeGreaterThan(5_000);
  });

  test('takes a configuration that is right, and fills its defaults in', () => {
    expect(bundled(JSON.stringify(goodConfig))).toMatchObject({ message: { config: { version: 3 }, errors: [] } });
  });

  test('takes as many checks as an agent may have, and refuses the configuration with one more', () => {
    const many = (count: number) => ({
      ...{ version: 3, host: { intervalMs: 15_000 } },
      checks: Array.from({ length: count }, (_, index) => ({ ...checks[0], id: `c${index}` })),
    });
    for (const read of [bundled, readMessage]) {
      const errorsOf = (count: number): unknown => read(JSON.stringify({ type: 'config', config: many(count) }));
      expect(errorsOf(limits.checksPerAgentMax)).toMatchObject({ message: { errors: [] } });
      expect(errorsOf(limits.checksPerAgentMax + 1)).toMatchObject({
        message: { config: null, errors: [expect.stringContaining('config.checks')] },
      });
    }
  });

  test(`says the same of documents with faults (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(goodConfig, ...messages),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (message, changes) => {
          const text = JSON.stringify(changed(message, changes));
          expect(bundled(text)).toEqual(readMessage(text));
        },
      ),
      { seed, numRuns: 1_000 },
    );
  });

  test(`says the same of gaps with faults (seed ${seed})`, () => {
    const judged = ({ success, data, error }: Judged) => ({
      success,
      data,
      issues: error?.issues.map(({ path, message }) => ({ path, message })),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 2 }), (changes) => {
        const body = changed(gap, changes);
        expect(judged(bundledGap.safeParse(body))).toEqual(judged(gapBodySchema.safeParse(body)));
      }),
      { seed, numRuns: 500 },
    );
  });
});
