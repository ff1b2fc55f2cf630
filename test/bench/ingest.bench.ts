// Samples a collector takes in per second of its CPU time, durable: each frame counts when it is acknowledged after a synced commit.
// Beside it, in the same run, remote-write receivers with the same series: a real Prometheus, and VictoriaMetrics where it is installed.
// Run: npm run bench ingest
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@jiwei/shared/limits.ts';
import { hostRecording } from '../support/host-recording.ts';
import { type LoadAgent, openLoadAgent } from '../support/load-agent.ts';
import { listening, startProgram, testFolder } from '../support/processes.ts';
import { checksPerAgent, loadDeclaration, resultOf } from './support/ingest-load.ts';
import { type IngestPeer, ingestPeers } from './support/ingest-peers.ts';
import { memoryMib, threadCpuSeconds } from './support/process-cpu.ts';
import { remoteWriteLabels, snappyLiterals, writeRequests } from './support/remote-write.ts';

const agentCount = 100;
/** Rows of each agent before the clock of the measurement starts: series are made and code is compiled. */
const rowsToWarm = 40;
/** Frames an agent sends before it waits for an acknowledgement: all that the collector allows, as when it sends what it kept. */
const inFlight = limits.framesInFlightMax;
/** Rows are this far apart, ms, so that all of them are of the present: rules look at no others. */
const stepMs = 50;
/** A row every 15 s, an answer to each check every 20 s: so many answers to one row. As an agent spreads its checks, each has its own frame. */
const resultsPerRow = (checksPerAgent * 15) / 20;

const { series, rows } = hostRecording();
const valuesAt = (row: number): Float64Array => rows[row % rows.length]?.values ?? new Float64Array(series.length);
const names = Array.from({ length: agentCount }, (_, index) => `load-${index}`);

interface Run {
  readonly cpu: number;
  readonly wallSeconds: number;
  readonly sampleCount: number;
  readonly resultCount: number;
  readonly bytes: number;
  readonly idleMib: number;
  readonly peakMib: number;
}

/** @param measured pid of the server @param work does the load and says what it was */
const underLoad = async (pid: number, work: () => Promise<Pick<Run, 'sampleCount' | 'resultCount' | 'bytes'>>): Promise<Run> => {
  const idleMib = memoryMib(pid).rss;
  const cpuBefore = threadCpuSeconds(pid);
  const startedMs = performance.now();
  const load = await work();
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  return { ...load, wallSeconds, cpu: threadCpuSeconds(pid) - cpuBefore, idleMib, peakMib: memoryMib(pid).rss };
};

/** Sends rows [from, to) of one agent and, when `hasChecks`, the answers that come in that time. */
const sendRows = async (
  agent: LoadAgent,
  name: string,
  range: { from: number; to: number; atMs: number },
  hasChecks: boolean,
) => {
  const pending: Promise<void>[] = [];
  const room = async (): Promise<void> => {
    if (pending.length >= inFlight) await pending.shift();
  };
  let resultCount = 0;
  for (let row = range.from; row < range.to; row += 1) {
    const atMs = range.atMs + row * stepMs;
    await room();
    pending.push(agent.sendRow(atMs, valuesAt(row)));
    const resultsDue = hasChecks ? Math.floor((row + 1) * resultsPerRow) - Math.floor(row * resultsPerRow) : 0;
    for (let place = 0; place < resultsDue; place += 1) {
      const check = (Math.floor(row * resultsPerRow) + place) % checksPerAgent;
      await room();
      pending.push(agent.sendResults([resultOf(name, check, atMs + place)]));
    }
    resultCount += resultsDue;
  }
  await Promise.all(pending);
  return resultCount;
};

