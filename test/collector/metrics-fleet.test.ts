import { asId } from '@jiwei/shared/ids.ts';
import { type MetricFamily, namePattern, type Series, seriesText } from '@jiwei/shared/series.ts';
import { parseSeriesText } from '@jiwei/shared/series-text.ts';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createFleet } from '../../collector/src/metrics/fleet.ts';
import { fleetExposition } from '../../collector/src/metrics/fleet-exposition.ts';
import { lacks } from '../support/components.ts';
import { hostRecording } from '../support/host-recording.ts';
import { type HttpFixtureOptions, metricsToken } from '../support/http-app.ts';
import { fixtureNowMs, viewOf } from '../support/live-view.ts';
import { createMetricsFixture, type MetricsFixture, promtoolSays } from '../support/metrics-app.ts';
import { openMetricsComplaints } from '../support/open-metrics.ts';

const load: MetricFamily = { name: 'node_load1', type: 'gauge', help: '1m load average.' };
const cpu: MetricFamily = { name: 'node_cpu_seconds_total', type: 'counter', help: 'CPU time.' };
const north = asId<'agent'>('north');
const south = asId<'agent'>('south');
const agentViews = [north, south].map((id) => ({
  id,
  assetId: asId<'asset'>(`host-${id}`),
  connection: 'connected' as const,
  sinceMs: 0,
}));
const row = (atMs: number, ...values: number[]) => ({
  atMs,
  indexes: Uint32Array.from(values, (_, index) => index),
  values: Float64Array.from(values),
});
const openMetrics = 'application/openmetrics-text; version=1.0.0';

let fixture: MetricsFixture | null = null;
afterEach(async () => {
  await fixture?.close();
  fixture = null;
});
const open = async (parts: HttpFixtureOptions['parts'] = { agentViews }): Promise<MetricsFixture> => {
  fixture = await createMetricsFixture({ parts });
  return fixture;
};

describe('the latest values', () => {
  const series: readonly Series[] = [
    { family: load, labels: [] },
    {
      family: cpu,
      labels: [
        ['cpu', '0'],
        ['mode', 'idle'],
      ],
    },
  ];

  test('a newer row replaces a value, an older one does not', () => {
    const fleet = createFleet();
    fleet.onSeries(north, 1, 0, series);
    fleet.onRows(north, 1, [row(2_000, 2, 20)], 500);
    fleet.onRows(north, 1, [row(1_000, 1, 10)], 500);
    expect(fleet.lookup(north, 0)).toStrictEqual({ value: 2, atMs: 2_500 });
    expect(fleet.lookup(north, 2)).toBeNull();
  });

  test('a series no row has named has no value', () => {
    const fleet = createFleet();
    fleet.onSeries(north, 1, 0, series);
    fleet.onRows(north, 1, [row(2_000, 2)], 0);
    expect(fleet.lookup(north, 1)).toBeNull();
  });

  test('a newer boot begins anew; rows and series of an older one are ignored', () => {
    const fleet = createFleet();
    fleet.onSeries(north, 2, 0, series);
    fleet.onRows(north, 2, [row(1, 1, 1)], 0);
    fleet.onSeries(north, 1, 0, series);
    fleet.onRows(north, 1, [row(9, 9, 9)], 0);
    expect(fleet.lookup(north, 0)?.value).toBe(1);
    fleet.onSeries(north, 3, 0, series.slice(0, 1));
    expect(fleet.lookup(north, 0)).toBeNull();
    expect(fleet.families().map(({ name }) => name)).toStrictEqual(['node_load1']);
  });

  test('a dictionary that repeats what is known adds nothing', () => {
    const fleet = createFleet();
    fleet.onSeries(north, 1, 0, series.slice(0, 1));
    fleet.onSeries(north, 1, 0, series);
    fleet.onRows(north, 1, [row(5, 1, 2)], 0);
    expect(fleet.lookup(north, 1)?.value).toBe(2);
    expect(fleet.families().map(({ seriesCount }) => seriesCount)).toStrictEqual([1, 1]);
  });

  test('an agent that is forgotten leaves nothing behind', () => {
    const fleet = createFleet();
    fleet.onSeries(north, 1, 0, series);
    fleet.forget(north);
    expect(fleet.families()).toStrictEqual([]);
    expect(fleet.lookup(north, 0)).toBeNull();
  });
});

