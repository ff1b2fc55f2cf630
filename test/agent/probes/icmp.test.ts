import { expect, test } from 'vitest';
import { aloneMax, createEcho, type Echo, gatherMs } from '../../../agent/src/probes/icmp/echo.ts';
import type { EchoNews, EchoOrder, EchoTool } from '../../../agent/src/probes/icmp/echo-tool.ts';
import { createFpingTool, parseFping } from '../../../agent/src/probes/icmp/fping-tool.ts';
import { createPingTool } from '../../../agent/src/probes/icmp/ping-tool.ts';
import type { ToolCommand, ToolResult } from '../../../agent/src/probes/icmp/run-tool.ts';
import { runTool } from '../../../agent/src/probes/icmp/run-tool.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { run } from './support/run.ts';
import { refusingPort, silentServer } from './support/servers.ts';

const live = new AbortController().signal;
const host = '127.0.0.1';
const echoOf = (ask: Echo['ask']): Echo => ({ ask, isBatching: () => false });

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
    const echo = echoOf(async ({ count }) => ({ roundTripsMs, sentCount: count, sentAfterMs: 0, method: 'ping' }));
    expect(await run('icmp', { host, ...spec }, { tools: { echo } })).toMatchObject(expected);
  });
}

const withoutPing = { echo: echoOf(async () => null) };
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
    echo: echoOf(async ({ address }) => {
      asked.push(address);
      return { roundTripsMs: [1, 1, 1], sentCount: 3, sentAfterMs: 0, method: 'ping' };
    }),
  };
  expect(await run('icmp', { host: 'host.example' }, { tools })).toMatchObject({ outcome: 'up' });
  expect(asked).toEqual(['10.0.0.7']);
  const none = { lookup: async () => [] };
  expect(await run('icmp', { host: 'host.example' }, { tools: none })).toMatchObject({ outcome: 'down', reason: 'DNS_NO_DATA' });
  const never = { lookup: () => new Promise<never>(() => undefined) };
  expect(await run('icmp', { host: 'host.example' }, { timeoutMs: 30, tools: never })).toMatchObject({ reason: 'TIMEOUT' });
});

test('a result is of when its own request was sent, however long it waited for others', async () => {
  const clock = createManualClock(0);
  const sent = { roundTripsMs: [1], sentCount: 1, sentAfterMs: 64.5, method: 'fping' as const };
  const tools = {
    lookup: async () => {
      clock.advance(20);
      return [{ address: '10.0.0.7', family: 4 }];
    },
    echo: echoOf(async () => sent),
  };
  const outcome = await run('icmp', { host: 'host.example', count: 1 }, { clock, tools });
  expect(outcome).toMatchObject({ method: 'fping', askedAfterMs: 84.5, latencyMs: 1 });
});

