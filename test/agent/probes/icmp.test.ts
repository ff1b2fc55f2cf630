import { expect, test } from 'vitest';
import { aloneMax, createEcho, type EchoTool } from '../../../agent/src/probes/icmp/echo.ts';
import { createFpingTool, parseFping } from '../../../agent/src/probes/icmp/fping-tool.ts';
import { createPingTool } from '../../../agent/src/probes/icmp/ping-tool.ts';
import type { ToolCommand, ToolResult } from '../../../agent/src/probes/icmp/run-tool.ts';
import { runTool } from '../../../agent/src/probes/icmp/run-tool.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { run } from './support/run.ts';
import { refusingPort, silentServer } from './support/servers.ts';

const live = new AbortController().signal;
const host = '127.0.0.1';

test('the loopback address is reached by whatever this machine may use, and the result says by what', async () => {
  const outcome = await run('icmp', { host, tcpFallbackPort: await silentServer() });
  expect(outcome).toMatchObject({ outcome: 'up', reason: 'OK', values: { probe_icmp_loss_ratio: 0 } });
  expect(['ping', 'fping', 'tcp']).toContain(outcome.method);
  expect(outcome.values?.['probe_icmp_duration_seconds{phase="rtt"}']).toBeGreaterThan(0);
});

const reports: readonly {
  why: string;
  spec?: Record<string, unknown>;
  roundTripsMs: readonly number[];
  expected: Record<string, unknown>;
}[] = [
  {
    why: 'all replies are up, the latency is their mean',
    roundTripsMs: [1, 2, 3],
    expected: { outcome: 'up', latencyMs: 2, method: 'ping' },
  },
  { why: 'one of three lost is below half: up', roundTripsMs: [1, 2], expected: { outcome: 'up', reason: 'OK' } },
  {
    why: 'two of three lost: degraded',
    roundTripsMs: [1],
    expected: { outcome: 'degraded', reason: 'PACKET_LOSS', detail: '2 of 3 replies are missing' },
  },
  { why: 'exactly the share: degraded', spec: { count: 2 }, roundTripsMs: [1], expected: { reason: 'PACKET_LOSS' } },
  {
    why: 'no loss is no loss even where any counts',
    spec: { lossRatioDegraded: 0 },
    roundTripsMs: [1, 1, 1],
    expected: { outcome: 'up' },
  },
  { why: 'none: down', roundTripsMs: [], expected: { outcome: 'down', reason: 'NO_REPLY', latencyMs: null } },
  {
    why: 'a slow mean: degraded',
    spec: { slowMs: 50 },
    roundTripsMs: [50, 50, 50],
    expected: { outcome: 'degraded', reason: 'SLOW' },
  },
];
for (const { why, spec, roundTripsMs, expected } of reports) {
  test(`icmp: ${why}`, async () => {
    const echo = async ({ count }: { count: number }) => ({ roundTripsMs, sentCount: count, method: 'ping' as const });
    expect(await run('icmp', { host, ...spec }, { tools: { echo } })).toMatchObject(expected);
  });
}

const withoutPing = { echo: async () => null };
test('without the privilege a TCP connection is tried, and said so', async () => {
  const outcome = await run('icmp', { host, tcpFallbackPort: await silentServer() }, { tools: withoutPing });
  expect(outcome).toMatchObject({ outcome: 'up', method: 'tcp', values: { probe_icmp_loss_ratio: 0 } });
});
test('a refused connection proves as much as an accepted one: the host answered', async () => {
  const outcome = await run('icmp', { host, tcpFallbackPort: await refusingPort() }, { tools: withoutPing });
  expect(outcome).toMatchObject({ outcome: 'up', method: 'tcp' });
});
test('a name is looked up within the deadline, and pinged by its address', async () => {
  const asked: string[] = [];
  const tools = {
    lookup: async () => [{ address: '10.0.0.7', family: 4 }],
    echo: async ({ address }: { address: string }) => {
      asked.push(address);
      return { roundTripsMs: [1, 1, 1], sentCount: 3, method: 'ping' as const };
    },
  };
  expect(await run('icmp', { host: 'host.example' }, { tools })).toMatchObject({ outcome: 'up' });
  expect(asked).toEqual(['10.0.0.7']);
  const never = { lookup: () => new Promise<never>(() => undefined) };
  expect(await run('icmp', { host: 'host.example' }, { timeoutMs: 30, tools: never })).toMatchObject({ reason: 'TIMEOUT' });
});

