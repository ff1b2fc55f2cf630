import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { platform } from 'node:os';
import { createHostCollector } from '../../agent/src/host/collector.ts';
import type { Reader } from '../../agent/src/host/reader.ts';
import { linuxReaders } from '../../agent/src/host/registry.ts';
import { type Clock, systemClock } from '../../shared/src/clock.ts';
import { messageOf } from '../../shared/src/errors.ts';

/**
 * What one row of host metrics costs, beside a scrape of node_exporter with its default collectors in the same run.
 * Run: node_modules/.bin/node test/bench/host.bench.ts [rows, 10 to 2000; 200 by default]
 * Rows are taken 50 ms apart, so that both sides fall asleep in between as they do in service.
 */
const rowCount = Math.min(2_000, Math.max(10, Number(process.argv[2] ?? 200) || 200));
const betweenMs = 50;
const exporterPath = '/usr/bin/prometheus-node-exporter';
const intervalMs = 15_000;
const rowsPerHour = 240;

const pause = (ms: number) => new Promise<void>((resolve) => systemClock.after(ms, resolve));
const ownCpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Milliseconds of user and system time a process has taken; ticks are 10 ms. */
const cpuMsOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** A clock that goes 15 s on at every row, so that slow readers are due as often as in service. */
const createFastClock = () => {
  let skippedMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs };
  return { clock, skip: () => (skippedMs += intervalMs) };
};

/** What one looks at first on a host: about 100 series. The product always reads all; this shows what a part of it would cost. */
const essential = new Set(['cpu', 'filesystem', 'loadavg', 'meminfo']);

const measureOurs = async (readers: readonly Reader[]) => {
  const signal = new AbortController().signal;
  const { clock, skip } = createFastClock();
  const collector = createHostCollector({ clock, platform: 'linux', readers });
  for (let at = 0; at < 20; at += 1) {
    skip();
    await collector.collect(signal);
  }
  let cpuMs = 0;
  for (let at = 0; at < rowCount; at += 1) {
    await pause(betweenMs);
    skip();
    const startMs = ownCpuMs();
    await collector.collect(signal);
    cpuMs += ownCpuMs() - startMs;
  }
  const seriesCount = collector.series.length;
  collector.close();
  return { seriesCount, cpuMs: cpuMs / rowCount };
};

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });

const measureExporter = async () => {
  const port = await freePort();
  const exporter = spawn(exporterPath, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  const { pid } = exporter;
  if (pid === undefined) throw new Error(`${exporterPath} did not start`);
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  try {
    let text = '';
    for (let tries = 0; text === '' && tries < 100; tries += 1) {
      await pause(100);
      text = await scrape().catch(() => '');
    }
    for (let at = 0; at < 20; at += 1) await scrape();
    const startMs = cpuMsOf(pid);
    for (let at = 0; at < rowCount; at += 1) {
      await pause(betweenMs);
      await scrape();
    }
    const seriesCount = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    return { seriesCount, cpuMs: (cpuMsOf(pid) - startMs) / rowCount };
  } finally {
    exporter.kill();
  }
};

const main = async () => {
  if (platform() !== 'linux') return console.log('host metrics: the comparison needs Linux');
  const ours = await measureOurs(linuxReaders);
  const few = await measureOurs(linuxReaders.filter(({ name }) => essential.has(name)));
  const tell = ({ seriesCount, cpuMs }: typeof ours, what: string): void =>
    console.log(
      `host metrics, ${what}: ${seriesCount} series, ${cpuMs.toFixed(2)} ms CPU a row; at 15 s ${((cpuMs * rowsPerHour) / 1_000).toFixed(2)} s an hour`,
    );
  tell(ours, 'all readers');
  tell(few, 'essential ones');
  if (!existsSync(exporterPath)) return console.log(`  ${exporterPath} is not installed: no comparison`);
  const theirs = await measureExporter();
  console.log(`node_exporter: ${theirs.seriesCount} series, ${theirs.cpuMs.toFixed(2)} ms CPU a scrape`);
  console.log(
    `  ratio ${(ours.cpuMs / theirs.cpuMs).toFixed(2)} with all readers, ${(few.cpuMs / theirs.cpuMs).toFixed(2)} with the essential ones (to reach: 0.25)`,
  );
};

await main().catch((error: unknown) => {
  console.error(`host metrics: ${messageOf(error)}`);
  process.exitCode = 1;
});
