import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEcho } from '../../agent/src/probes/icmp/echo.ts';
import { probeRunners } from '../../agent/src/probes/registry.ts';
import { runProbe } from '../../agent/src/probes/run-probe.ts';
import type { ProbeTools } from '../../agent/src/probes/tools.ts';
import { systemClock } from '../../shared/src/clock.ts';
import { type AgentProbeKind, probeKindNames, probeKinds } from '../../shared/src/probes/registry.ts';
import { type Certificates, makeCertificates } from '../agent/probes/support/certificates.ts';
import { addressData, nameServer } from '../agent/probes/support/name-server.ts';
import { checkOutcome, declarationOf, probeOf, run, toolsWith } from '../agent/probes/support/run.ts';
import { httpsServer, silentServer, tcpServer, tlsServer } from '../agent/probes/support/servers.ts';
import { createManualClock } from '../support/manual-clock.ts';

/** A target of one kind, and how the machine around the probe behaves. */
interface Target {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly tools?: Partial<ProbeTools>;
}

const host = '127.0.0.1';
let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());

/** Ends only with the signal, as the interface of the tools demands. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

/** A tool of the kind that starts well and then hangs. */
const hangingTool = (name: 'ping' | 'fping') => ({
  name,
  targetsMax: 100,
  isPermitted: async () => true,
  run: () => new Promise<never>(() => undefined),
});

/** Of every kind: a target that accepts the question and never answers. */
const silent: { readonly [K in AgentProbeKind]: () => Promise<Target> } = {
  icmp: async () => ({
    spec: { host },
    tools: { echo: createEcho({ clock: systemClock, ping: hangingTool('ping'), fping: hangingTool('fping') }) },
  }),
  tcp: async () => ({ spec: { host, port: await silentServer(), exchange: [{ send: 'hello', expect: 'hello' }] } }),
  http: async () => ({ spec: { url: `http://${host}:${await silentServer()}/` } }),
  tls: async () => ({ spec: { host, port: await silentServer() } }),
  dns: async () => ({ spec: { name: 'www.example.org', server: await nameServer(() => null) } }),
  process: async () => ({ spec: { name: 'any' }, tools: { listProcesses: untilAborted } }),
  unit: async () => ({ spec: { unit: 'any.service' }, tools: { unitState: (_name, signal) => untilAborted(signal) } }),
};

/** Of every kind: a target that answers all there is to answer. */
const talkative: { readonly [K in AgentProbeKind]: () => Promise<Target> } = {
  icmp: async () => ({
    spec: { host },
    tools: {
      echo: {
        ask: async () => ({ roundTripsMs: [1, 2, 3], sentCount: 3, sentAfterMs: 0, method: 'ping' }),
        isBatching: () => false,
      },
    },
  }),
  tcp: async () => ({ spec: { host, port: await silentServer() } }),
  http: async () => ({
    spec: {
      url: `https://${host}:${await httpsServer(certificates.good, (_request, response) => void response.end('ok'))}/`,
      caFile: certificates.caFile,
    },
  }),
  tls: async () => ({
    spec: { host, port: await httpsServer(certificates.good, () => undefined), caFile: certificates.caFile },
  }),
  dns: async () => ({
    spec: { name: 'www.example.org', server: await nameServer(() => ({ records: [addressData('10.0.0.1')] })) },
  }),
  process: async () => ({ spec: { commandLine: '.' } }),
  unit: async () => ({
    spec: { unit: 'any.service' },
    tools: { unitState: async () => ({ load: 'loaded', active: 'active', sub: 'running' }) },
  }),
};

const kinds = probeKindNames.filter((kind) => kind !== 'heartbeat');