/** A tool that notes what it is asked and answers every address with one round trip. */
const recordingTool = (name: EchoTool['name'], isPermitted: () => Promise<boolean> = async () => true) => {
  const batches: (readonly string[])[] = [];
  const tool: EchoTool = {
    name,
    isPermitted,
    run: async ({ addresses }) => {
      batches.push(addresses);
      return addresses.map((address) => ({ roundTripsMs: [Number(address.split('.')[3])] }));
    },
  };
  return { tool, batches };
};
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`);
const request = (address: string, signal = live) => ({ address, count: 1, waitMs: 5_000, signal });

test('few targets are pinged one by one, many at about the same time go to one fping', async () => {
  for (const [count, method] of [
    [aloneMax, 'ping'],
    [aloneMax + 1, 'fping'],
  ] as const) {
    const ping = recordingTool('ping');
    const fping = recordingTool('fping');
    const clock = createManualClock(0);
    const echo = createEcho({ clock, ping: ping.tool, fping: fping.tool });
    const answers = addresses(count).map((address) => echo(request(address)));
    clock.advance(50);
    // Each gets the answer of its own address.
    expect(await Promise.all(answers)).toEqual(
      addresses(count).map((_, index) => ({ roundTripsMs: [index + 1], sentCount: 1, method })),
    );
    expect(ping.batches).toHaveLength(method === 'ping' ? count : 0);
    expect(fping.batches).toHaveLength(method === 'fping' ? 1 : 0);
  }
});

test('the tool that is missing is replaced by the other, and by nothing where both are', async () => {
  const no = async () => false;
  const rows = [
    {
      ping: recordingTool('ping', no),
      fping: recordingTool('fping'),
      expected: { roundTripsMs: [1], sentCount: 1, method: 'fping' },
    },
    {
      ping: recordingTool('ping'),
      fping: recordingTool('fping', no),
      expected: { roundTripsMs: [1], sentCount: 1, method: 'ping' },
    },
    { ping: recordingTool('ping', no), fping: recordingTool('fping', no), expected: null },
  ];
  for (const { ping, fping, expected } of rows) {
    const clock = createManualClock(0);
    const echo = createEcho({ clock, ping: ping.tool, fping: fping.tool });
    const answer = echo(request('10.0.0.1'));
    clock.advance(50);
    expect(await answer).toEqual(expected);
  }
});

test('the privilege is asked once and again after ten minutes', async () => {
  let askedCount = 0;
  const ping = recordingTool('ping', async () => ++askedCount > 1);
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: ping.tool, fping: recordingTool('fping', async () => false).tool });
  const ask = async (afterMs: number) => {
    clock.advance(afterMs);
    const answer = echo(request('10.0.0.1'));
    clock.advance(50);
    return answer;
  };
  expect(await ask(0)).toBeNull();
  expect(await ask(599_000)).toBeNull();
  expect(await ask(1_000)).toEqual({ roundTripsMs: [1], sentCount: 1, method: 'ping' });
  expect(askedCount).toBe(2);
});

const counts: readonly { count: number; waitMs: number; sentCount: number; why: string }[] = [
  { why: 'all of them fit', count: 3, waitMs: 800, sentCount: 3 },
  { why: 'the third would go out past half of the time', count: 3, waitMs: 799, sentCount: 2 },
  { why: 'one always fits', count: 20, waitMs: 10, sentCount: 1 },
];
test.each(counts)('of $count requests within $waitMs ms $sentCount are sent: $why', async ({ count, waitMs, sentCount }) => {
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: recordingTool('fping').tool });
  const answer = echo({ address: '10.0.0.1', count, waitMs, signal: live });
  clock.advance(50);
  expect(await answer).toMatchObject({ sentCount });
});

test('a tool that does not end in its time is cut off, and what came until then counts', async () => {
  const clock = createManualClock(0);
  const started: AbortSignal[] = [];
  const slow: EchoTool = {
    ...recordingTool('ping').tool,
    run: ({ signal }) =>
      new Promise((resolve) => {
        started.push(signal);
        signal.addEventListener('abort', () => resolve([{ roundTripsMs: [7] }]), { once: true });
      }),
  };
  const answer = createEcho({ clock, ping: slow, fping: recordingTool('fping').tool })({ ...request('10.0.0.1'), waitMs: 1_000 });
  clock.advance(50);
  await expect.poll(() => started.length).toBe(1);
  clock.advance(950);
  expect(await answer).toEqual({ roundTripsMs: [7], sentCount: 1, method: 'ping' });
});

test('a shared process runs on while one still waits for it, and is killed when none does', async () => {
  const clock = createManualClock(0);
  const signals: AbortSignal[] = [];
  const never: EchoTool = { ...recordingTool('fping').tool, run: ({ signal }) => new Promise(() => void signals.push(signal)) };
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: never });
  const controllers = addresses(aloneMax + 1).map(() => new AbortController());
  const answers = controllers.map((controller, index) => echo(request(`10.0.0.${index}`, controller.signal)));
  const settled = Promise.allSettled(answers);
  clock.advance(50);
  await expect.poll(() => signals.length).toBe(1);
  for (const controller of controllers.slice(1)) controller.abort();
  expect(signals[0]?.aborted).toBe(false);
  controllers[0]?.abort();
  expect(signals[0]?.aborted).toBe(true);
  expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
});

/** What the tools would be started with, and a recorded output for it. */
const recorded = (result: Partial<ToolResult> | null) => {
  const commands: ToolCommand[] = [];
  const play = async (command: ToolCommand): Promise<ToolResult | null> => {
    commands.push(command);
    return result === null ? null : { exitCode: 0, stdout: '', stderr: '', ...result };
  };
  return { commands, play };
};
const pingOutput = `PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.
64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.595 ms
64 bytes from 10.0.0.1: icmp_seq=3 ttl=64 time=12 ms
`;
const ask = { addresses: ['10.0.0.1'], count: 3, waitMs: 4_200, signal: live };

test('ping: the replies are read, also of a process that was killed before it summed up', async () => {
  for (const rest of [
    '',
    '\n--- 10.0.0.1 ping statistics ---\n3 packets transmitted, 2 received, 33.3% packet loss, time 408ms\n',
  ]) {
    const { play } = recorded({ exitCode: 1, stdout: pingOutput + rest });
    expect(await createPingTool(play).run(ask)).toEqual([{ roundTripsMs: [0.595, 12] }]);
  }
});
test('ping: IPv4 after IPv6 is asked as IPv4 again', async () => {
  const { play, commands } = recorded({ exitCode: 1 });
  const tool = createPingTool(play);
  await tool.run({ ...ask, addresses: ['2001:db8::1'] });
  await tool.run(ask);
  expect(commands[0]?.file).not.toBe(commands[1]?.file);
  expect(commands[1]?.args.at(-1)).toBe('10.0.0.1');
});
test('ping: what it complains of becomes the detail', async () => {
  const { play } = recorded({ exitCode: 2, stderr: 'ping: connect: Network is unreachable\n' });
  expect(await createPingTool(play).run(ask)).toEqual([{ roundTripsMs: [], detail: 'ping: connect: Network is unreachable' }]);
});
test('ping and fping: a program that is missing is null, not "no reply"', async () => {
  const { play } = recorded(null);
  expect(await createPingTool(play).run(ask)).toBeNull();
  expect(await createFpingTool(play).run(ask)).toBeNull();
});

const permissions: readonly { why: string; tool: 'ping' | 'fping'; result: Partial<ToolResult> | null; expected: boolean }[] = [
  { why: 'a reply', tool: 'ping', result: { exitCode: 0, stdout: pingOutput }, expected: true },
  { why: 'a loopback that ignores pings', tool: 'ping', result: { exitCode: 1, stdout: 'PING 127.0.0.1 …' }, expected: true },
  {
    why: 'iputils without the capability',
    tool: 'ping',
    result: { exitCode: 2, stderr: 'missing cap_net_raw' },
    expected: false,
  },
  { why: 'busybox without the right', tool: 'ping', result: { exitCode: 1, stderr: 'permission denied' }, expected: false },
  { why: 'no program', tool: 'ping', result: null, expected: false },
  { why: 'a reply', tool: 'fping', result: { stderr: '127.0.0.1 : 0.03\n' }, expected: true },
  { why: 'a loopback that ignores pings', tool: 'fping', result: { exitCode: 1, stderr: '127.0.0.1 : -\n' }, expected: true },
  { why: 'exit 4 in silence', tool: 'fping', result: { exitCode: 4 }, expected: false },
  { why: 'no program', tool: 'fping', result: null, expected: false },
];
for (const { why, tool, result, expected } of permissions) {
  test(`${tool}: ${why} means ${expected ? 'permitted' : 'not permitted'}`, async () => {
    const create = { ping: createPingTool, fping: createFpingTool }[tool];
    expect(await create(recorded(result).play).isPermitted(live)).toBe(expected);
  });
}

test('fping: one process per family, answers by address, exit 4 in silence is null', async () => {
  const { play, commands } = recorded({ exitCode: 1, stderr: '10.0.0.1 : 1.5 - 2\n2001:db8::1 : - - -\n' });
  const reports = await createFpingTool(play).run({ ...ask, addresses: ['2001:db8::1', '10.0.0.1', '10.0.0.2'] });
  expect(reports).toEqual([{ roundTripsMs: [] }, { roundTripsMs: [1.5, 2] }, { roundTripsMs: [] }]);
  expect(commands.map(({ args }) => args.slice(-1))).toEqual([['10.0.0.2'], ['2001:db8::1']]);
  expect(commands[0]?.args).toContain('3600');
  expect(await createFpingTool(recorded({ exitCode: 4 }).play).run(ask)).toBeNull();
});
test('fping: lines of another form are passed over', () => {
  const text =
    'ICMP Host Unreachable from 10.0.0.9 for ICMP Echo sent to 10.0.0.3\n10.0.0.3    : - 0.52\n\nno-such: Name or service not known\n';
  expect([...parseFping(text)]).toEqual([['10.0.0.3', [0.52]]]);
});

test('a helper program is killed when the signal fires', async () => {
  const controller = new AbortController();
  const endless = 'setInterval(() => undefined, 1_000);';
  const result = runTool({ file: process.execPath, args: ['-e', endless], signal: controller.signal });
  controller.abort();
  expect(await result).toMatchObject({ exitCode: null });
});
test('a helper program that does not exist is null, and its locale is C', async () => {
  expect(await runTool({ file: 'no-such-program-anywhere', args: [], signal: live })).toBeNull();
  const printed = await runTool({
    file: process.execPath,
    args: ['-p', 'process.env.LC_ALL'],
    env: { LC_ALL: 'zh_CN.UTF-8' },
    signal: live,
  });
  expect(printed).toEqual({ exitCode: 0, stdout: 'C\n', stderr: '' });
});