/** A tool that notes what it is asked; by default each address has replied once, after as many ms as its last byte says, when it is asked. */
const recordingTool = (
  name: EchoTool['name'],
  {
    isPermitted = async () => true,
    run,
  }: { isPermitted?: () => Promise<boolean>; run?: (order: EchoOrder) => Promise<boolean> } = {},
) => {
  const orders: EchoOrder[] = [];
  const tool: EchoTool = {
    name,
    targetsMax: name === 'ping' ? 1 : 100,
    isPermitted,
    run: async (order) => {
      orders.push(order);
      if (run !== undefined) return run(order);
      for (const address of order.addresses) order.onNews(replyOf(address, Number(address.split('.')[3])));
      return true;
    },
  };
  return { tool, orders };
};
const replyOf = (address: string, roundTripMs: number | null, sentAfterMs = 0): EchoNews => ({
  ...{ kind: 'echo', address, roundTripMs, sentAfterMs },
});
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`);
const request = (address: string, signal = live) => ({ address, count: 1, waitMs: 5_000, signal });
const no = { isPermitted: async () => false };
const answer = { sentCount: 1, sentAfterMs: gatherMs };

test('few targets are pinged one by one, more at about the same time go to one fping', async () => {
  for (const [count, method] of [
    [aloneMax, 'ping'],
    [aloneMax + 1, 'fping'],
  ] as const) {
    const ping = recordingTool('ping');
    const fping = recordingTool('fping');
    const clock = createManualClock(0);
    const echo = createEcho({ clock, ping: ping.tool, fping: fping.tool });
    const answers = addresses(count).map((address) => echo.ask(request(address)));
    clock.advance(gatherMs);
    // Each gets the answer of its own address.
    expect(await Promise.all(answers)).toEqual(
      addresses(count).map((_, index) => ({ ...answer, roundTripsMs: [index + 1], method })),
    );
    expect(ping.orders).toHaveLength(method === 'ping' ? count : 0);
    expect(fping.orders).toHaveLength(method === 'fping' ? 1 : 0);
  }
});

test('a process has at most its share of addresses, all of one family and one count, and none twice', async () => {
  const fping = recordingTool('fping');
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: fping.tool });
  const many = Array.from({ length: 120 }, (_, index) => `10.0.${index % 2}.${index}`);
  const six = ['2001:db8::1', '2001:db8::2'];
  const requests = [...many, ...many, ...six].map((address) => request(address));
  const answers = [...requests, { ...request('10.0.0.1'), count: 3 }].map((one) => echo.ask(one));
  clock.advance(gatherMs);
  await Promise.all(answers);
  expect(fping.orders.map(({ addresses, count }) => [addresses.length, count])).toEqual([
    [100, 1],
    [20, 1],
    [2, 1],
    [1, 3],
  ]);
  expect(fping.orders[2]?.addresses).toEqual(six);
});

test('an answer is given when it is there, not when the slowest of the batch has its own', async () => {
  let order: EchoOrder | null = null;
  const ended = Promise.withResolvers<boolean>();
  const fping = recordingTool('fping', {
    run: (given) => {
      order = given;
      return ended.promise;
    },
  });
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: fping.tool });
  const settled: string[] = [];
  const ask = (address: string, waitMs: number) =>
    echo.ask({ address, count: 2, waitMs, signal: live }).then((found) => {
      settled.push(address);
      return found;
    });
  const quick = ask('10.0.0.1', 5_000);
  const lossy = ask('10.0.0.2', 5_000);
  const hasty = ask('10.0.0.3', 1_000);
  const silent = ask('10.0.0.4', 5_000);
  clock.advance(gatherMs);
  await expect.poll(() => order).not.toBeNull();
  const { onNews, waitMs, signal } = order as unknown as EchoOrder;
  // The process may take as long as the one with the most time has left.
  expect(waitMs).toBeCloseTo(4_950, -1);
  onNews(replyOf('10.0.0.2', 3, 2));
  onNews(replyOf('10.0.0.1', 7, 4));
  onNews(replyOf('10.0.0.3', 5, 6));
  onNews(replyOf('10.0.0.1', 9, 204));
  expect(await quick).toEqual({ roundTripsMs: [7, 9], sentCount: 2, sentAfterMs: 54, method: 'fping' });
  onNews({ kind: 'said', address: '10.0.0.4', text: 'ICMP Host Unreachable from 10.0.0.9' });
  onNews(replyOf('10.0.0.2', null, 202));
  expect(await lossy).toMatchObject({ roundTripsMs: [3], sentAfterMs: 52 });
  clock.advance(949);
  expect(settled).toEqual(['10.0.0.1', '10.0.0.2']);
  clock.advance(11);
  // At its own deadline, with what had come until then.
  expect(await hasty).toMatchObject({ roundTripsMs: [5], sentAfterMs: 56 });
  expect(signal.aborted).toBe(false);
  ended.resolve(true);
  expect(await silent).toMatchObject({ roundTripsMs: [], detail: 'ICMP Host Unreachable from 10.0.0.9', sentAfterMs: 50 });
});

test('of those whose deadlines are nearly one none is given up before it is known how the process ended', async () => {
  let order: EchoOrder | null = null;
  const fping = recordingTool('fping', {
    run: (given) => {
      order = given;
      const { promise, reject } = Promise.withResolvers<boolean>();
      given.signal.addEventListener('abort', () => reject(new Error('fping did not end in its time')));
      return promise;
    },
  });
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: fping.tool });
  const ask = (index: number, waitMs: number) =>
    echo.ask({ address: `10.0.0.${index}`, count: 2, waitMs, signal: live }).catch((error: unknown) => String(error));
  // Gathered by a busy host, which needed 90 ms from the first to the last.
  const answers = [1_000, 1_030, 1_060, 1_090].map((waitMs, index) => ask(index + 1, waitMs));
  clock.advance(gatherMs);
  await expect.poll(() => order).not.toBeNull();
  const { signal } = order as unknown as EchoOrder;
  clock.advance(1_000 - gatherMs - 1);
  expect(signal.aborted).toBe(false);
  clock.advance(1);
  expect(await Promise.all(answers)).toEqual(Array(4).fill('Error: fping did not end in its time'));
});

test('what is no address is never put onto a command line', async () => {
  const ping = recordingTool('ping');
  const echo = createEcho({ clock: createManualClock(0), ping: ping.tool, fping: recordingTool('fping').tool });
  for (const address of ['-V', '--help', 'localhost', '', '127.1', '10.0.0.1 -f'])
    await expect(echo.ask(request(address))).rejects.toThrow('is no address');
  expect(ping.orders).toEqual([]);
});

test('the tool that is missing is replaced by the other, and by nothing where both are', async () => {
  const rows = [
    {
      ping: recordingTool('ping', no),
      fping: recordingTool('fping'),
      expected: { ...answer, roundTripsMs: [1], method: 'fping' },
    },
    {
      ping: recordingTool('ping'),
      fping: recordingTool('fping', no),
      expected: { ...answer, roundTripsMs: [1], method: 'ping' },
    },
    { ping: recordingTool('ping', no), fping: recordingTool('fping', no), expected: null },
  ];
  for (const { ping, fping, expected } of rows) {
    const clock = createManualClock(0);
    const echo = createEcho({ clock, ping: ping.tool, fping: fping.tool });
    const asked = echo.ask(request('10.0.0.1'));
    clock.advance(gatherMs);
    expect(await asked).toEqual(expected);
  }
});

test('the privilege is asked once and again after ten minutes', async () => {
  let askedCount = 0;
  const ping = recordingTool('ping', { isPermitted: async () => ++askedCount > 1 });
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: ping.tool, fping: recordingTool('fping', no).tool });
  const ask = async (afterMs: number) => {
    clock.advance(afterMs);
    const asked = echo.ask(request('10.0.0.1'));
    clock.advance(gatherMs);
    return asked;
  };
  expect(await ask(0)).toBeNull();
  expect(await ask(599_000)).toBeNull();
  expect(await ask(1_000)).toEqual({ ...answer, roundTripsMs: [1], method: 'ping' });
  expect(askedCount).toBe(2);
});

test('a test of the privilege that is cut off is made again by the next who asks', async () => {
  let askedCount = 0;
  const ping = recordingTool('ping', no);
  ping.tool.isPermitted = (signal) => {
    askedCount += 1;
    if (askedCount > 1) return Promise.resolve(true);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(false), { once: true }));
  };
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: ping.tool, fping: recordingTool('fping', no).tool });
  const first = echo.ask(request('10.0.0.1'));
  clock.advance(gatherMs);
  clock.advance(2_000);
  expect(await first).toBeNull();
  const second = echo.ask(request('10.0.0.1'));
  clock.advance(gatherMs);
  expect(await second).toMatchObject({ roundTripsMs: [1], method: 'ping' });
});

test('a tool that lost its privilege is asked again at once, and the other takes its place', async () => {
  let isPermitted = true;
  const fping = recordingTool('fping', { isPermitted: async () => isPermitted, run: async () => isPermitted });
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: fping.tool });
  const askMany = () => {
    const answers = addresses(aloneMax + 1).map((address) => echo.ask(request(address)));
    clock.advance(gatherMs);
    return Promise.all(answers);
  };
  expect(echo.isBatching()).toBe(false);
  await expect.poll(() => echo.isBatching()).toBe(true);
  expect((await askMany())[0]).toMatchObject({ method: 'fping' });
  fping.tool.run = async () => false;
  isPermitted = false;
  expect(await askMany()).toEqual(addresses(aloneMax + 1).map(() => null));
  expect((await askMany())[0]).toMatchObject({ method: 'ping' });
  expect(echo.isBatching()).toBe(false);
});

const counts: readonly { count: number; waitMs: number; sentCount: number; why: string }[] = [
  { why: 'all of them fit', count: 3, waitMs: 800, sentCount: 3 },
  { why: 'the third would go out past half of the time', count: 3, waitMs: 799, sentCount: 2 },
  { why: 'one always fits', count: 20, waitMs: 10, sentCount: 1 },
];
test.each(counts)('of $count requests within $waitMs ms $sentCount are sent: $why', async ({ count, waitMs, sentCount }) => {
  const clock = createManualClock(0);
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: recordingTool('fping').tool });
  const asked = echo.ask({ address: '10.0.0.1', count, waitMs, signal: live });
  clock.advance(gatherMs);
  expect(await asked).toMatchObject({ sentCount });
});

test('a tool that does not end in its time is cut off, and what came until then counts', async () => {
  const clock = createManualClock(0);
  const slow = recordingTool('ping', {
    run: ({ signal, onNews }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          onNews(replyOf('10.0.0.1', 7));
          resolve(true);
        }),
      ),
  });
  const echo = createEcho({ clock, ping: slow.tool, fping: recordingTool('fping').tool });
  const asked = echo.ask({ ...request('10.0.0.1'), waitMs: 1_000 });
  clock.advance(gatherMs);
  await expect.poll(() => slow.orders.length).toBe(1);
  clock.advance(960);
  expect(await asked).toEqual({ ...answer, roundTripsMs: [7], method: 'ping' });
});

test('a shared process runs on while one still waits for it, and is killed when none does', async () => {
  const clock = createManualClock(0);
  const fping = recordingTool('fping', { run: () => new Promise(() => undefined) });
  const echo = createEcho({ clock, ping: recordingTool('ping').tool, fping: fping.tool });
  const controllers = addresses(aloneMax + 1).map(() => new AbortController());
  const answers = controllers.map((controller, index) => echo.ask(request(`10.0.0.${index}`, controller.signal)));
  const settled = Promise.allSettled(answers);
  clock.advance(gatherMs);
  await expect.poll(() => fping.orders.length).toBe(1);
  for (const controller of controllers.slice(1)) controller.abort();
  expect(fping.orders[0]?.signal.aborted).toBe(false);
  controllers[0]?.abort();
  expect(fping.orders[0]?.signal.aborted).toBe(true);
  expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
});

/** What the tools would be started with, and a recorded output for it. */
const recorded = (result: Partial<ToolResult> | null) => {
  const commands: ToolCommand[] = [];
  const play = async (command: ToolCommand): Promise<ToolResult | null> => {
    commands.push(command);
    for (const line of `${result?.stdout ?? ''}${result?.stderr ?? ''}`.split('\n')) command.onLine?.(line);
    return result === null ? null : { exitCode: 0, stdout: '', stderr: '', ...result };
  };
  return { commands, play };
};
const pingOutput = `PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.
64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.595 ms
64 bytes from 10.0.0.1: icmp_seq=3 ttl=64 time=12 ms
`;
/** Runs a tool with all it tells gathered. */
const gather = async (tool: EchoTool, addresses: readonly string[] = ['10.0.0.1']) => {
  const news: EchoNews[] = [];
  const isPermitted = await tool.run({ addresses, count: 3, waitMs: 4_200, signal: live, onNews: (one) => news.push(one) });
  return { isPermitted, news };
};

test('ping: the replies are read, also of a process that was killed before it summed up', async () => {
  for (const rest of [
    '',
    '\n--- 10.0.0.1 ping statistics ---\n3 packets transmitted, 2 received, 33.3% packet loss, time 408ms\n',
  ]) {
    const { play } = recorded({ exitCode: 1, stdout: pingOutput + rest });
    expect(await gather(createPingTool(play))).toEqual({
      isPermitted: true,
      news: [replyOf('10.0.0.1', 0.595), replyOf('10.0.0.1', 12, 200)],
    });
  }
});
test('ping: IPv4 after IPv6 is asked as IPv4 again', async () => {
  const { play, commands } = recorded({ exitCode: 1 });
  const tool = createPingTool(play);
  await gather(tool, ['2001:db8::1']);
  await gather(tool);
  expect(commands[0]?.file).not.toBe(commands[1]?.file);
  expect(commands[1]?.args.at(-1)).toBe('10.0.0.1');
});
test('ping: what it complains of becomes the detail', async () => {
  const { play } = recorded({ exitCode: 2, stderr: 'ping: connect: Network is unreachable\n' });
  const text = 'ping: connect: Network is unreachable';
  expect((await gather(createPingTool(play))).news).toEqual([{ kind: 'said', address: '10.0.0.1', text }]);
});
test('ping and fping: a program that is missing is told apart from "no reply"', async () => {
  const { play } = recorded(null);
  expect(await gather(createPingTool(play))).toEqual({ isPermitted: false, news: [] });
  expect(await gather(createFpingTool(play, createManualClock(0)))).toEqual({ isPermitted: false, news: [] });
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
    const { play } = recorded(result);
    const tested = tool === 'ping' ? createPingTool(play) : createFpingTool(play, createManualClock(0));
    expect(await tested.isPermitted(live)).toBe(expected);
  });
}

const startMs = 1_795_998_455_000;
const fpingOutput = `[1795998455.40000] 10.0.0.1    : [0], 64 bytes, 300 ms (300 avg, 0% loss)
ICMP Host Unreachable from 10.0.0.9 for ICMP Echo sent to 10.0.0.2
10.0.0.1 : duplicate for [0], 64 bytes, 301 ms
[1795998458.79600] 10.0.0.2    : [0], timed out (NaN avg, 100% loss)
[1795998400.00000] 10.0.0.1    : [1], 64 bytes, 0.52 ms (0.52 avg, 0% loss)
no-such: Name or service not known

