// What other agents and people notice of one agent that floods: delay of acknowledgements, of /healthz and of an API list, without a flooder,
// beside one that keeps to the window and sends frames as fast as they are acknowledged, beside one that keeps to nothing, and beside a thousand
// that came by one join token and do as the first.
// Each flooder is a process of its own. Run: npm run bench flood
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { limits } from '@jiwei/shared/limits.ts';
import { hostRecording } from '../support/host-recording.ts';
import { type LoadAgent, newLoadIdentity, openLoadAgent } from '../support/load-agent.ts';
import { listening, startProgram, testFolder } from '../support/processes.ts';

const usualCount = 20;
const manyCount = 1_000;
const phaseMs = 15_000;
const rowEveryMs = 500;
const askEveryMs = 50;
const { series, rows } = hostRecording();
const row = rows[0]?.values ?? new Float64Array(series.length);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends frames as fast as they are acknowledged, with so many on the way. */
const sendAll = async (agent: LoadAgent, inFlightMax: number): Promise<never> => {
  const pending: Promise<void>[] = [];
  for (let sent = 0; ; sent += 1) {
    if (pending.length >= inFlightMax) await pending.shift();
    pending.push(agent.sendRow(Date.now(), row));
    if (sent % 16 === 0) await sleep(0);
  }
};

/** The flooder's process: until it is killed. */
const flood = async (kind: string, url: string, joinToken: string): Promise<void> => {
  if (kind === 'window') {
    const agent = await openLoadAgent({ url, joinToken, name: 'flooder-window', series });
    console.log('ready');
    await sendAll(agent, limits.framesInFlightMax);
  }
  if (kind === 'many') {
    const flooders: LoadAgent[] = [];
    for (let place = 0; place < manyCount; place += 1)
      flooders.push(await openLoadAgent({ url, joinToken, name: `flooder-${place}`, series }));
    console.log('ready');
    await Promise.all(flooders.map((agent) => sendAll(agent, limits.framesInFlightMax)));
  }
  // Ignores the window and every refusal, and comes back at once.
  const identity = newLoadIdentity();
  console.log('ready');
  for (;;) {
    try {
      const agent = await openLoadAgent({ url, joinToken, name: 'flooder-rude', series, identity });
      for (let sent = 0; sent < 2_000; sent += 1) {
        void agent.sendRow(Date.now(), row);
        if (sent % 64 === 0) await sleep(0);
      }
      agent.close();
    } catch {
      await sleep(1);
    }
  }
};

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
const shown = (values: readonly number[]): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return `${quantile(sorted, 0.5).toFixed(1)} / ${quantile(sorted, 0.99).toFixed(1)} (${sorted.length})`;
};

const timed = async (work: () => Promise<unknown>, into: number[]): Promise<void> => {
  const fromMs = performance.now();
  await work();
  into.push(performance.now() - fromMs);
};

const measure = async (agents: readonly LoadAgent[], ask: (path: string) => Promise<unknown>) => {
  const [acknowledged, healthz, list] = [[], [], []] as [number[], number[], number[]];
  const endMs = performance.now() + phaseMs;
  const beat = async (agent: LoadAgent, place: number): Promise<void> => {
    await sleep((rowEveryMs * place) / agents.length);
    while (performance.now() < endMs) {
      await timed(() => agent.sendRow(Date.now(), row), acknowledged);
      await sleep(rowEveryMs);
    }
  };
  const poll = async (path: string, into: number[]): Promise<void> => {
    while (performance.now() < endMs) {
      await timed(() => ask(path), into);
      await sleep(askEveryMs);
    }
  };
  await Promise.all([...agents.map(beat), poll('/healthz', healthz), poll('/api/v1/agents', list)]);
  return { acknowledged: shown(acknowledged), healthz: shown(healthz), list: shown(list) };
};

const [, , role, ...rest] = process.argv;
if (role === 'flooder') await flood(rest[0] ?? '', rest[1] ?? '', rest[2] ?? '');

const folder = await testFolder();
const collector = startProgram('collector/src/main.ts', [
  'serve',
  '--data',
  folder.path,
  '--listen',
  '127.0.0.1:0',
  '--log-level',
  'error',
]);
const { url, adminToken } = await listening(collector);
const authorization = `Bearer ${adminToken}`;
const newToken = async (): Promise<string> => {
  const made = await fetch(`${url}/api/v1/join-tokens`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ uses: 1_000 }),
  });
  const { token } = (await made.json()) as { token: string };
  return token;
};
const usualToken = await newToken();
const ask = async (path: string): Promise<string> => (await fetch(`${url}${path}`, { headers: { authorization } })).text();
const agents: LoadAgent[] = [];
for (let place = 0; place < usualCount; place += 1)
  agents.push(await openLoadAgent({ url, joinToken: usualToken, name: `usual-${place}`, series }));
await measure(agents, ask);

console.log(
  `${usualCount} usual agents of ${series.length} series, a row each ${rowEveryMs} ms; ms, median / 99th percentile (how many)`,
);
console.log('| beside it | acknowledgement | /healthz | /api/v1/agents | frames stored /s | slowed | refused |');
console.log('|---|---|---|---|---|---|---|');
const counted = async (name: string): Promise<number> => {
  const lines = (await ask('/metrics')).split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};
for (const kind of ['nobody', 'window', 'rude', 'many']) {
  const flooder =
    kind === 'nobody'
      ? null
      : spawn(process.execPath, [join(import.meta.dirname, 'flood.bench.ts'), 'flooder', kind, url, await newToken()], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
  if (flooder !== null) await once(flooder.stdout, 'data');
  await sleep(3_000);
  const names = ['jiwei_frames_stored_total', 'jiwei_links_throttled_total', 'jiwei_links_refused_total{code="FLOODING"}'];
  const before = await Promise.all(names.map(counted));
  const fromMs = performance.now();
  const { acknowledged, healthz, list } = await measure(agents, ask);
  const after = await Promise.all(names.map(counted));
  const tookMs = performance.now() - fromMs;
  flooder?.kill('SIGKILL');
  const [frames = 0, slowed = 0, refused = 0] = after.map((value, place) => value - (before[place] ?? 0));
  console.log(
    `| ${kind} | ${acknowledged} | ${healthz} | ${list} | ${Math.round((frames * 1_000) / tookMs)} | ${slowed} | ${refused} |`,
  );
}
for (const agent of agents) agent.close();
await collector.kill('SIGTERM');
await folder.remove();
process.exit(0);
