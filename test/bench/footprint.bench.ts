// What the agent costs its host, beside node_exporter scraped at the same interval, in the same run on the same machine.
// Run: npm run bench footprint (lasts JIWEI_BENCH_SECONDS, 120 by default, and JIWEI_BENCH_SETTLE_SECONDS, 60, to warm up before)
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { agentLaunch } from '../../deploy/agent-launch.mjs';
import { openDistrict } from '../support/district.ts';
import { eventually, root, startProcess, type TestProcess } from '../support/processes.ts';
import { listen } from '../support/webhook.ts';
import { freePort } from './support/free-port.ts';
import { childCpuSeconds, memoryMib, threadCpuSeconds } from './support/process-cpu.ts';

const seconds = Number(process.env['JIWEI_BENCH_SECONDS'] ?? 120);
/** Enough for the inventory (some seconds after the start, half a second of CPU) and for code that runs often to be compiled. */
const settleMs = Number(process.env['JIWEI_BENCH_SETTLE_SECONDS'] ?? 60) * 1_000;
const scrapeMs = 15_000;
/** Long enough for every part to have been loaded once, the inventory included. */
const firstStartMs = 15_000;

const target = createServer((_request, response) => response.end('ok'));
await listen(target);
const targetPort = (target.address() as AddressInfo).port;
const checkOf = (agent: string, index: number): string => {
  const asked =
    index % 2 === 0 ? `kind: tcp, host: 127.0.0.1, port: ${targetPort}` : `kind: http, url: "http://127.0.0.1:${targetPort}/"`;
  return `  - { id: ${agent}-${index}, asset: ${agent}, ${asked}, interval: 20s, from: host }`;
};

const agents = [
  { id: 'checking', what: 'agent, 10 checks every 20 s', checkCount: 10, collectors: 'all' },
  { id: 'plain', what: 'agent, no checks', checkCount: 0, collectors: 'all' },
  // What the aim is set for: about a hundred series on a small host.
  { id: 'essential', what: 'agent, essential series, 10 checks every 20 s', checkCount: 10, collectors: 'essential' },
  { id: 'least', what: 'agent, essential series, no checks', checkCount: 0, collectors: 'essential' },
] as const;
const district = await openDistrict(`
host: { interval: 15s }
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets:
${agents.map(({ id }) => `  - { id: ${id}, name: ${id}, kind: server, unit: u, address: 127.0.0.1 }`).join('\n')}
agents:
${agents.map(({ id, collectors }) => `  - { id: ${id}, asset: ${id}, collectors: [${collectors}] }`).join('\n')}
checks:
${agents.flatMap(({ id, checkCount }) => Array.from({ length: checkCount }, (_, index) => checkOf(id, index))).join('\n')}
`);
const exporterPort = await freePort();
const exporter = startProcess('prometheus-node-exporter', [
  `--web.listen-address=127.0.0.1:${exporterPort}`,
  '--log.level=error',
]);
const hostSeries = (text: string): number => text.split('\n').filter((line) => line.startsWith('node_')).length;
const scrape = async (): Promise<number> => hostSeries(await (await fetch(`http://127.0.0.1:${exporterPort}/metrics`)).text());
/** Host series of each agent, in their order. */
const fleet = async (): Promise<readonly number[]> => {
  const text = await (await fetch(`${district.url}/metrics/fleet`)).text();
  return agents.map(({ id }) =>
    hostSeries(
      text
        .split('\n')
        .filter((line) => line.includes(`instance="${id}"`))
        .join('\n'),
    ),
  );
};

/** Answers heartbeats as the collector does. */
const echo = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
echo.on('connection', (socket) =>
  socket.on('message', (message) => {
    socket.ping();
    socket.send(String(message));
  }),
);
const bare: TestProcess[] = [];

try {
  // As `npm start` and `npm run agent` start it. The first start only fills the code cache; the second is what runs for months.
  const launch = agentLaunch(root, process.execPath);
  const starts = () => Promise.all(agents.map(({ id }) => district.startAgent(id, { launch })));
  const firsts = await starts();
  await new Promise((resolve) => setTimeout(resolve, firstStartMs));
  for (const first of firsts) await first.kill('SIGTERM');
  const running = await starts();
  // What is left for an agent in Node to be thrifty with: the same runtime and flags, and nothing of ours.
  const flags = launch.words.filter((word) => word.startsWith('--'));
  const bareAgent = join(root, 'test/bench/support/bare-agent.ts');
  const echoUrl = `ws://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  for (const askedCount of ['0', '10'])
    bare.push(startProcess(process.execPath, [...flags, bareAgent, echoUrl, String(targetPort), askedCount]));
  await eventually('the exporter answers', scrape);
  await eventually(
    'the agents sent their first rows',
    async () => ((await fleet()).every((count) => count > 0) ? true : null),
    60_000,
  );
  await new Promise((resolve) => setTimeout(resolve, settleMs));

  const processes = [
    ...running.map(({ pid }, index) => ({ what: agents[index]?.what ?? '', pid })),
    { what: 'Node, heartbeats alone', pid: bare[0]?.pid ?? 0 },
    { what: 'Node, heartbeats and 10 bare questions every 20 s', pid: bare[1]?.pid ?? 0 },
    { what: 'node_exporter, default collectors', pid: exporter.pid },
  ];
  const readCpu = () => processes.map(({ pid }) => threadCpuSeconds(pid));
  const readChildren = () => processes.reduce((sum, { pid }) => sum + childCpuSeconds(pid), 0);
  const before = readCpu();
  const childrenBefore = readChildren();
  const startedMs = performance.now();
  let exporterSeries = 0;
  for (const untilMs = startedMs + seconds * 1_000; performance.now() < untilMs; ) {
    exporterSeries = await scrape();
    await new Promise((resolve) => setTimeout(resolve, Math.min(scrapeMs, Math.max(0, untilMs - performance.now()))));
  }
  const hours = (performance.now() - startedMs) / 3_600_000;
  const cpu = readCpu().map((after, index) => (after - (before[index] ?? 0)) / hours);
  const exporterCpu = cpu.at(-1) ?? Number.NaN;
  const agentSeries = await fleet();
  const rows = processes.map(({ what, pid }, index) => {
    const memory = memoryMib(pid);
    const row = {
      'CPU s/h': Number((cpu[index] ?? Number.NaN).toFixed(2)),
      'times node_exporter': Number(((cpu[index] ?? Number.NaN) / exporterCpu).toFixed(2)),
      series: agentSeries[index] ?? (pid === exporter.pid ? exporterSeries : 0),
      'RSS MiB': Math.round(memory.rss),
      'PSS MiB': Math.round(memory.pss),
      'private anonymous MiB': Number(memory.privateAnonymous.toFixed(1)),
    };
    return [what, row] as const;
  });
  console.table(Object.fromEntries(rows));
  console.log(`CPU of ended child processes meanwhile: ${(readChildren() - childrenBefore).toFixed(2)} s`);
} finally {
  for (const one of [...bare, exporter]) await one.kill('SIGTERM');
  echo.close();
  await district.close();
  target.close();
}