10.0.0.1 : 300 0.52 -
10.0.0.2 : - - -
10.0.0.3 : - - -
`;
test('fping: replies and lost ones are told with when they were sent, and of a target without a line when it had its turn', async () => {
  const { play, commands } = recorded({ exitCode: 1, stdout: fpingOutput });
  const clock = createManualClock(startMs);
  const tool = createFpingTool((command) => {
    clock.advance(5_000);
    return play(command);
  }, clock);
  const { isPermitted, news } = await gather(tool, ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  expect(isPermitted).toBe(true);
  expect(news.map((one) => (one.kind === 'echo' ? { ...one, sentAfterMs: Math.round(one.sentAfterMs) } : one))).toEqual([
    replyOf('10.0.0.1', 300, 100),
    { kind: 'said', address: '10.0.0.2', text: 'ICMP Host Unreachable from 10.0.0.9' },
    replyOf('10.0.0.2', null, 102),
    // Its time says that it was sent before fping was started: the clock was set.
    replyOf('10.0.0.1', 0.52, 200),
    // Nothing was printed of these: they are lost, and had their turn.
    replyOf('10.0.0.1', null, 400),
    replyOf('10.0.0.2', null, 202),
    replyOf('10.0.0.2', null, 402),
    replyOf('10.0.0.3', null, 4),
    replyOf('10.0.0.3', null, 204),
    replyOf('10.0.0.3', null, 404),
  ]);
  const pace = ['-i', '2', '-p', '200', '-t', '3694'];
  expect(commands.map(({ args }) => args)).toEqual([['-C', '3', '-D', ...pace, '--', '10.0.0.1', '10.0.0.2', '10.0.0.3']]);
});
test('fping: exit 4 in silence says nothing of the targets', async () => {
  const clock = createManualClock(startMs);
  expect(await gather(createFpingTool(recorded({ exitCode: 4 }).play, clock))).toEqual({ isPermitted: false, news: [] });
});
test('fping: one that was killed or hung knows nothing of the targets it had not told of', async () => {
  const stdout = '[1795998455.40000] 10.0.0.1 : [0], 64 bytes, 300 ms (300 avg, 0% loss)\n';
  const ends: readonly { exitCode: number | null; signal: AbortSignal; says: string }[] = [
    { exitCode: null, signal: live, says: 'fping was killed before it told of 1 of 2 targets' },
    { exitCode: null, signal: AbortSignal.abort(), says: 'fping did not end in its time before it told of 1 of 2 targets' },
    { exitCode: 4, signal: live, says: 'fping failed with exit code 4 before it told of 1 of 2 targets' },
  ];
  for (const { exitCode, signal, says } of ends) {
    const { play } = recorded({ exitCode, stdout });
    const news: EchoNews[] = [];
    const order = { addresses: ['10.0.0.1', '10.0.0.2'], count: 3, waitMs: 4_200, signal };
    const tool = createFpingTool(play, createManualClock(startMs));
    await expect(tool.run({ ...order, onNews: (one) => news.push(one) })).rejects.toThrow(says);
    // Of the first one reply is known, and that no other came until then.
    expect(news).toEqual([replyOf('10.0.0.1', 300), replyOf('10.0.0.1', null, 200), replyOf('10.0.0.1', null, 400)]);
  }
});
test('ping: one that was killed by others says nothing of its target', async () => {
  await expect(gather(createPingTool(recorded({ exitCode: null, stdout: pingOutput }).play))).rejects.toThrow('ping was killed');
});

const lines: readonly { why: string; line: string; expected: ReturnType<typeof parseFping> }[] = [
  {
    why: 'a reply, in the words of fping 4',
    line: '[1596092373.18423] 8.8.8.8 : [0], 84 bytes, 12.8 ms (12.8 avg, 0% loss)',
    expected: { kind: 'reply', address: '8.8.8.8', roundTripMs: 12.8, printedAtMs: 1_596_092_373_184.23 },
  },
  {
    why: 'a reply of more than a quarter of an hour',
    line: '[1.5] ::1 : [0], 64 bytes, 1.234e+06 ms (1.2 avg, 0% loss)',
    expected: { kind: 'reply', address: '::1', roundTripMs: 1_234_000, printedAtMs: 1_500 },
  },
  {
    why: 'a lost one',
    line: '[2.25] 8.8.8.7     : [11], timed out (NaN avg, 100% loss)',
    expected: { kind: 'lost', address: '8.8.8.7', printedAtMs: 2_250 },
  },
  { why: 'the sums', line: '10.0.0.3    : - 0.52', expected: { kind: 'summary', address: '10.0.0.3' } },
  { why: 'the empty line before the sums', line: '', expected: null },
  { why: 'a second reply', line: '10.0.0.3 : duplicate for [0], 64 bytes, 0.05 ms', expected: null },
  { why: 'words of another program', line: '[x] 10.0.0.3 : [0], 64 bytes, fast ms', expected: null },
];
test.each(lines)('fping: reads $why', ({ line, expected }) => {
  expect(parseFping(line)).toEqual(expected);
});

test('lines of a helper program are told as they come, whole', async () => {
  const lines: string[] = [];
  const script =
    "process.stdout.write('a\\nb');process.stderr.write('c\\n');setTimeout(() => process.stdout.write('é\\nrest'), 20)";
  const result = await runTool({
    ...{ file: process.execPath, args: ['-e', script], signal: live },
    onLine: (line) => lines.push(line),
  });
  expect(lines.sort()).toEqual(['a', 'bé', 'c']);
  expect(result?.stdout).toBe('a\nbé\nrest');
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
