// Writing the latest values of a fleet, beside prom-client with the same series.
// node --expose-gc test/bench/exposition.bench.ts [series]      (1,000,000 by default; prom-client is measured with at most 100,000)
import { asId } from '@jiwei/shared/ids.ts';
import type { Series } from '@jiwei/shared/series.ts';
import { Gauge, Registry } from 'prom-client';
import { createFleet, type Fleet } from '../../collector/src/metrics/fleet.ts';
import { fleetExposition } from '../../collector/src/metrics/fleet-exposition.ts';
import { hostRecording } from '../support/host-recording.ts';
import { viewOf } from '../support/live-view.ts';

const seriesWanted = Number(process.argv[2] ?? 1_000_000);
const promClientMax = 100_000;
const nowMs = 1_793_577_600_000;
const mib = 1024 * 1024;

const recording = hostRecording();
const { rows } = recording;
/** The values are a host's; the series have four labels each, as those of a cloud's hosts do (with the instance that is one of them). */
const series: readonly Series[] = recording.series.map(({ family, labels }) => ({
  family,
  labels: [...labels, ['region', 'east'] as const, ['rack', 'r17'] as const, ['zone', 'z3'] as const]
    .slice(0, 3)
    .sort(([left], [right]) => (left < right ? -1 : 1)),
}));
/** Many agents on like hosts, each with the recorded series and a row of its own. */
const fillFleet = (seriesCount: number) => {
  const fleet = createFleet();
  const agents = Array.from({ length: Math.ceil(seriesCount / series.length) }, (_, index) => asId<'agent'>(`host-${index}`));
  for (const [index, agent] of agents.entries()) {
    fleet.onSeries(agent, 1, 0, series);
    const row = rows[index % rows.length];
    if (row !== undefined) fleet.onRows(agent, 1, [{ ...row, atMs: nowMs }], 0);
  }
  const agentViews = agents.map((id) => ({ id, assetId: asId<'asset'>(id), connection: 'connected' as const, sinceMs: 0 }));
  const byId = new Map(agentViews.map((view) => [view.id, view]));
  const view = { ...viewOf({ agentViews }), agent: (id: (typeof agents)[number]) => byId.get(id) ?? null };
  return { fleet, view, seriesCount: agents.length * series.length };
};

/** The best of several: the first ones are still being compiled, and the machine's other work only adds. */
const roundsOf = (seriesCount: number): number => (seriesCount > promClientMax ? 4 : 10);

/** CPU of this process, both kinds, in ms: what a scrape costs whoever else is on the machine. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

interface Run {
  readonly nsPerSeries: number;
  readonly bytes: number;
  readonly peakMib: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** CPU of this thread between two turns: what the delay is without other work on the machine. */
  readonly turnP99Ms: number;
  readonly turnMaxMs: number;
}

const measure = async (seriesCount: number, write: (took: (bytes: number) => void) => Promise<void>): Promise<Run> => {
  globalThis.gc?.();
  const idleBytes = process.memoryUsage().rss;
  let bytes = 0;
  let peakBytes = idleBytes;
  // How late a timer of one millisecond is: what another request would wait.
  const delaysMs: number[] = [];
  const turnsMs: number[] = [];
  let lastMs = performance.now();
  let lastThreadMs = threadCpuMs();
  const timer = setInterval(() => {
    const atMs = performance.now();
    delaysMs.push(Math.max(0, atMs - lastMs - 1));
    lastMs = atMs;
    const threadMs = threadCpuMs();
    turnsMs.push(threadMs - lastThreadMs);
    lastThreadMs = threadMs;
  }, 1);
  const fromMs = cpuMs();
  await write((count) => {
    bytes += count;
    if (bytes % 32 === 0 || count > mib) peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
  });
  const tookMs = cpuMs() - fromMs;
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearInterval(timer);
  delaysMs.sort((left, right) => left - right);
  turnsMs.sort((left, right) => left - right);
  return {
    nsPerSeries: (tookMs * 1e6) / seriesCount,
    bytes,
    peakMib: (peakBytes - idleBytes) / mib,
    delayP99Ms: delaysMs[Math.floor(delaysMs.length * 0.99)] ?? 0,
    delayMaxMs: delaysMs.at(-1) ?? 0,
    turnP99Ms: turnsMs[Math.floor(turnsMs.length * 0.99)] ?? 0,
    turnMaxMs: turnsMs.at(-1) ?? 0,
  };
};

