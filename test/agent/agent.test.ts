import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@jiwei/agent/agent.ts';
import { createWebSocketDial } from '@jiwei/agent/link/web-socket.ts';
import { createLog } from '@jiwei/agent/log.ts';
import { runProbe } from '@jiwei/agent/probes/run-probe.ts';
import { createProbeTools } from '@jiwei/agent/probes/tools.ts';
import { createCalendar } from '@jiwei/agent/schedule/calendar.ts';
import { openStateFolder } from '@jiwei/agent/state/state-folder.ts';
import { systemClock } from '@jiwei/shared/clock.ts';
import { resultsBodySchema } from '@jiwei/shared/protocol/control.ts';
import { decodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestCollector } from './test-collector.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jiwei-agent-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const family = { name: 'node_load1', type: 'gauge', help: 'load' } as const;

test('enrols, sends a sample and a check result, and has them acknowledged', async () => {
  const target = createServer().listen(0, '127.0.0.1');
  await once(target, 'listening');
  const address = target.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const collector = await startTestCollector({
    config: {
      version: 1,
      host: { intervalMs: 1_000 },
      checks: [
        {
          id: 'web',
          probe: { kind: 'tcp', spec: { host: '127.0.0.1', port, tls: false, exchange: [] } },
          schedule: { intervalMs: 1_000 },
          timeoutMs: 500,
          confirm: { failures: 3, successes: 2, retryMs: 1_000 },
        },
      ],
    },
  });
  const state = openStateFolder(folder);
  const log = createLog({ clock: systemClock, level: 'debug', write: (_level, line) => console.log(line) });
  const tools = createProbeTools({ clock: systemClock, unitState: async () => null });
  const agent = await startAgent(
    {
      clock: systemClock,
      random: Math.random,
      files: state.files,
      spoolDisk: state.spool,
      dial: createWebSocketDial({ url: collector.url, ca: null, client: null, proxy: null }),
      ask: (probe, timeoutMs, signal) => runProbe(probe, timeoutMs, { signal, clock: systemClock, tools }),
      host: {
        series: [{ family, labels: [] }],
        collect: async () => ({ atMs: 0, indexes: Uint32Array.of(0), values: Float64Array.of(0.5), errors: [] }),
      },
      inventory: null,
      nextCalendarTime: createCalendar(),
      log,
    },
    {
      agentVersion: '0',
      hostname: 'h',
      platform: 'linux',
      architecture: 'x64',
      joinToken: 't',
      wantedId: null,
      spoolBytesMax: 8_388_608,
    },
  );
  await collector.until(
    () =>
      collector.frames.some((frame) => frame.kind === 'samples') && collector.frames.some((frame) => frame.kind === 'results'),
  );
  const samples = collector.frames.find((frame) => frame.kind === 'samples');
  expect(samples && decodeSamples(samples.body)[0]?.values[0]).toBe(0.5);
  const results = collector.frames.find((frame) => frame.kind === 'results');
  expect(results && resultsBodySchema.parse(JSON.parse(Buffer.from(results.body).toString())).results[0]).toMatchObject({
    checkId: 'web',
    outcome: 'up',
  });
  await agent.close('test');
  expect(agent.counts().spool.pendingFrames).toBe(0);
  state.release();
  await collector.close();
  target.close();
});
