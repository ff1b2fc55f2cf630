// What the agent costs its host, beside node_exporter scraped at the same interval, in the same run on the same machine.
// Run: npm run bench footprint (lasts JIWEI_BENCH_SECONDS, 120 by default, and about a minute to start)
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { agentEnvironment, agentFlags } from '../../deploy/agent-launch.mjs';
import { openDistrict } from '../support/district.ts';
import { eventually, startProcess } from '../support/processes.ts';
import { listen } from '../support/webhook.ts';
import { freePort } from './support/free-port.ts';
import { childCpuSeconds, memoryMib, threadCpuSeconds } from './support/process-cpu.ts';

const seconds = Number(process.env['JIWEI_BENCH_SECONDS'] ?? 120);
const scrapeMs = 15_000;
const checkCount = 10;
const settleMs = 30_000;
/** Long enough for every part to have been loaded once, the inventory included. */
const firstStartMs = 15_000;

const target = createServer((_request, response) => response.end('ok'));
await listen(target);
const targetPort = (target.address() as AddressInfo).port;
const checks = Array.from({ length: checkCount }, (_, index) =>
  index % 2 === 0
    ? `  - { id: c${index}, asset: host, kind: tcp, host: 127.0.0.1, port: ${targetPort}, interval: 20s, from: host }`
    : `  - { id: c${index}, asset: host, kind: http, url: "http://127.0.0.1:${targetPort}/", interval: 20s, from: host }`,
);
const district = await openDistrict(`
host: { interval: 15s }
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: host, name: host, kind: server, unit: u, address: 127.0.0.1 }]
agents: [{ id: bench, asset: host }]
checks:
${checks.join('\n')}
`);
const exporterPort = await freePort();
const exporter = startProcess('prometheus-node-exporter', [
  `--web.listen-address=127.0.0.1:${exporterPort}`,
  '--log.level=error',
]);
const scrape = async (): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${exporterPort}/metrics`);
  return (await answer.text()).split('\n').filter((line) => line.startsWith('node_')).length;
};
try {
  // As `npm start` and `npm run agent` start it. The first start only fills the code cache; the second is what runs for months.
  const environment = Object.entries(agentEnvironment(district.folder)).map(([name, value]) => `${name}=${value}`);
  const inside = ['env', ...environment, 'sh', '-c', `exec "$0" ${agentFlags.join(' ')} "$@"`];
  const first = await district.startAgent('bench', { inside });
  await new Promise((resolve) => setTimeout(resolve, firstStartMs));
  await first.kill('SIGTERM');
  const agent = await district.startAgent('bench', { inside });
  await eventually('the exporter answers', scrape);
  const fleet = async (): Promise<number> =>
    (await (await fetch(`${district.url}/metrics/fleet`)).text()).split('\n').filter((line) => line.startsWith('node_')).length;
  await eventually('the agent sent its first row', async () => ((await fleet()) > 0 ? true : null), 60_000);
  // The inventory is asked once, some seconds after the start, and costs half a second of CPU: not the steady state.
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const before = {
    agent: threadCpuSeconds(agent.pid),
    exporter: threadCpuSeconds(exporter.pid),
    children: childCpuSeconds(agent.pid),
    atMs: performance.now(),
  };
  let exporterSeries = 0;
  for (let untilMs = before.atMs + seconds * 1_000; performance.now() < untilMs; ) {
    exporterSeries = await scrape();
    await new Promise((resolve) => setTimeout(resolve, Math.min(scrapeMs, Math.max(0, untilMs - performance.now()))));
  }
  const hours = (performance.now() - before.atMs) / 3_600_000;
  const agentCpu = (threadCpuSeconds(agent.pid) - before.agent) / hours;
  const exporterCpu = (threadCpuSeconds(exporter.pid) - before.exporter) / hours;
  const row = (cpu: number, pid: number, series: number) => {
    const memory = memoryMib(pid);
    return {
      'CPU s/h': Number(cpu.toFixed(2)),
      series,
      'RSS MiB': Math.round(memory.rss),
      'PSS MiB': Math.round(memory.pss),
      'private anonymous MiB': Math.round(memory.privateAnonymous),
    };
  };
  console.table({
    [`jiwei agent, ${checkCount} checks every 20 s`]: row(agentCpu, agent.pid, await fleet()),
    'node_exporter, default collectors': row(exporterCpu, exporter.pid, exporterSeries),
  });
  console.log(
    `ratio of CPU time, agent to node_exporter: ${(agentCpu / exporterCpu).toFixed(2)}; CPU of ended child processes meanwhile: ${(childCpuSeconds(agent.pid) - before.children).toFixed(2)} s`,
  );
} finally {
  await exporter.kill('SIGTERM');
  await district.close();
  target.close();
}
