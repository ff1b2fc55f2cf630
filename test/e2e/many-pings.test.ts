import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEcho } from '../../agent/src/probes/icmp/echo.ts';
import { createFpingTool } from '../../agent/src/probes/icmp/fping-tool.ts';
import { createPingTool } from '../../agent/src/probes/icmp/ping-tool.ts';
import { type RunTool, runTool, type ToolCommand } from '../../agent/src/probes/icmp/run-tool.ts';
import { systemClock } from '../../shared/src/clock.ts';
import { loopbackAddresses, pingCheck, startPinging } from '../agent/probes/support/pinging.ts';
import { lacks } from '../support/components.ts';
import { openDistrict } from '../support/district.ts';
import { openSecondHost, type SecondHost } from '../support/network.ts';
import { eventually, root } from '../support/processes.ts';

const run = promisify(execFile);

/** The real programs, and what was started of them. @param change what is started in place of a batch */
const realTools = (change: (command: ToolCommand) => ToolCommand = (command) => command) => {
  const started: { file: string; targetCount: number }[] = [];
  const counting: RunTool = (command) => {
    const targetCount = command.args.length - command.args.indexOf('--') - 1;
    started.push({ file: command.file, targetCount });
    return runTool(targetCount > 1 ? change(command) : command);
  };
  return { started, ping: createPingTool(counting), fping: createFpingTool(counting, systemClock) };
};

/** Ids of processes of this one's that were given such a word. */
const childrenWith = (word: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return Number(parent) === process.pid && words.includes(word) ? [Number(pid)] : [];
      } catch {
        // It has ended since.
        return [];
      }
    });

describe.skipIf(lacks('fping', 'ping'))('a real fping', () => {
  test('asks two hundred addresses each five seconds with a handful of processes', async () => {
    const tools = realTools();
    const pinging = startPinging({ clock: systemClock, ...tools });
    const checks = loopbackAddresses(200).map((host) => pingCheck(host, { intervalMs: 5_000, timeoutMs: 4_000 }));
    pinging.apply(checks);
    // The first answer, the one that confirms it, and two at regular times.
    const counts = () => [...Map.groupBy(pinging.results, ({ checkId }) => checkId).values()].map((own) => own.length);
    const isAnswered = () => counts().length === 200 && Math.min(...counts()) >= 4;
    await eventually('every check has four answers', async () => (isAnswered() ? true : null), 60_000);
    pinging.stop();
    for (const { outcome, values } of pinging.results) expect([outcome, values?.['probe_icmp_loss_ratio']]).toEqual(['up', 0]);
    const byFping = pinging.results.filter(({ method }) => method === 'fping');
    expect(byFping.length).toBeGreaterThan(0.95 * pinging.results.length);
    // Before it is known that fping may ping, some get a ping each. Then 4 processes a round.
    const batches = tools.started.filter(({ file, targetCount }) => file === 'fping' && targetCount > 1);
    expect(byFping.length / batches.length).toBeGreaterThan(25);
    expect(Math.max(...batches.map(({ targetCount }) => targetCount))).toBeLessThanOrEqual(100);
    // Each is of the time of its own request, and a process sends one each 2 ms: of a millisecond there are no more than processes at once.
    const ofOneMs = [...Map.groupBy(byFping, ({ observedAtMs }) => observedAtMs).values()].map((those) => those.length);
    expect(Math.max(...ofOneMs)).toBeLessThanOrEqual(5);
    for (const { observedAtMs, arrivedAtMs } of byFping) expect(observedAtMs).toBeLessThanOrEqual(arrivedAtMs);
  });
});

interface CheckRow {
  readonly lanes: readonly { readonly lastResult: { readonly method: string | null } | null }[];
}

describe.skipIf(lacks('fping', 'ping'))('an agent with many pings', () => {
  test('starts some processes for a hundred checks, and says of each that it was fping', async () => {
    const hosts = loopbackAddresses(100);
    const district = await openDistrict(`
host: { interval: 1s }
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: pinging, name: pinging, kind: server, unit: u, address: 127.0.0.1 }]
agents: [{ id: pinging, asset: pinging }]
checks:
${hosts.map((host, index) => `  - { id: p${index}, asset: pinging, kind: icmp, host: ${host}, interval: 5s, timeout: 4s, from: host }`).join('\n')}
`);
    try {
      const wrapped = join(district.folder, 'bin');
      const log = join(district.folder, 'started');
      await mkdir(wrapped);
      await writeFile(log, '');
      for (const name of ['ping', 'fping']) {
        const { stdout } = await run('sh', ['-c', `command -v ${name}`]);
        const script = `#!/bin/sh\necho ${name} >> ${log}\nexec ${stdout.trim()} "$@"\n`;
        await writeFile(join(wrapped, name), script, { mode: 0o755 });
      }
      const environment = { PATH: `${wrapped}${delimiter}${process.env['PATH']}` };
      await district.startAgent('pinging', { launch: { words: [join(root, 'agent/src/main.ts')], environment } });
      const fleet = async () => (await fetch(`${district.url}/metrics/fleet`)).text();
      const runCount = async () => Number(/^jiwei_agent_check_runs_total\{[^}]*\} (\d+)/m.exec(await fleet())?.[1] ?? 0);
      await eventually(
        'all are up',
        async () => ((await fleet()).match(/^probe_success\{.*\} 1$/gm)?.length === 100 ? true : null),
        60_000,
      );
      const before = { runs: await runCount(), processes: (await readFile(log, 'utf8')).split('\n').length };
      await eventually(
        'each was asked three times more',
        async () => ((await runCount()) >= before.runs + 300 ? true : null),
        60_000,
      );
      const processes = (await readFile(log, 'utf8')).split('\n').length - before.processes;
      // 2 batches of 50 an interval; a batch more where the counts lie between the figures of two moments.
      expect(processes).toBeLessThanOrEqual(300 / 25);
      const { items } = await district.get<{ items: readonly CheckRow[] }>('/api/v1/checks?limit=200');
      const methods = items.flatMap(({ lanes }) => lanes.map(({ lastResult }) => lastResult?.method));
      expect(methods).toEqual(hosts.map(() => 'fping'));
    } finally {
      await district.close();
    }
  });
});