describe.each(kinds)('probe %s', (kind) => {
  test('runs under its own name', () => {
    expect(probeRunners[kind].kind).toBe(kind);
  });

  test('answers TIMEOUT when the deadline comes, neither before nor without it', async () => {
    const { spec, tools } = await silent[kind]();
    const clock = createManualClock(systemClock.nowMs());
    let isSettled = false;
    const context = { signal: new AbortController().signal, clock, tools: toolsWith(tools) };
    const running = runProbe(probeOf(kind, spec), 60_000, context).finally(() => {
      isSettled = true;
    });
    clock.advance(59_999);
    // A turn of the event loop with I/O in it: whatever wanted to end by itself would have ended.
    await once(spawn(process.execPath, ['-e', '']), 'exit');
    expect(isSettled).toBe(false);
    clock.advance(1);
    const outcome = await running;
    expect(outcome).toMatchObject({
      ...{ outcome: 'down', reason: 'TIMEOUT', latencyMs: null },
      // As blackbox_exporter does, it tells how long it took though no answer came.
      values: { probe_duration_seconds: 60 },
    });
    checkOutcome(kind, outcome);
  });

  test('answers TIMEOUT when its caller ends it', async () => {
    const { spec, tools } = await silent[kind]();
    const controller = new AbortController();
    const running = run(kind, spec, { signal: controller.signal, tools: tools ?? {} });
    controller.abort();
    expect(await running).toMatchObject({ outcome: 'down', reason: 'TIMEOUT', latencyMs: null });
  });

  test('answers TIMEOUT when it was ended before it began', async () => {
    const { spec, tools } = await silent[kind]();
    const outcome = await run(kind, spec, { signal: AbortSignal.abort(), tools: tools ?? {} });
    expect(outcome).toMatchObject({ outcome: 'down', reason: 'TIMEOUT', latencyMs: null });
  });

  test('measures every series its kind declares, and no other', async () => {
    const { spec, tools } = await talkative[kind]();
    const { outcome, values } = await run(kind, spec, { tools: tools ?? {} });
    expect(outcome).toBe('up');
    const declared = probeKinds[kind].metrics.map(({ name, labels }) => [name, ...labels].join(' '));
    expect([...new Set(Object.keys(values ?? {}).map(declarationOf))].sort()).toEqual([...declared].sort());
  });
});

const talkers: readonly { kind: AgentProbeKind; spec: (port: number) => Readonly<Record<string, unknown>> }[] = [
  { kind: 'tcp', spec: (port) => ({ host, port, exchange: [{ expect: '^\\d{3} ' }] }) },
  { kind: 'http', spec: (port) => ({ url: `http://${host}:${port}/`, expectBody: 'x', json: [{ path: '$.a' }] }) },
  { kind: 'tls', spec: (port) => ({ host, port }) },
];
test.each(talkers)('$kind never throws, whatever bytes come back (property)', async ({ kind, spec }) => {
  let bytes = Buffer.alloc(0);
  const port = await tcpServer((socket) => void socket.resume().end(bytes));
  const heads = [
    '',
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 302 x\r\nLocation: ',
  ];
  const replies = fc.tuple(fc.constantFrom(...heads, '\x16\x03\x03'), fc.uint8Array({ maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(replies, async ([head, rest]) => {
      bytes = Buffer.concat([Buffer.from(head, 'latin1'), rest]);
      await run(kind, spec(port), { timeoutMs: 5_000 });
    }),
    { numRuns: 60 },
  );
});

test('nothing is left open: a process that has run probes of every kind ends by itself', async () => {
  const silentTargets = await Promise.all(kinds.map(async (kind) => ({ kind, spec: (await silent[kind]()).spec })));
  const talkativeTargets = await Promise.all(kinds.map(async (kind) => ({ kind, spec: (await talkative[kind]()).spec })));
  // Neither side of these has a reason to hang up.
  const unread = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000\r\n\r\nhalf';
  const open = await tcpServer((socket) => void socket.resume().write(unread));
  const openTargets = [
    { kind: 'http', spec: { url: `http://${host}:${open}/` } },
    { kind: 'tls', spec: { host, port: await tlsServer(certificates.good) } },
  ];
  const targets = [...silentTargets, ...talkativeTargets, ...openTargets];
  const script = fileURLToPath(new URL('../agent/probes/support/run-all.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(targets)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
  });
  // Were a socket, timer or process left, this event would not come before the test's own time is up.
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(JSON.parse(printed)).toHaveLength(targets.length);
});