const ours = async (wanted: number): Promise<Run & { readonly seriesCount: number }> => {
  const { fleet, view, seriesCount } = fillFleet(wanted);
  const options = {
    fleet,
    view,
    nowMs,
    format: 'text',
    escaping: 'values',
    hasTimestamps: false,
    checkFamilies: async () => new Map(),
  } as const;
  let best: Run | null = null;
  for (let round = 0; round < roundsOf(seriesCount); round += 1) {
    const run = await measure(seriesCount, async (took) => {
      for await (const chunk of fleetExposition(options)) took(chunk.length);
    });
    if (best === null || run.nsPerSeries < best.nsPerSeries) best = run;
  }
  if (best === null) throw new Error('nothing was measured');
  return { ...best, seriesCount };
};

const promClient = async (wanted: number): Promise<Run & { readonly seriesCount: number }> => {
  const registry = new Registry();
  const gauges = new Map<string, Gauge>();
  const gaugeOf = ({ family, labels }: Series): Gauge => {
    const known = gauges.get(family.name);
    if (known !== undefined) return known;
    const labelNames = ['instance', ...labels.map(([name]) => name)];
    const made = new Gauge({ name: family.name, help: family.help, labelNames, registers: [registry] });
    gauges.set(family.name, made);
    return made;
  };
  const hosts = Math.ceil(wanted / series.length);
  for (let host = 0; host < hosts; host += 1) {
    for (const [index, one] of series.entries()) {
      gaugeOf(one).set(
        { instance: `host-${host}`, ...Object.fromEntries(one.labels) },
        rows[host % rows.length]?.values[index] ?? 0,
      );
    }
  }
  let best: Run | null = null;
  for (let round = 0; round < roundsOf(wanted); round += 1) {
    const run = await measure(hosts * series.length, async (took) => took(Buffer.byteLength(await registry.metrics())));
    if (best === null || run.nsPerSeries < best.nsPerSeries) best = run;
  }
  if (best === null) throw new Error('nothing was measured');
  return { ...best, seriesCount: hosts * series.length };
};

/** Cost of taking rows in, ns per sample. */
const updateNs = (fleet: Fleet): number => {
  const agents = Array.from({ length: 200 }, (_, index) => asId<'agent'>(`u-${index}`));
  for (const agent of agents) fleet.onSeries(agent, 1, 0, series);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30; round += 1) {
    const some = rows.map((row) => ({ ...row, atMs: nowMs + round }));
    const fromMs = performance.now();
    for (const [index, agent] of agents.entries()) fleet.onRows(agent, 1, some.slice(index % 40, (index % 40) + 1), 0);
    bestMs = Math.min(bestMs, performance.now() - fromMs);
  }
  return (bestMs * 1e6) / (agents.length * series.length);
};

const compared = Math.min(seriesWanted, promClientMax);
const table = [
  { writer: 'jiwei', ...(await ours(compared)) },
  { writer: 'prom-client', ...(await promClient(compared)) },
  ...(seriesWanted > compared ? [{ writer: 'jiwei', ...(await ours(seriesWanted)) }] : []),
];
console.table(
  table.map((run) => ({
    writer: run.writer,
    series: run.seriesCount,
    'CPU ns/series': Math.round(run.nsPerSeries),
    'MiB written': Math.round(run.bytes / mib),
    'peak MiB above idle': Math.round(run.peakMib),
    'loop delay p99 ms': Number(run.delayP99Ms.toFixed(1)),
    'loop delay max ms': Number(run.delayMaxMs.toFixed(1)),
    'CPU between turns p99 ms': Number(run.turnP99Ms.toFixed(1)),
    'max ms': Number(run.turnMaxMs.toFixed(1)),
  })),
);
const other = table.find(({ writer }) => writer === 'prom-client');
for (const own of table.filter((run) => run !== other)) {
  if (other === undefined) break;
  const times = (other.nsPerSeries / own.nsPerSeries).toFixed(1);
  console.log(
    `prom-client with ${other.seriesCount} series takes ${times} times the CPU per series of ours with ${own.seriesCount}`,
  );
}
console.log(`taking a row in: ${Math.round(updateNs(createFleet()))} ns per sample`);
