import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { calmOf, expectUnharmed } from '../../support/after-fault.ts';
import { componentPath, fakeClockLibrary, lacks } from '../../support/components.ts';
import { agentWithHeap, type District, openDistrict } from '../../support/district.ts';
import { heapEnvironment } from '../../support/heap.ts';
import { eventually, testFolder } from '../../support/processes.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: host, name: 主机, kind: server, unit: tax }]
agents: [{ id: real, asset: host }]
checks:
  - { id: closed-port, asset: host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, from: host }
host: { interval: 1s }
`;
interface ResultRow {
  readonly observedAtMs: number;
  readonly receivedAtMs: number;
}

// Elsewhere than on Linux a process has no clock of its own; in CI it has.
describe.skipIf(lacks('linux', fakeClockLibrary))('a clock that jumps', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  /** A clock that only the processes with this environment see. */
  const openClock = async () => {
    const folder = await testFolder();
    closers.push(folder.remove);
    const file = join(folder.path, 'clock');
    const set = (offsetS: number): Promise<void> => writeFile(file, `${offsetS < 0 ? '' : '+'}${offsetS}\n`);
    await set(0);
    const environment = {
      LD_PRELOAD: componentPath(fakeClockLibrary),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // Only the time of day jumps; how long something takes is still measured right, as on a machine whose clock is set.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    return { set, environment };
  };
  const open = async (environment: Readonly<Record<string, string>> = {}): Promise<District> => {
    const district = await openDistrict(declaration, {
      environment: { ...environment, ...heapEnvironment },
      collectorArgs: ['--heartbeat-ms', '500', '--heartbeat-timeout-ms', '4000'],
    });
    closers.push(() => district.close());
    return district;
  };
  const results = async (district: District, nowMs: number): Promise<readonly ResultRow[]> =>
    (
      await district.get<{ items: ResultRow[] }>(
        `/api/v1/checks/closed-port/results?fromMs=${nowMs - 3_600_000}&toMs=${nowMs + 3_600_000}`,
      )
    ).items;
  const answered = (district: District, nowMs: number, fits: (result: ResultRow) => boolean): Promise<true> =>
    eventually('answers come on', async () => ((await results(district, nowMs)).filter(fits).length >= 3 ? true : null), 60_000);

  test.each([-300, 300])('the one of the agent, by %i s: it says so, and the collector sets its times right', async (jumpS) => {
    const clock = await openClock();
    const district = await open();
    const agent = await district.startAgent('real', {
      inside: ['env', ...Object.entries(clock.environment).map(([name, value]) => `${name}=${value}`)],
      launch: agentWithHeap,
    });
    await answered(district, Date.now(), () => true);
    const calm = await calmOf(district.collector, agent);
    await clock.set(jumpS);
    const said = [
      [agent, new RegExp(`the clock of this host jumped.*"jumpMs":${jumpS < 0 ? '-' : ''}(299|300|301)\\d{3}\\D`)],
      [agent, /the clocks of agent and collector differ/],
    ] as const;
    for (const [who, line] of said) await who.line(line, 30_000);
    const jumpedAtMs = Date.now();
    // Stamped five minutes off by the agent, and within a few seconds of their coming by the collector.
    await answered(
      district,
      jumpedAtMs,
      (one) => one.receivedAtMs > jumpedAtMs && Math.abs(one.observedAtMs - one.receivedAtMs) < 10_000,
    );
    // The series says the same with the same sign: how far the agent is ahead.
    const aheadS = await eventually('the series of the offset has jumped', async () => {
      const answer = await fetch(`${district.url}/metrics/fleet`);
      const value = /^jiwei_agent_clock_offset_seconds\{[^}]*\} (\S+)/m.exec(await answer.text())?.[1];
      return value !== undefined && Math.abs(Number(value)) > 250 ? Number(value) : null;
    });
    expect(Math.abs(aheadS - jumpS)).toBeLessThan(5);
    const { items } = await district.get<{ items: unknown[] }>('/api/v1/incidents');
    expect(items).toHaveLength(1);
    await expectUnharmed(district, calm, { said });
  });

  test('the one of the collector, back and forth by 300 s: no span turns round, no agent is lost, no incident is invented', async () => {
    const clock = await openClock();
    const district = await open(clock.environment);
    const agent = await district.startAgent('real', { launch: agentWithHeap });
    await answered(district, Date.now(), () => true);
    const calm = await calmOf(district.collector, agent);
    for (const offsetS of [-300, 300]) {
      await clock.set(offsetS);
      const seen = (await results(district, Date.now())).length;
      await eventually(
        'answers come on',
        async () => ((await results(district, Date.now())).length >= seen + 3 ? true : null),
        60_000,
      );
    }
    const { items } = await district.get<{ items: { problem: string }[] }>('/api/v1/incidents');
    expect(items.map((incident) => incident.problem)).toEqual(['down']);
    expect(district.collector.output()).not.toMatch(/agent lost/);
    await expectUnharmed(district, calm, {
      said: [
        [district.collector, /the clock of this machine jumped back by 300\.\d s/],
        [district.collector, /the clock of this machine jumped forward by [56]\d\d\.\d s/],
      ],
    });
  });
});