const measureCollector = async (folder: string, rowsPerAgent: number, hasChecks: boolean): Promise<Run> => {
  mkdirSync(folder, { recursive: true });
  const declaration = join(folder, 'load.yaml');
  writeFileSync(declaration, loadDeclaration(names));
  const args = ['--data', folder, '--declaration', declaration, '--listen', '127.0.0.1:0', '--log-level', 'warn'];
  const collector = startProgram('collector/src/main.ts', ['serve', ...args]);
  const { url, adminToken } = await listening(collector);
  const answer = await fetch(`${url}/api/v1/join-tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ uses: agentCount }),
  });
  const { token } = (await answer.json()) as { token: string };
  const agents: LoadAgent[] = [];
  for (const name of names) agents.push(await openLoadAgent({ url, joinToken: token, name, series }));
  const atMs = Date.now() - (rowsToWarm + rowsPerAgent) * stepMs;
  const sendAll = async (from: number, to: number): Promise<number> => {
    const counts = await Promise.all(
      agents.map((agent, index) => sendRows(agent, names[index] ?? '', { from, to, atMs }, hasChecks)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const sentBytes = (): number => agents.reduce((sum, agent) => sum + agent.sentBytes(), 0);
  await sendAll(0, rowsToWarm);
  const bytesBefore = sentBytes();
  const run = await underLoad(collector.pid, async () => {
    const resultCount = await sendAll(rowsToWarm, rowsToWarm + rowsPerAgent);
    return { sampleCount: agentCount * rowsPerAgent * series.length, resultCount, bytes: sentBytes() - bytesBefore };
  });
  for (const agent of agents) agent.close();
  await collector.kill('SIGTERM');
  return run;
};

const measurePeer = async (peer: IngestPeer, rowsPerAgent: number): Promise<Run> => {
  // One request per step with the rows of all agents: remote write batches, and gains by it.
  const requestOf = writeRequests(names.flatMap((name) => series.map((one) => remoteWriteLabels(one, name))));
  const all = new Float64Array(agentCount * series.length);
  const startAtMs = Date.now() - (rowsToWarm + rowsPerAgent) * stepMs;
  const send = async (from: number, to: number): Promise<number> => {
    let bytes = 0;
    for (let row = from; row < to; row += 1) {
      for (let agent = 0; agent < agentCount; agent += 1) all.set(valuesAt(row), agent * series.length);
      const body = snappyLiterals(requestOf(all, startAtMs + row * stepMs));
      bytes += body.length;
      await peer.write(body);
    }
    return bytes;
  };
  await send(0, rowsToWarm);
  const run = await underLoad(peer.process.pid, async () => {
    const bytes = await send(rowsToWarm, rowsToWarm + rowsPerAgent);
    return { sampleCount: agentCount * rowsPerAgent * series.length, resultCount: 0, bytes };
  });
  await peer.process.kill('SIGTERM');
  return run;
};

const describe = (run: Run) => ({
  samples: run.sampleCount,
  'check results': run.resultCount,
  'CPU s': Number(run.cpu.toFixed(2)),
  'wall s': Number(run.wallSeconds.toFixed(2)),
  'samples per CPU s': Math.round(run.sampleCount / run.cpu),
  'bytes per sample': Number((run.bytes / run.sampleCount).toFixed(2)),
  'RSS MiB before/after': `${run.idleMib.toFixed(0)} / ${run.peakMib.toFixed(0)}`,
});

const folder = await testFolder();
try {
  const own: Record<string, Run> = {
    'jiwei: durable, rules evaluated': await measureCollector(join(folder.path, 'rows'), 600, false),
    [`jiwei: the same and ${checksPerAgent} checks per agent every 20 s, one result a frame`]: await measureCollector(
      join(folder.path, 'checks'),
      80,
      true,
    ),
  };
  const peers: Record<string, Run> = {};
  for (const [index, start] of ingestPeers.entries()) {
    const peer = await start(join(folder.path, `peer-${index}`));
    if (peer !== null) peers[peer.name] = await measurePeer(peer, 120);
  }
  console.table(Object.fromEntries(Object.entries({ ...own, ...peers }).map(([name, run]) => [name, describe(run)])));
  const perCpu = (run: Run): number => run.sampleCount / run.cpu;
  for (const [peerName, peer] of Object.entries(peers)) {
    for (const [name, run] of Object.entries(own))
      console.log(`samples per CPU second, times ${peerName}: ${(perCpu(run) / perCpu(peer)).toFixed(1)} (${name})`);
  }
} finally {
  await folder.remove();
}
