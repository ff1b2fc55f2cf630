import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../../support/components.ts';
import { type District, openDistrict } from '../../support/district.ts';
import { bytesInUse, expectLevel, heapEnvironment } from '../../support/heap.ts';
import { expectInvariants } from '../../support/invariants.ts';
import { canMakeHosts, openLongWay, openSecondHost, type SecondHost } from '../../support/network.ts';
import { eventually, type TestProcess } from '../../support/processes.ts';

const declaration = `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: far-host, name: 远, kind: server, unit: tax }]
agents: [{ id: far, asset: far-host }]
checks:
  - { id: far-port, asset: far-host, kind: tcp, host: 127.0.0.1, port: 9, interval: 1s, timeout: 500ms, critical: false, from: host }
host: { interval: 1s }
`;
/** Cut off longer than this, each side gives the other up. */
const heartbeatTimeoutMs = 4_000;

// Elsewhere than under root on Linux the machine cannot have a second host; in CI it can.
describe.skipIf(lacks('ip') || (!canMakeHosts && process.env['CI'] !== 'true'))(
  'a network between agent and collector that',
  () => {
    let host: SecondHost;
    let district: District;
    let agent: TestProcess;
    let startedAtMs = 0;
    let levelBytes = 0;
    beforeAll(async () => {
      host = await openSecondHost();
      district = await openDistrict(declaration, {
        host: host.nearAddress,
        environment: heapEnvironment,
        collectorArgs: ['--allow-plain-http', '--heartbeat-ms', '500', '--heartbeat-timeout-ms', String(heartbeatTimeoutMs)],
      });
      agent = await district.startAgent('far', { args: ['--insecure'], inside: host.inside });
      startedAtMs = await eventually('the first answer is stored', async () => (await results())[0]?.observedAtMs ?? null);
      levelBytes = await bytesInUse(district.collector);
    });
    afterAll(async () => {
      await district.close();
      await host.remove();
    });

    const range = (): string => `fromMs=${startedAtMs || Date.now() - 600_000}&toMs=${Date.now() + 1}`;
    /** Newest first. */
    const results = async (): Promise<{ observedAtMs: number }[]> =>
      (await district.get<{ items: { observedAtMs: number }[] }>(`/api/v1/checks/far-port/results?limit=1000&${range()}`)).items;
    const session = async () =>
      (await district.get<{ items: { session: { roundTripMs: number | null; spoolFrames: number } | null }[] }>('/api/v1/agents'))
        .items[0]?.session ?? null;
    const count = (text: string, pattern: RegExp): number => text.split('\n').filter((line) => pattern.test(line)).length;
    /** Answers that were asked from now on are stored. */
    const goesOn = async (answers: number): Promise<void> => {
      const fromMs = Date.now();
      await eventually(
        `${answers} further answers are stored`,
        async () => ((await results()).filter((one) => one.observedAtMs >= fromMs).length >= answers ? true : null),
        90_000,
      );
    };
    /** Everything is back, the time between included: the agent went on asking, and nothing of it is unknown in the end. */
    const isWhole = async (): Promise<void> => {
      await goesOn(2);
      await eventually('the gap is filled', async () => {
        const { items } = await district.get<{ items: { status: string }[] }>(`/api/v1/spans?kind=check&id=far-port&${range()}`);
        return items.every((span) => span.status === 'down') ? true : null;
      });
      expect(await district.get(`/api/v1/agents/far/gaps?${range()}`)).toMatchObject({ items: [] });
    };

    test('loses 30 % of the packets both ways: everything arrives', async () => {
      await host.setLoss(0.3);
      await goesOn(4);
      await host.setLoss(0);
      await isWhole();
    });

    test('takes 500 ms both ways: the link holds, and says how long a message takes', async () => {
      const way = await openLongWay({ host: host.nearAddress, port: Number(new URL(district.url).port) }, 500);
      await agent.kill('SIGTERM');
      agent = await district.startAgent('far', {
        args: ['--insecure', '--collector', `ws://${host.nearAddress}:${way.port}`],
        inside: host.inside,
      });
      const lostBefore = count(district.collector.output(), /agent lost/);
      await eventually('the round trip is measured', async () => (((await session())?.roundTripMs ?? 0) >= 1_000 ? true : null));
      await goesOn(3);
      expect(count(district.collector.output(), /agent lost/)).toBe(lostBefore);
      await agent.kill('SIGTERM');
      way.close();
      agent = await district.startAgent('far', { args: ['--insecure'], inside: host.inside });
      await goesOn(2);
      expect(await district.get(`/api/v1/agents/far/gaps?${range()}`)).toMatchObject({ items: [] });
      // While no agent ran, nobody asked.
      startedAtMs = Date.now();
    });

    test('swallows every packet without a word (half open): silence is noticed by both, and a new connection takes over', async () => {
      const silentBefore = count(district.collector.output(), /SILENT/);
      const before = count(agent.output(), /nothing came from the collector for the heartbeat timeout/);
      await host.setLoss(1);
      await eventually('both noticed the silence', async () =>
        count(district.collector.output(), /SILENT/) > silentBefore &&
        count(agent.output(), /nothing came from the collector for the heartbeat timeout/) > before
          ? true
          : null,
      );
      await host.setLoss(0);
      await isWhole();
    });

    test('left the stored data whole, and the memory of the collector at its level', async () => {
      await expectLevel(district.collector, levelBytes);
      await agent.kill('SIGTERM');
      await district.collector.kill('SIGTERM');
      expectInvariants(join(district.folder, 'data'), []);
    });
  },
);
