import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Agent, type AgentWorld, startAgent } from '@jiwei/agent/agent.ts';
import { createWebSocketDial } from '@jiwei/agent/link/web-socket.ts';
import { createLog } from '@jiwei/agent/log.ts';
import { runProbe } from '@jiwei/agent/probes/run-probe.ts';
import { createProbeTools } from '@jiwei/agent/probes/tools.ts';
import { createCalendar } from '@jiwei/agent/schedule/calendar.ts';
import { systemClock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { gapBodySchema, resultsBodySchema } from '@jiwei/shared/protocol/control.ts';
import { decodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { afterEach, expect, test } from 'vitest';
import { createMemoryDisk, type MemoryDisk } from './memory-disk.ts';
import { startTestCollector, type TestCollector } from './test-collector.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const family = { name: 'node_load1', type: 'gauge', help: 'load' } as const;
const tools = createProbeTools({ clock: systemClock, unitState: async () => null });

/** An agent in this process, on disks in memory. */
const launch = async (url: URL, disks: { files: MemoryDisk; spool: MemoryDisk }, lines: string[] = []): Promise<Agent> => {
  const world: AgentWorld = {
    clock: systemClock,
    random: () => 0.1,
    files: disks.files,
    spoolDisk: disks.spool,
    dial: createWebSocketDial({
      url,
      trust: { ca: null, pinned: null, trustsFirstUse: false, pin: () => undefined },
      client: null,
      proxy: null,
    }),
    ask: (probe, timeoutMs, signal) => runProbe(probe, timeoutMs, { signal, clock: systemClock, tools }),
    host: {
      series: [{ family, labels: [] }],
      collect: async () => ({ atMs: 0, indexes: Uint32Array.of(0), values: Float64Array.of(0.5), errors: [] }),
    },
    inventory: async () => ({ sections: { os: [{ name: 'test' }] } }),
    nextCalendarTime: createCalendar(),
    log: createLog({ clock: systemClock, level: 'debug', write: (_level, line) => lines.push(line) }),
  };
  const agent = await startAgent(world, {
    agentVersion: '0',
    hostname: 'h',
    platform: 'linux',
    architecture: 'x64',
    joinToken: 't',
    wantedId: null,
    spoolBytesMax: limits.spoolBytesDefault,
  });
  closing.push(() => agent.close('test'));
  return agent;
};

const newDisks = () => ({ files: createMemoryDisk(), spool: createMemoryDisk() });

const openTarget = async (): Promise<number> => {
  const target = createServer().listen(0, '127.0.0.1');
  await once(target, 'listening');
  closing.push(() => target.close());
  const address = target.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const configOf = (version: number, port: number): object => ({
  version,
  host: { intervalMs: 1_000 },
  checks: [
    {
      id: 'web',
      probe: { kind: 'tcp', spec: { host: '127.0.0.1', port, tls: false, exchange: [] } },
      schedule: { intervalMs: 1_000 },
      timeoutMs: 500,
      confirm: { failures: 3, successes: 2, retryMs: 100 },
    },
  ],
});

const listen = async (options: Parameters<typeof startTestCollector>[0]): Promise<TestCollector> => {
  const collector = await startTestCollector(options);
  closing.push(() => collector.close());
  return collector;
};

const resultsOf = (collector: TestCollector) =>
  collector.frames
    .filter(({ kind }) => kind === 'results')
    .flatMap(({ body }) => resultsBodySchema.parse(JSON.parse(Buffer.from(body).toString())).results);
const positionsOf = (collector: TestCollector) => collector.frames.map(({ bootId, seq }) => `${bootId}/${seq}`);

test('enrols, sends samples and check results, and has them acknowledged', async () => {
  const collector = await listen({ config: configOf(1, await openTarget()) });
  const agent = await launch(collector.url, newDisks());
  await collector.until(() => ['samples', 'results'].every((wanted) => collector.frames.some(({ kind }) => kind === wanted)));
  const samples = collector.frames.find(({ kind }) => kind === 'samples');
  expect(samples === undefined ? [] : [...(decodeSamples(samples.body)[0]?.values ?? [])]).toEqual([0.5]);
  expect(collector.dictionaries.map(({ series }) => series)).toEqual([[{ family, labels: [] }]]);
  expect(resultsOf(collector)[0]).toMatchObject({ checkId: 'web', outcome: 'up', run: { ofDown: 0, ofUp: 1 } });
  expect(collector.messages.map(({ type }) => type).slice(0, 3)).toEqual(['hello', 'proof', 'heartbeat']);
  await collector.until(() => collector.messages.some(({ type }) => type === 'configApplied'));
  await agent.close('test');
  expect(agent.counts().spool.pendingFrames).toBe(0);
  await collector.until(() => collector.messages.some(({ type }) => type === 'bye'));
});

test('enrols and measures also when its disk is full by the time it is welcomed', async () => {
  const disks = newDisks();
  const { replace } = disks.files;
  disks.files.replace = (name, bytes) => {
    if (name === 'agent.id') throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    replace(name, bytes);
  };
  const collector = await listen({ config: configOf(1, await openTarget()) });
  const lines: string[] = [];
  await launch(collector.url, disks, lines);
  await collector.until(() => ['samples', 'results'].every((wanted) => collector.frames.some(({ kind }) => kind === wanted)));
  expect(lines.join('\n')).toContain('the name the collector gave cannot be stored');
});

test('confirms a failure at the retry interval and sends each result with its place', async () => {
  // A port that was just free: nothing listens on it.
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  const collector = await listen({ config: configOf(1, typeof address === 'object' && address !== null ? address.port : 0) });
  await launch(collector.url, newDisks());
  await collector.until(() => resultsOf(collector).length >= 3);
  const [first, second, third] = resultsOf(collector);
  expect([first, second, third].map((result) => result?.run.ofDown)).toEqual([1, 2, 3]);
  expect(first).toMatchObject({ outcome: 'down', reason: 'CONNECTION_REFUSED' });
  expect((second?.observedAtMs ?? 0) - (first?.observedAtMs ?? 0)).toBeGreaterThanOrEqual(100);
});

test('sends what a killed agent left, once, before its own', async () => {
  const disks = newDisks();
  const collector = await listen({ config: configOf(1, await openTarget()) });
  collector.isAcknowledging = false;
  const killed = await launch(collector.url, disks);
  await collector.until(() => collector.frames.length >= 3);
  const sent = positionsOf(collector);
  // As kill -9 leaves it: the same bytes, without a goodbye.
  const left = { files: createMemoryDisk(disks.files.files), spool: createMemoryDisk(disks.spool.files) };
  await killed.close('the test goes on without it');
  collector.frames.length = 0;
  collector.isAcknowledging = true;
  const next = await launch(collector.url, left);
  await collector.until(() => collector.frames.some(({ bootId }) => bootId === next.bootId));
  expect(positionsOf(collector).slice(0, sent.length)).toEqual(sent);
  expect(new Set(positionsOf(collector)).size).toBe(collector.frames.length);
});

test('goes on without the collector by its stored configuration, and sends all of it later', async () => {
  const disks = newDisks();
  const port = await openTarget();
  const first = await listen({ config: configOf(1, port) });
  const agent = await launch(first.url, disks);
  await first.until(() => resultsOf(first).length >= 1);
  await agent.close('test');
  await first.close();
  const alone = await launch(first.url, disks);
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (alone.counts().spool.pendingFrames >= 2) resolve();
    else systemClock.after(20, look);
  };
  look();
  await promise;
  const second = await listen({ config: configOf(1, port), port: Number(first.url.port) });
  await second.until(() => resultsOf(second).length >= 2);
  expect(alone.isConnected()).toBe(true);
});

test('a backlog goes out after the first heartbeat, by which the collector sets its times right', async () => {
  const disks = newDisks();
  const first = await listen({ config: configOf(1, await openTarget()) });
  first.isAcknowledging = false;
  const agent = await launch(first.url, disks);
  await first.until(() => first.frames.length >= 2);
  await agent.close('test');
  const second = await listen({ config: configOf(1, 1) });
  await launch(second.url, disks);
  await second.until(() => second.frames.length >= 2);
  expect(second.arrivals.slice(0, 4)).toEqual(['hello', 'proof', 'heartbeat', 'dictionary']);
});

test('sends no more than the window while nothing is acknowledged, and goes on when it is', async () => {
  const collector = await listen({ config: configOf(1, await openTarget()), framesInFlightMax: 2 });
  collector.isAcknowledging = false;
  const agent = await launch(collector.url, newDisks());
  await collector.until(() => collector.frames.length >= 2);
  collector.say({
    type: 'probeRequest',
    requestId: 'q',
    probe: { kind: 'tcp', spec: { host: '127.0.0.1', port: 1 } },
    timeoutMs: 500,
  });
  await collector.until(() => collector.messages.some(({ type }) => type === 'probeAnswer'));
  expect(collector.frames).toHaveLength(2);
  const [, last] = collector.frames;
  collector.isAcknowledging = true;
  collector.say({ type: 'ack', bootId: agent.bootId, seq: last?.seq ?? 0 });
  await collector.until(() => collector.frames.length >= 4);
});

test('keeps the last good configuration when it is sent a bad one, and says why', async () => {
  const disks = newDisks();
  const collector = await listen({ config: configOf(1, await openTarget()) });
  await launch(collector.url, disks);
  await collector.until(() => collector.messages.some(({ type }) => type === 'configApplied'));
  const stored = disks.files.files.get('config.json')?.toString();
  collector.say({ type: 'config', config: { version: 2, host: { intervalMs: 1_000 }, checks: [{ id: 'x' }] } });
  await collector.until(() => collector.messages.some((message) => message.type === 'configApplied' && message.version === 2));
  const answer = collector.messages.find((message) => message.type === 'configApplied' && message.version === 2);
  expect(answer).toMatchObject({ errors: expect.arrayContaining([expect.stringContaining('config.checks.0')]) });
  expect(disks.files.files.get('config.json')?.toString()).toBe(stored);
});

test('asks to be started anew when the collector knows a later boot, is then numbered above it, and tells what is lost', async () => {
  const disks = newDisks();
  const before = await listen({ config: configOf(1, await openTarget()) });
  before.isAcknowledging = false;
  const copied = await launch(before.url, disks);
  await before.until(() => before.frames.length >= 2);
  await copied.close('the folder is copied');
  const laterBoot = Date.now() + 1_000_000;
  const collector = await listen({ config: configOf(1, 1), stored: { bootId: laterBoot, seq: 4 } });
  const agent = await launch(collector.url, disks);
  await agent.outdated;
  await agent.close('outdated');
  const next = await launch(collector.url, disks);
  expect(next.bootId).toBe(laterBoot + 1);
  const isGap = ({ kind }: { kind: string }): boolean => kind === 'gap';
  await collector.until(() => collector.frames.some(isGap));
  expect(collector.frames.filter(({ bootId }) => bootId !== next.bootId)).toEqual([]);
  const [gap, ...more] = collector.frames
    .filter(isGap)
    .map(({ body }) => gapBodySchema.parse(JSON.parse(String(Buffer.from(body)))));
  expect(gap?.cause).toBe('spool-damaged');
  expect(gap?.frames).toBeGreaterThanOrEqual(before.frames.length);
  expect(more).toEqual([]);
  expect([...disks.files.files.keys()]).not.toContain('lost.json');
});

test('closes a link that speaks another protocol', async () => {
  const collector = await listen({ config: configOf(1, 1) });
  const lines: string[] = [];
  await launch(collector.url, newDisks(), lines);
  await collector.until(() => collector.messages.some(({ type }) => type === 'configApplied'));
  collector.say({ type: 'dance' });
  await collector.until(() => collector.sockets.size === 0);
  expect(lines.join('\n')).toContain('does not speak our protocol');
});