// Elsewhere than under root on Linux the machine cannot have a second host; in CI it can.
describe.skipIf(lacks('root', 'fping', 'ip'))('a real fping in a broken network', () => {
  let host: SecondHost;
  const network = `198.${18 + (process.pid % 2)}.${(process.pid >> 1) % 64}`;
  const [answering, silent, unreachable] = [1, 65, 129].map((from) =>
    Array.from({ length: 10 }, (_, index) => `${network}.${from + index}`),
  ) as [string[], string[], string[]];

  beforeAll(async () => {
    host = await openSecondHost();
    await run('ip', ['route', 'add', `${network}.0/24`, 'via', host.farAddress]);
    const far = (...words: readonly string[]) => run(host.inside[0] ?? '', [...host.inside.slice(1), ...words]);
    await far('ip', 'route', 'add', 'local', `${network}.0/26`, 'dev', 'lo');
    await far('ip', 'route', 'add', 'blackhole', `${network}.64/26`);
    await far('ip', 'route', 'add', 'unreachable', `${network}.128/26`);
    await far('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  });
  afterAll(() => host.remove());

  /** Asks addresses at one moment. @returns the answers in the order in which they came, and when all have come */
  const askAll = (addresses: readonly string[], waitMs: number, change?: (command: ToolCommand) => ToolCommand) => {
    const tools = realTools(change);
    const echo = createEcho({ clock: systemClock, ...tools });
    const came: { address: string; says: string }[] = [];
    const { signal } = new AbortController();
    const all = addresses.map(async (address) => {
      const says = await echo.ask({ address, count: 2, waitMs, signal }).then(
        (answer) => `${answer?.method} ${answer?.roundTripsMs.length} of ${answer?.sentCount} ${answer?.detail ?? ''}`.trim(),
        (error: unknown) => String(error),
      );
      came.push({ address, says });
    });
    return { came, tools, done: Promise.all(all) };
  };
  const saysOf = (came: readonly { address: string; says: string }[], addresses: readonly string[]) =>
    new Set(came.filter(({ address }) => addresses.includes(address)).map(({ says }) => says));

  test('tells what answers before it has given up what does not, and why where the network says it', async () => {
    // Mixed, so that each kind comes before and after each other.
    const mixed = answering.flatMap((address, index) => [silent[index] ?? '', address, unreachable[index] ?? '']);
    const { came, tools, done } = askAll(mixed, 2_500);
    await done;
    expect(saysOf(came.slice(0, 10), answering)).toEqual(new Set(['fping 2 of 2']));
    expect(
      came
        .slice(0, 10)
        .map(({ address }) => address)
        .sort(),
    ).toEqual([...answering].sort());
    expect(saysOf(came, silent)).toEqual(new Set(['fping 0 of 2']));
    // Routers say it seldom: Linux some times a second.
    const said = `fping 0 of 2 ICMP Host Unreachable from ${host.farAddress}`;
    expect(saysOf(came, unreachable)).toContain(said);
    for (const says of saysOf(came, unreachable)) expect(['fping 0 of 2', said]).toContain(says);
    expect(tools.started.filter(({ targetCount }) => targetCount === 30)).toHaveLength(1);
  });

  test('that is killed takes no answer back, and says nothing of targets it had not told of', async () => {
    const { came, done } = askAll([...answering, ...silent], 10_000);
    await eventually('the ones that live have answered', async () => (came.length >= 10 ? true : null), 10_000);
    for (const pid of childrenWith(answering[0] ?? '')) process.kill(pid, 'SIGKILL');
    await done;
    expect(saysOf(came, answering)).toEqual(new Set(['fping 2 of 2']));
    expect(saysOf(came, silent)).toEqual(new Set(['Error: fping was killed before it told of 10 of 20 targets']));
  });

  test('that hangs is ended at the deadline, and targets it did not ask are not taken for down', async () => {
    const stopped = (command: ToolCommand): ToolCommand => ({
      ...command,
      file: 'sh',
      args: ['-c', 'kill -STOP $$; exec fping "$@"', 'fping', ...command.args],
    });
    const { came, done } = askAll(answering, 1_500, stopped);
    await eventually('it is there', async () => (childrenWith(answering[0] ?? '').length === 1 ? true : null), 10_000);
    await done;
    expect(saysOf(came, answering)).toEqual(new Set(['Error: fping did not end in its time before it told of 10 of 10 targets']));
    expect(childrenWith(answering[0] ?? '')).toEqual([]);
  });
});
