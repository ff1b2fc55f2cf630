import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Calm, calmOf, expectUnharmed } from '../../support/after-fault.ts';
import { lacks } from '../../support/components.ts';
import { agentWithHeapAt, type District, openDistrict } from '../../support/district.ts';
import { heapEnvironment } from '../../support/heap.ts';
import { badNetworkMeans, openSecondHost, type SecondHost } from '../../support/network.ts';
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
const agentNoticed = /nothing came from the collector for the heartbeat timeout/;
const means = badNetworkMeans();

// Elsewhere than under root on Linux the machine cannot have a second host; in CI it can.
describe.skipIf(lacks('root', 'ip', 'tc'))(`a network between agent and collector (made bad by ${means}) that`, () => {
  let host: SecondHost;
  let district: District;
  let agent: TestProcess;
  let startedAtMs = 0;
  beforeAll(async () => {
    host = await openSecondHost(means);
    district = await openDistrict(declaration, {
      host: host.nearAddress,
      environment: heapEnvironment,
      collectorArgs: ['--allow-plain-http', '--heartbeat-ms', '500', '--heartbeat-timeout-ms', String(heartbeatTimeoutMs)],
    });
  });
  afterAll(async () => {
    await district.close();
    await host.remove();
  });
  // An agent for each test: while none runs nobody asks, and what one has said it does not say again within a minute.
  afterEach(() => agent.kill('SIGTERM'));

  const port = (): number => Number(new URL(district.url).port);
  const start = async (at: number): Promise<Calm> => {
    const launchedAtMs = Date.now();
    agent = await district.startAgent('far', {
      args: ['--insecure', '--collector', `ws://${host.nearAddress}:${at}`],
      inside: host.inside,
      launch: agentWithHeapAt(host.farAddress),
    });
    startedAtMs = launchedAtMs;
    startedAtMs = await eventually('its first answer is stored', async () => (await results()).at(-1)?.observedAtMs ?? null);
    return calmOf(district.collector, agent);
  };

  const range = (): string => `fromMs=${startedAtMs}&toMs=${Date.now() + 1}`;
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
    const calm = await start(port());
    await host.setLoss(0.3);
    await goesOn(4);
    await host.setLoss(0);
    await isWhole();
    // TCP sends again what is lost: as long as the link holds nobody notices, and there is nothing to say.
    await expectUnharmed(district, calm, { said: [] });
  });

  test('takes 500 ms both ways: the link holds, and the log says how long a message takes', async () => {
    const way = await host.openWay(port());
    const calm = await start(way.port);
    const lostBefore = count(district.collector.output(), /agent lost/);
    await way.setDelay(500);
    await eventually('the round trip is measured', async () => (((await session())?.roundTripMs ?? 0) >= 1_000 ? true : null));
    await goesOn(3);
    await way.setDelay(0);
    await isWhole();
    expect(count(district.collector.output(), /agent lost/)).toBe(lostBefore);
    await expectUnharmed(district, calm, {
      said: [
        [district.collector, /"roundTripMs":1\d{3},.*messages to this agent and back take long/],
        [district.collector, /messages to this agent and back are quick again/],
      ],
    });
    await way.close();
  });

  test('swallows every packet without a word (half open): silence is noticed by both, and a new connection takes over', async () => {
    const calm = await start(port());
    const silentBefore = count(district.collector.output(), /SILENT/);
    await host.setLoss(1);
    await eventually('the collector noticed the silence', async () =>
      count(district.collector.output(), /SILENT/) > silentBefore ? true : null,
    );
    await agent.line(agentNoticed);
    await host.setLoss(0);
    await isWhole();
    await expectUnharmed(district, calm, {
      said: [
        [district.collector, /"agentId":"far".*"code":"SILENT".*connection ended/],
        [agent, agentNoticed],
        [agent, /connected to the collector/],
      ],
    });
  });
});
