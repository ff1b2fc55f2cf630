import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { numberIn, readOrRefuse } from '../support/arguments.ts';
import { keepCorpus, saveFind } from './cases.ts';
import { startCoverage } from './coverage.ts';
import { explore } from './explore.ts';
import { loadTarget, targetNames } from './targets.ts';
import type { Watched } from './watchdog.ts';

/** `npm run fuzz -- [--target NAME …] [--minutes N] [--seed N] [--keep]`: the long run. Exit code 1 when something was found. */
const { values, minutes, seed } = await readOrRefuse('fuzz', () => {
  const parsed = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  }).values;
  const unknown = parsed.target?.find((name) => !targetNames.includes(name));
  if (unknown !== undefined) throw new Error(`--target "${unknown}" is none; known are ${targetNames.join(', ')}`);
  return {
    values: parsed,
    minutes: numberIn('--minutes', parsed.minutes, { least: 0.01, most: 525_600, isFraction: true }),
    seed:
      parsed.seed === undefined
        ? Math.floor(Math.random() * 2 ** 31)
        : numberIn('--seed', parsed.seed, { least: 0, most: 2 ** 48 }),
  };
});
const names = values.target ?? targetNames;
/** Longer than any input takes on a loaded machine, with a debugger's counters in the code. */
const hangMs = 60_000;
const bytesMax = 1_048_576;

const watched: Watched = {
  counts: new SharedArrayBuffer(8),
  bytes: new SharedArrayBuffer(bytesMax),
  hangMs,
  file: join(import.meta.dirname, 'found', names.length === 1 ? (names[0] ?? '') : 'hang', `hang-${seed}.bin`),
  processId: process.pid,
};
const counts = new Int32Array(watched.counts);
const present = Buffer.from(watched.bytes);
const onInput = (bytes: Uint8Array): void => {
  present.set(bytes.subarray(0, bytesMax));
  Atomics.store(counts, 1, Math.min(bytes.length, bytesMax));
  Atomics.add(counts, 0, 1);
};
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
/**
 * What is held after collection. A collection gives the memory of buffers back by and by, on another thread: only the next one has waited
 * for that, and a figure taken after the first is off by tens of MiB either way. Memory of the inspector is left out.
 */
const collectedHeapBytes = (): number => {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
const root = pathToFileURL(join(import.meta.dirname, '../..')).href;
const coverage = startCoverage((url) => url.startsWith(root) && /\/(?:shared|agent|collector)\/src\//.test(url));
const watcher = new Worker(new URL('./watchdog.ts', import.meta.url), { workerData: watched });
watcher.unref();

process.on('uncaughtException', (error) => {
  const name = names.length === 1 ? (names[0] ?? '') : 'uncaught';
  const bytes = present.subarray(0, Atomics.load(counts, 1));
  console.error(`thrown outside of every promise: ${error.stack ?? error.message}\n  ${saveFind(name, bytes)}`);
  process.exit(1);
});

let findCount = 0;
console.log(
  `seed ${seed}; again with: npm run fuzz -- --seed ${seed} --minutes ${minutes} ${names.map((name) => `--target ${name}`).join(' ')}`,
);
console.log('| target | inputs | per second | corpus | code points | finds | slowest ms | heap MiB early → late |');
console.log('|---|---|---|---|---|---|---|---|');
for (const name of names) {
  const target = await loadTarget(name);
  const options = { seed, seconds: minutes * 60, coverage, onInput, nowMs: () => performance.now(), collectedHeapBytes };
  const found = await explore(target, { ...options, log: (text) => console.error(text) });
  await target.close?.();
  findCount += found.finds.length;
  const heap = `${mib(found.heapBytes.early)} → ${mib(found.heapBytes.late)}`;
  const rate = Math.round(found.inputs / found.seconds);
  console.log(
    `| ${name} | ${found.inputs} | ${rate} | ${found.corpus.length} | ${found.pointsReached} | ${found.finds.length} | ${found.slowest.ms.toFixed(1)} | ${heap} |`,
  );
  if (values.keep) console.error(`${name}: ${keepCorpus(name, found.corpus)} inputs kept`);
}
coverage.stop();
process.exit(findCount === 0 ? 0 : 1);