describe('/metrics/fleet', () => {
  const disk: MetricFamily = { name: 'app_reads', type: 'counter', help: 'Line one\nand "two" \\ three' };
  const odd: Series = {
    family: disk,
    labels: [
      ['instance', 'own'],
      ['path', 'C:\\"x"\n集'],
    ],
  };

  const fill = ({ fleet }: MetricsFixture): void => {
    for (const [index, agent] of [south, north].entries()) {
      fleet.onSeries(agent, 1, 0, [
        {
          family: cpu,
          labels: [
            ['cpu', '0'],
            ['mode', 'idle'],
          ],
        },
        { family: load, labels: [] },
        odd,
      ]);
      fleet.onRows(agent, 1, [row(fixtureNowMs - 1_000, 10 + index, 0.25, Number.POSITIVE_INFINITY)], 0);
    }
  };

  test('names a family once, with the series of all agents below it and the agent as instance', async () => {
    const app = await open();
    fill(app);
    expect(await app.scrape('/metrics/fleet')).toMatchInlineSnapshot(`
      "# HELP app_reads Line one\\nand "two" \\\\ three
      # TYPE app_reads counter
      app_reads{instance="south",path="C:\\\\\\"x\\"\\n集"} +Inf
      app_reads{instance="north",path="C:\\\\\\"x\\"\\n集"} +Inf
      # HELP node_cpu_seconds_total CPU time.
      # TYPE node_cpu_seconds_total counter
      node_cpu_seconds_total{cpu="0",instance="south",mode="idle"} 10
      node_cpu_seconds_total{cpu="0",instance="north",mode="idle"} 11
      # HELP node_load1 1m load average.
      # TYPE node_load1 gauge
      node_load1{instance="south"} 0.25
      node_load1{instance="north"} 0.25
      "
    `);
  });

  test('in OpenMetrics names counters without _total, and those that have none unknown', async () => {
    const app = await open();
    fill(app);
    const text = await app.scrape('/metrics/fleet?timestamps=true', openMetrics);
    expect(openMetricsComplaints(text)).toEqual([]);
    expect(text).toMatchInlineSnapshot(`
      "# HELP app_reads Line one\\nand \\"two\\" \\\\ three
      # TYPE app_reads unknown
      app_reads{instance="south",path="C:\\\\\\"x\\"\\n集"} +Inf 1793577599
      app_reads{instance="north",path="C:\\\\\\"x\\"\\n集"} +Inf 1793577599
      # HELP node_cpu_seconds CPU time.
      # TYPE node_cpu_seconds counter
      node_cpu_seconds_total{cpu="0",instance="south",mode="idle"} 10 1793577599
      node_cpu_seconds_total{cpu="0",instance="north",mode="idle"} 11 1793577599
      # HELP node_load1 1m load average.
      # TYPE node_load1 gauge
      node_load1{instance="south"} 0.25 1793577599
      node_load1{instance="north"} 0.25 1793577599
      # EOF
      "
    `);
  });

  test('tells times in ms only when asked', async () => {
    const app = await open();
    fill(app);
    expect(await app.scrape('/metrics/fleet?timestamps=true')).toContain(
      `node_load1{instance="north"} 0.25 ${fixtureNowMs - 1_000}\n`,
    );
    expect(await app.scrape('/metrics/fleet?timestamps=false')).toContain('node_load1{instance="north"} 0.25\n');
  });

  const ages: readonly { why: string; ageMs: number; isShown: boolean }[] = [
    { why: 'of now', ageMs: 0, isShown: true },
    { why: 'one millisecond younger than five minutes', ageMs: 299_999, isShown: true },
    { why: 'of five minutes', ageMs: 300_000, isShown: false },
  ];
  for (const { why, ageMs, isShown } of ages) {
    test(`a value ${why} is ${isShown ? 'shown' : 'left out, with its family'}`, async () => {
      const { fleet, scrape } = await open();
      fleet.onSeries(north, 1, 0, [{ family: load, labels: [] }]);
      fleet.onRows(north, 1, [row(fixtureNowMs - ageMs - 70, 1)], 70);
      expect((await scrape('/metrics/fleet')).includes('node_load1')).toBe(isShown);
    });
  }

  test('an agent that is not connected is left out', async () => {
    const app = await open({
      agentViews: agentViews.map((view) => ({ ...view, connection: view.id === north ? ('lost' as const) : view.connection })),
    });
    fill(app);
    const text = await app.scrape('/metrics/fleet');
    expect(text).toContain('instance="south"');
    expect(text).not.toContain('instance="north"');
  });

  test('with no agent at all is empty, and in OpenMetrics still ends', async () => {
    const { scrape } = await open({});
    expect(await scrape('/metrics/fleet')).toBe('');
    expect(await scrape('/metrics/fleet', openMetrics)).toBe('# EOF\n');
  });

  test('a series that only its own instance told apart is written once', async () => {
    const { fleet, scrape } = await open();
    fleet.onSeries(
      north,
      1,
      0,
      ['a', 'b'].map((instance) => ({ family: load, labels: [['instance', instance]] })),
    );
    fleet.onRows(north, 1, [row(fixtureNowMs, 1, 2)], 0);
    expect((await scrape('/metrics/fleet')).match(/^node_load1\{.*$/gm)).toStrictEqual(['node_load1{instance="north"} 1']);
  });

  test('a large fleet comes in many chunks, each series once', async () => {
    const { fleet, scrape } = await open();
    const many = Array.from({ length: 20_000 }, (_, index): Series => ({ family: load, labels: [['n', String(index)]] }));
    for (const agent of [north, south]) {
      fleet.onSeries(agent, 1, 0, many);
      fleet.onRows(
        agent,
        1,
        [{ atMs: fixtureNowMs, indexes: Uint32Array.from(many, (_, index) => index), values: new Float64Array(20_000) }],
        0,
      );
    }
    const lines = (await scrape('/metrics/fleet')).trimEnd().split('\n');
    expect(lines.length).toBe(40_002);
    expect(new Set(lines).size).toBe(40_002);
  });

  test('agents and series that come or go during a scrape change nothing of it', async () => {
    const fleet = createFleet();
    const many = (prefix: string): readonly Series[] =>
      Array.from({ length: 5_000 }, (_, index) => ({ family: load, labels: [['n', `${prefix}${index}`]] }));
    const values = row(fixtureNowMs, ...Array.from({ length: 5_000 }, () => 1));
    for (const agent of [north, south]) {
      fleet.onSeries(agent, 1, 0, many(agent));
      fleet.onRows(agent, 1, [values], 0);
    }
    const view = viewOf({ agentViews });
    const options = { fleet, view, nowMs: fixtureNowMs, format: 'text', escaping: 'values', hasTimestamps: false } as const;
    const chunks = fleetExposition({ ...options, checkFamilies: async () => new Map() });
    const texts = [String((await chunks.next()).value)];
    // Numbers of what goes are used again by what comes: another family, other shapes, and more series of one that stays.
    fleet.forget(north);
    fleet.onSeries(north, 2, 0, [{ family: cpu, labels: [] }, ...many('new')]);
    fleet.onRows(north, 2, [values], 0);
    fleet.onSeries(south, 1, 5_000, many('more'));
    fleet.onRows(south, 1, [values], 0);
    for await (const chunk of chunks) texts.push(String(chunk));
    const lines = texts.join('').trimEnd().split('\n');
    expect(lines.slice(0, 2)).toStrictEqual(['# HELP node_load1 1m load average.', '# TYPE node_load1 gauge']);
    const numbers = Array.from({ length: 5_000 }, (_, index) => index);
    const expected = [north, south].flatMap((agent) =>
      numbers.map((index) => `node_load1{instance="${agent}",n="${agent}${index}"} 1`),
    );
    expect(lines.slice(2).toSorted()).toStrictEqual(expected.toSorted());
  });

  test('HEAD answers with the head alone', async () => {
    const app = await open();
    fill(app);
    const headers = { authorization: `Bearer ${metricsToken}` };
    const { statusCode, headers: answered, body } = await app.app.inject({ method: 'HEAD', url: '/metrics/fleet', headers });
    expect({ statusCode, type: answered['content-type'], body }).toStrictEqual({
      ...{ statusCode: 200, body: '' },
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
  });

  test.skipIf(lacks('promtool'))(
    'promtool reads a real host of it, and objects to nothing but names that are node_exporter’s own',
    async () => {
      const { fleet, scrape } = await open();
      const { series, rows } = hostRecording();
      fleet.onSeries(north, 1, 0, series);
      fleet.onRows(
        north,
        1,
        rows.slice(-1).map((one) => ({ ...one, atMs: fixtureNowMs })),
        0,
      );
      const said = promtoolSays(await scrape('/metrics/fleet'));
      // node_exporter keeps the kernel's words (MemTotal, InSegs), which the checker wants in snake_case.
      const own = /^node_\w+ (metric names should|counter metrics should|non-counter metrics should|use base unit)/;
      expect(said.filter((line) => !own.test(line))).toStrictEqual([]);
    },
  );
});

test('a series’ text reads back as it was written', () => {
  const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((text) => namePattern.test(text));
  const name = fc.oneof(fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,9}$/), anyName);
  const label = fc.tuple(
    fc.oneof(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,5}$/), anyName),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
  );
  const labels = fc
    .uniqueArray(label, { selector: ([one]) => one, maxLength: 5 })
    .map((all) => all.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  fc.assert(
    fc.property(name, labels, (one, some) => {
      expect(parseSeriesText(seriesText(one, some))).toStrictEqual({ name: one, labels: some });
    }),
  );
  for (const broken of [
    '',
    '1x',
    'x{',
    'x{a}',
    'x{a="1}',
    'x{a="1"b="2"}',
    'x{a="1",a="2"}',
    'x{a="1"} ',
    'x{a="\\t"}',
    'x{1="1"}',
    '温度',
    '{"温度"="1"}',
    '{"温度" a="1"}',
    '{"温\n度"}',
    '{"",a="1"}',
    'x{""="1"}',
  ]) {
    expect([broken, parseSeriesText(broken)]).toStrictEqual([broken, null]);
  }
});
