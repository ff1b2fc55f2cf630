import { minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Calm, calmOf, expectUnharmed } from '../../support/after-fault.ts';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { seededRandom } from '../../support/flips.ts';
import { heapEnvironment } from '../../support/heap.ts';
import type { IncidentInstants } from '../../support/invariants.ts';
import { expectSteady } from '../../support/no-loss.ts';
import { eventually, listening } from '../../support/processes.ts';
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

/** Who is to have said what. */
type Said = Parameters<typeof expectUnharmed>[2]['said'];

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
    const { pathWithToken: path } = await district.get<{ pathWithToken: string }>('/api/v1/checks/dead-man/push');
    await fetch(new URL(`${path}&status=down`, district.url), { method: 'POST' });
    return eventually('the incident is open', async () => {
      const { items } = await district.get<{ items: (IncidentInstants & { assetId: string })[] }>('/api/v1/incidents?state=open');
      return items.find((incident) => incident.assetId === 'web') ?? null;
    });
  };
  /** Stops the load, and asks the whole question. @param calm of the processes that lived through it */
  const check = async (calm: Calm, said: Said, incidents: readonly IncidentInstants[] = []): Promise<void> => {
    const runs = await Promise.all(loads.map((load) => load.stop()));
    await expectUnharmed(district, calm, { said, runs, incidents });
  };
  /** Where every process was killed, there is no level of memory to come back to. */
  const nobodyLived = (): Promise<Calm> => calmOf();
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
      await check(await nobodyLived(), [[district.collector, /the run before did not end properly .*last commit/]], [incident]);
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
      await eventually('it was taken up again', async () => (((await spool('real')) ?? 99) < 5 ? true : null), 60_000);
      expect(await district.get(`/api/v1/agents/real/gaps?${lastHour()}`)).toMatchObject({ items: [] });
      await check(await nobodyLived(), [
        [last, /the run before did not end properly .*frames/],
        [district.collector, /the run before did not end properly .*last commit/],
      ]);
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
    const killed = await district.startAgent('real');
    await district.restartCollector();
    await check(await nobodyLived(), [
      [killed, /the run before did not end properly .*frames/],
      [district.collector, /lastCommitAt.*agoMs.*the run before did not end properly/],
    ]);
  });

  test(
    'the collector stands still for a minute: agents go and come back, and it says so',
    async () => {
      const incident = await openIncident();
      const agent = await district.startAgent('real', { launch: agentWithHeap });
      const fromMs = await eventually('the check is answered', async () =>
        (await statusOf('closed-port', 'down')) ? Date.now() : null,
      );
      const calm = await calmOf(district.collector, agent);
      const stoppedMs = performance.now();
      district.collector.child.kill('SIGSTOP');
      await eventually(
        'it stood still for a minute',
        async () => (performance.now() - stoppedMs >= minuteMs ? true : null),
        2 * minuteMs,
      );
      district.collector.child.kill('SIGCONT');
      const said: Said = [
        [agent, /nothing came from the collector for the heartbeat timeout/],
        [district.collector, /the collector stood still for \d/],
        [district.collector, /SILENT|connection ended|agent lost/],
      ];
      // Before that the session of before is the one that is seen.
      for (const [who, line] of said) await who.line(line, 2 * minuteMs);
      await eventually(
        'the agent is back with all it kept',
        async () => (((await spool('real')) ?? 99) < 5 ? true : null),
        2 * minuteMs,
      );
      await Promise.all(loads.map((load) => load.progress(50)));
      await expectSteady(district, 'closed-port', { intervalMs: 1_000, fromMs, toMs: Date.now() });
      await check(calm, said, [incident]);
    },
    6 * minuteMs,
  );

  test(
    'an agent stands still for a minute: it is lost, its check unknown, and both come back',
    async () => {
      const agent = await district.startAgent('real', { launch: agentWithHeap });
      await eventually('the check is answered', async () => statusOf('closed-port', 'down'));
      const calm = await calmOf(district.collector, agent);
      const stoppedMs = performance.now();
      agent.child.kill('SIGSTOP');
      await eventually(
        'it stood still for a minute',
        async () => (performance.now() - stoppedMs >= minuteMs ? true : null),
        2 * minuteMs,
      );
      await eventually('nothing is known of the check', async () => statusOf('closed-port', 'unknown'), 2 * minuteMs);
      agent.child.kill('SIGCONT');
      await eventually('it is answered again', async () => statusOf('closed-port', 'down'), 2 * minuteMs);
      expect(await district.get(`/api/v1/agents/real/gaps?${lastHour()}`)).toMatchObject({ items: [] });
      await check(calm, [
        [district.collector, /"agentId":"real".*agent lost|agent lost.*"real"/],
        [agent, /the agent stood still for \d/],
      ]);
    },
    6 * minuteMs,
  );

  const statusOf = async (id: string, wanted: string): Promise<true | null> => {
    const { items } = await district.get<{ items: { id: string; status: string }[] }>('/api/v1/checks');
    return items.some((one) => one.id === id && one.status === wanted) ? true : null;
  };
});
