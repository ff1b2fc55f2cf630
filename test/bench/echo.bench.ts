// What a thousand icmp checks cost an agent: processes and CPU time, its own and theirs, with one fping for many and with one ping for each.
// Run: npm run bench echo (lasts about 2 minutes; JIWEI_BENCH_TARGETS, 1000 by default, JIWEI_BENCH_INTERVALS, 2, after one to settle)
import { execFile } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFpingTool } from '../../agent/src/probes/icmp/fping-tool.ts';
import { createPingTool } from '../../agent/src/probes/icmp/ping-tool.ts';
import { type RunTool, runTool } from '../../agent/src/probes/icmp/run-tool.ts';
import { systemClock } from '../../shared/src/clock.ts';
import { loopbackAddresses, pingCheck, startPinging } from '../agent/probes/support/pinging.ts';
import { childCpuSeconds } from './support/process-cpu.ts';

const targetCount = Number(process.env['JIWEI_BENCH_TARGETS'] ?? 1_000);
const intervalCount = Number(process.env['JIWEI_BENCH_INTERVALS'] ?? 2);
const intervalMs = 20_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Cost {
  readonly processes: number;
  readonly ownCpuMs: number;
  readonly childCpuMs: number;
  readonly loopDelayMs: number;
  readonly results: number;
}

/** In a process of its own, so that nothing of the one is in the figures of the other. Where fping is said to be missing each gets a ping. */
const measure = async (hasFping: boolean): Promise<Cost> => {
  let processes = 0;
  const counting: RunTool = (command) => {
    if (command.file === 'fping' && !hasFping) return Promise.resolve(null);
    processes += 1;
    return runTool(command);
  };
  const pinging = startPinging({
    ...{ clock: systemClock, ping: createPingTool(counting), fping: createFpingTool(counting, systemClock) },
  });
  pinging.apply(loopbackAddresses(targetCount).map((host) => pingCheck(host, { intervalMs })));
  await wait(intervalMs + 5_000);
  const read = () => ({
    ...{ processes, childMs: childCpuSeconds(process.pid) * 1_000, results: pinging.results.length },
    own: process.cpuUsage(),
  });
  const before = read();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await wait(intervalCount * intervalMs);
  const after = read();
  pinging.stop();
  return {
    processes: (after.processes - before.processes) / intervalCount,
    ownCpuMs: (after.own.user + after.own.system - before.own.user - before.own.system) / 1_000 / intervalCount,
    childCpuMs: (after.childMs - before.childMs) / intervalCount,
    loopDelayMs: delay.percentile(99) / 1e6,
    results: (after.results - before.results) / intervalCount,
  };
};

const [variant] = process.argv.slice(2);
if (variant !== undefined) {
  console.log(JSON.stringify(await measure(variant === 'fping')));
  // Runs that are under way are of no interest any more.
  process.exit(0);
}

const costOf = async (name: 'fping' | 'ping'): Promise<Cost> => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), name]);
  return JSON.parse(stdout) as Cost;
};
const [ping, fping] = [await costOf('ping'), await costOf('fping')];
const cpuMsOf = ({ ownCpuMs, childCpuMs }: Cost): number => ownCpuMs + childCpuMs;
const rowOf = (cost: Cost) => ({
  'answers per interval': cost.results,
  'processes per interval': cost.processes,
  'times fewer': Number((ping.processes / cost.processes).toFixed(1)),
  'agent CPU ms': Math.round(cost.ownCpuMs),
  'their CPU ms': Math.round(cost.childCpuMs),
  'times less CPU': Number((cpuMsOf(ping) / cpuMsOf(cost)).toFixed(1)),
  'event loop late, p99 ms': Number(cost.loopDelayMs.toFixed(1)),
});
console.log(`${targetCount} targets on the loopback network, each asked 3 times every ${intervalMs / 1_000} s`);
console.table({ 'a ping each': rowOf(ping), 'fping batches': rowOf(fping) });
