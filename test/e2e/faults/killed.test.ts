import { join } from 'node:path';
import { minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { seededRandom } from '../../support/flips.ts';
import { bytesInUse, expectLevel, heapEnvironment } from '../../support/heap.ts';
import { expectInvariants, type IncidentInstants } from '../../support/invariants.ts';
import { expectNoneMissing, expectSteady } from '../../support/no-loss.ts';
import { eventually, listening, type TestProcess } from '../../support/processes.ts';
import { type SteadyLoad, startSteadyLoad } from '../../support/steady-load.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets:
  - { id: web, name: 办税网站, kind: website, unit: tax }
  - { id: host, name: 主机, kind: server, unit: tax, address: 127.0.0.1 }
agents: [{ id: real, asset: host }]
checks:
  - { id: dead-man, asset: web, kind: heartbeat, interval: 1h }
  - { id: closed-port, asset: host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, critical: false, from: { agents: [real] } }
${Array.from(
  { length: 10 },
  (_, index) =>
    `  - { id: closed-${index}, asset: host, kind: tcp, host: 127.0.0.1, port: ${10 + index}, interval: 1s, timeout: 500ms, critical: false, from: { agents: [real] } }`,
).join('\n')}
host: { interval: 1s }
notifiers: [{ id: log, kind: log }]
routes: [{ id: all, notifier: log }]
`;
/** Silence is noticed within two seconds, so that standing still for longer than every timeout costs few of them. */
const quick = ['--heartbeat-ms', '500', '--heartbeat-timeout-ms', '2000'];

const seed = Number(process.env['JIWEI_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const killCount = Number(process.env['JIWEI_KILLS'] ?? 50);
const agentKillCount = Number(process.env['JIWEI_KILLS'] ?? 26);
/** Only a hang reaches it; 50 kills on a slow machine do not. */
const manyKillsMsMax = 15 * 60_000;
/** The moment of a kill is random; nothing is waited for. */
const randomWait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const lastHour = (): string => `fromMs=${Date.now() - 3_600_000}&toMs=${Date.now()}`;

describe('processes that are killed or stand still', () => {
  let district: District;
  let loads: readonly SteadyLoad[] = [];
  beforeEach(async () => {
    district = await openDistrict(declaration, { collectorArgs: quick, environment: heapEnvironment });
    const { token } = await district.post<{ token: string }>('/api/v1/join-tokens', { uses: 2 });
    loads = ['load-a', 'load-b'].map((name) => startSteadyLoad({ url: district.url, joinToken: token, name }));
    await Promise.all(loads.map((load) => load.progress(50)));
  });
  afterEach(() => district.close());

  const openIncident = async (): Promise<IncidentInstants> => {
    const { path } = await district.get<{ path: string }>('/api/v1/checks/dead-man/push');
    await fetch(new URL(`${path}&status=down`, district.url), { method: 'POST' });
    return eventually('the incident is open', async () => {
      const { items } = await district.get<{ items: (IncidentInstants & { assetId: string })[] }>('/api/v1/incidents?state=open');
      return items.find((incident) => incident.assetId === 'web') ?? null;
    });
  };
  /** Stops the load and the collector, and reads what is stored. */
  const check = async (incidents: readonly IncidentInstants[] = []): Promise<void> => {
    const runs = await Promise.all(loads.map((load) => load.stop()));
    await expectNoneMissing(district);
    await district.collector.kill('SIGTERM');
    expectInvariants(join(district.folder, 'data'), runs, incidents);
  };
  const spool = async (id: string): Promise<number | null> => {
    const { items } = await district.get<{ items: { id: string; session: { spoolFrames: number } | null }[] }>('/api/v1/agents');
    return items.find((agent) => agent.id === id)?.session?.spoolFrames ?? null;
  };

  test(
    `the collector, at ${killCount} random points under load: at its start, at work, and in between (JIWEI_SEED=${seed})`,
    async () => {
      const random = seededRandom(seed);
      const incident = await openIncident();
      for (let kill = 0; kill < killCount; kill += 1) {
        // Half of them while it starts, half while it takes frames.
        const afterMs = random() * 1_500;
        if (kill % 2 === 0) await Promise.race(loads.map((load) => load.progress(Math.ceil(random() * 400))));
        else await randomWait(afterMs);
        await district.collector.kill('SIGKILL');
        district.launchCollector();
      }
      await Promise.all(loads.map((load) => load.progress(50)));
      await district.collector.line(/the run before did not end properly .*last commit/);
      await check([incident]);
    },
    manyKillsMsMax,
  );

  test(
    `an agent ${agentKillCount} times, each second time the collector too: what was measured meanwhile comes, no frame is lost (JIWEI_SEED=${seed})`,
    async () => {
      const random = seededRandom(seed + 1);
      await district.startAgent('real');
      for (let kill = 0; kill < agentKillCount; kill += 1) {
        // Any moment of its start and of its work.
        await randomWait(random() * 2_000);
        const both = [district.agent('real').kill('SIGKILL')];
        if (kill % 2 === 1) both.push(district.collector.kill('SIGKILL'));
        await Promise.all(both);
        if (kill % 2 === 1) await listening(district.launchCollector());
        await district.launchAgent('real');
      }
      const last = district.agent('real');
      await last.line(/connected to the collector/, 60_000);
      await last.line(/the run before did not end properly .*frames/);
      await eventually('it was taken up again', async () => (((await spool('real')) ?? 99) < 5 ? true : null), 60_000);
      expect(await district.get(`/api/v1/agents/real/gaps?${lastHour()}`)).toMatchObject({ items: [] });
      await check();
    },
    manyKillsMsMax,
  );

  test('an ordinary end is no kill: the next start says nothing of it', async () => {
    const agent = await district.startAgent('real');
    await agent.kill('SIGTERM');
    await district.collector.kill('SIGTERM');
    await listening(district.launchCollector());
    const next = await district.startAgent('real');
    for (const one of [agent, next, district.collector]) expect(one.output()).not.toMatch(/did not end properly/);
    await next.kill('SIGKILL');
    await (await district.startAgent('real')).line(/the run before did not end properly .*frames/);
    await district.restartCollector();
    await district.collector.line(/lastCommitAt.*agoMs.*the run before did not end properly/);
    await check();
  });

  test(
    'the collector stands still for a minute: agents go and come back, and it says so',
    async () => {
      const incident = await openIncident();
      const agent = await district.startAgent('real', { launch: agentWithHeap });
      const fromMs = await eventually('the check is answered', async () =>
        (await statusOf('closed-port', 'down')) ? Date.now() : null,
      );
      const levels = await levelsOf(agent);
      const stoppedMs = performance.now();
      district.collector.child.kill('SIGSTOP');
      await eventually(
        'it stood still for a minute',
        async () => (performance.now() - stoppedMs >= minuteMs ? true : null),
        2 * minuteMs,
      );
      await agent.line(/nothing came from the collector for the heartbeat timeout/, 2 * minuteMs);
      district.collector.child.kill('SIGCONT');
      await district.collector.line(/the collector stood still for \d/, 2 * minuteMs);
      await district.collector.line(/SILENT|connection ended|agent lost/, 2 * minuteMs);
      await eventually(
        'the agent is back with all it kept',
        async () => (((await spool('real')) ?? 99) < 5 ? true : null),
        2 * minuteMs,
      );
      await Promise.all(loads.map((load) => load.progress(50)));
      await expectSteady(district, 'closed-port', { intervalMs: 1_000, fromMs, toMs: Date.now() });
      await expectLevels(agent, levels);
      await check([incident]);
    },
    6 * minuteMs,
  );

  test(
    'an agent stands still for a minute: it is lost, its check unknown, and both come back',
    async () => {
      const agent = await district.startAgent('real', { launch: agentWithHeap });
      await eventually('the check is answered', async () => statusOf('closed-port', 'down'));
      const levels = await levelsOf(agent);
      const stoppedMs = performance.now();
      agent.child.kill('SIGSTOP');
      await eventually(
        'it stood still for a minute',
        async () => (performance.now() - stoppedMs >= minuteMs ? true : null),
        2 * minuteMs,
      );
      await district.collector.line(/"agentId":"real".*agent lost|agent lost.*"real"/, 2 * minuteMs);
      await eventually('nothing is known of the check', async () => statusOf('closed-port', 'unknown'), 2 * minuteMs);
      agent.child.kill('SIGCONT');
      await agent.line(/the agent stood still for \d/, 2 * minuteMs);
      await eventually('it is answered again', async () => statusOf('closed-port', 'down'), 2 * minuteMs);
      expect(await district.get(`/api/v1/agents/real/gaps?${lastHour()}`)).toMatchObject({ items: [] });
      await expectLevels(agent, levels);
      await check();
    },
    6 * minuteMs,
  );

  const levelsOf = async (agent: TestProcess) => ({
    collector: await bytesInUse(district.collector),
    agent: await bytesInUse(agent),
  });
  const expectLevels = async (agent: TestProcess, levels: Awaited<ReturnType<typeof levelsOf>>): Promise<void> => {
    await expectLevel(district.collector, levels.collector);
    await expectLevel(agent, levels.agent);
  };

  const statusOf = async (id: string, wanted: string): Promise<true | null> => {
    const { items } = await district.get<{ items: { id: string; status: string }[] }>('/api/v1/checks');
    return items.some((one) => one.id === id && one.status === wanted) ? true : null;
  };
});
