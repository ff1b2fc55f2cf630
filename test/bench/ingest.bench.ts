// Samples a collector takes in per second of its CPU time, durable: each frame counts when it is acknowledged after a synced commit.
// Beside it, in the same run, the remote-write receiver of a real Prometheus with the same series. Run: npm run bench ingest
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostRecording } from '../support/host-recording.ts';
import { openLoadAgent } from '../support/load-agent.ts';
import { eventually, listening, startProcess, startProgram, testFolder } from '../support/processes.ts';
import { freePort } from './support/free-port.ts';
import { memoryMib, threadCpuSeconds } from './support/process-cpu.ts';
import { remoteWriteLabels, snappyLiterals, writeRequest } from './support/remote-write.ts';

const agentCount = 100;
const rowsPerAgent = 200;
/** Frames an agent sends before it waits for an acknowledgement. */
const inFlight = 8;

const { series, rows } = hostRecording();
const valuesAt = (row: number): Float64Array => rows[row % rows.length]?.values ?? new Float64Array(series.length);

const measureCollector = async (folder: string) => {
  const collector = startProgram('collector/src/main.ts', [
    'serve',
    '--data',
    folder,
    '--listen',
    '127.0.0.1:0',
    '--log-level',
    'warn',
  ]);
  const { url, adminToken } = await listening(collector);
  const answer = await fetch(`${url}/api/v1/join-tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ uses: agentCount }),
  });
  const { token } = (await answer.json()) as { token: string };
  const agents = [];
  for (let index = 0; index < agentCount; index += 1)
    agents.push(await openLoadAgent({ url, joinToken: token, name: `load-${index}`, series }));
  const idleMib = memoryMib(collector.pid).rss;
  const cpuBefore = threadCpuSeconds(collector.pid);
  const startedMs = performance.now();
  const startAtMs = Date.now() - rowsPerAgent * 15_000;
  await Promise.all(
    agents.map(async (agent) => {
      const pending: Promise<void>[] = [];
      for (let row = 0; row < rowsPerAgent; row += 1) {
        if (pending.length >= inFlight) await pending.shift();
        pending.push(agent.sendRow(startAtMs + row * 15_000, valuesAt(row)));
      }
      await Promise.all(pending);
    }),
  );
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const cpu = threadCpuSeconds(collector.pid) - cpuBefore;
  const sentBytes = agents.reduce((sum, agent) => sum + agent.sentBytes(), 0);
  const peakMib = memoryMib(collector.pid).rss;
  for (const agent of agents) agent.close();
  await collector.kill('SIGTERM');
  return { cpu, wallSeconds, sampleCount: agentCount * rowsPerAgent * series.length, bytes: sentBytes, idleMib, peakMib };
};

const measurePrometheus = async (folder: string) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
  const port = await freePort();
  const prometheus = startProcess('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--log.level=error',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await eventually('Prometheus is ready', async () => ((await fetch(`${url}/-/ready`)).ok ? true : null));
  const labels = Array.from({ length: agentCount }, (_, index) => series.map((one) => remoteWriteLabels(one, `load-${index}`)));
  const idleMib = memoryMib(prometheus.pid).rss;
  const cpuBefore = threadCpuSeconds(prometheus.pid);
  const startedMs = performance.now();
  const startAtMs = Date.now() - rowsPerAgent * 15_000;
  let bytes = 0;
  for (let row = 0; row < rowsPerAgent; row += 1) {
    // One request per step with the rows of all agents: remote write batches, and gains by it.
    const body = snappyLiterals(
      Buffer.concat(labels.map((ofAgent) => writeRequest(ofAgent, valuesAt(row), startAtMs + row * 15_000))),
    );
    bytes += body.length;
    const answer = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body: new Uint8Array(body),
    });
    if (!answer.ok) throw new Error(`Prometheus refused: ${answer.status} ${await answer.text()}`);
  }
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const cpu = threadCpuSeconds(prometheus.pid) - cpuBefore;
  const peakMib = memoryMib(prometheus.pid).rss;
  await prometheus.kill('SIGTERM');
  return { cpu, wallSeconds, sampleCount: agentCount * rowsPerAgent * series.length, bytes, idleMib, peakMib };
};

const folder = await testFolder();
try {
  const ours = await measureCollector(join(folder.path, 'collector'));
  const theirs = await measurePrometheus(join(folder.path, 'prometheus'));
  const perCpu = (run: typeof ours): number => run.sampleCount / run.cpu;
  console.table({
    'jiwei collector (durable, rules and checks evaluated)': row(ours),
    'Prometheus remote-write receiver': row(theirs),
  });
  console.log(`ratio of samples per CPU second, ours to Prometheus: ${(perCpu(ours) / perCpu(theirs)).toFixed(1)}`);
} finally {
  await folder.remove();
}

function row(run: { cpu: number; wallSeconds: number; sampleCount: number; bytes: number; idleMib: number; peakMib: number }) {
  return {
    samples: run.sampleCount,
    'CPU s': Number(run.cpu.toFixed(2)),
    'wall s': Number(run.wallSeconds.toFixed(2)),
    'samples per CPU s': Math.round(run.sampleCount / run.cpu),
    'bytes per sample': Number((run.bytes / run.sampleCount).toFixed(2)),
    'RSS MiB before/after': `${run.idleMib.toFixed(0)} / ${run.peakMib.toFixed(0)}`,
  };
}
