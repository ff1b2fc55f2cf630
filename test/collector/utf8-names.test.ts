import { asId } from '@jiwei/shared/ids.ts';
import { type MetricFamily, namePattern, type Series, seriesText } from '@jiwei/shared/series.ts';
import { parseSeriesText } from '@jiwei/shared/series-text.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFleet } from '../../collector/src/metrics/fleet.ts';
import { fleetExposition } from '../../collector/src/metrics/fleet-exposition.ts';
import {
  type EscapingScheme,
  escapeName,
  escapeNames,
  escapingSchemes,
  unescapeName,
} from '../../collector/src/metrics/name-escaping.ts';
import { createNameWriter } from '../../collector/src/metrics/name-writer.ts';
import { sampleText } from '../../collector/src/metrics/text-format.ts';
import { lacks } from '../support/components.ts';
import { type District, openDistrict } from '../support/district.ts';
import { fixtureNowMs, viewOf } from '../support/live-view.ts';
import { type LoadAgent, openLoadAgent } from '../support/load-agent.ts';
import { promtoolSays } from '../support/metrics-app.ts';
import { eventually } from '../support/processes.ts';

const gauge = (name: string): MetricFamily => ({ name, type: 'gauge', help: `${name} 的帮助` });
const series: readonly Series[] = [
  { family: gauge('温度'), labels: [['位置', '东']] },
  { family: gauge('温度'), labels: [['位置', '西 "二" \\']] },
  { family: gauge('湿度'), labels: [] },
  { family: { name: '机房.请求_total', type: 'counter', help: '' }, labels: [['a', '1'], ['host.name', 'x'], ['位置', '东'], ['\ue000', '2'], ['\u{1f321}', '3']] }, // biome-ignore format: one series a line
  { family: gauge('room_temperature_celsius'), labels: [['zone', '东']] },
];
const values = Float64Array.of(21.5, 22.5, 60, 7, 23);

const declaration = `
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: h1, name: h1, kind: server, unit: u }]
agents: [{ id: north, asset: h1 }]
groups:
  - name: rooms
    interval: 1s
    rules:
      - { alert: ByLabel, expr: '{__name__="温度"} > 22' }
      - { alert: ByQuotedName, expr: '{"温度", "位置"="东"} > 21' }
      - { alert: Together, expr: '{"温度"} > on("位置") {"机房.请求_total"}' }
      - { alert: Never, expr: '{"湿度"} > 100' }
`;

describe('names in any script, from a frame on', () => {
  let district: District;
  let agent: LoadAgent;
  beforeAll(async () => {
    district = await openDistrict(declaration);
    const { token } = await district.post<{ token: string }>('/api/v1/join-tokens', {});
    agent = await openLoadAgent({ url: district.url, joinToken: token, name: 'north', series });
    await agent.sendRow(Date.now(), values);
  });
  afterAll(async () => {
    agent?.close();
    await district?.close();
  });

  const samples = async (query: string): Promise<readonly Series['labels'][number][][]> => {
    const toMs = Date.now() + 60_000;
    const range = `fromMs=${toMs - 120_000}&toMs=${toMs}&stepMs=60000&lookbackMs=120000`;
    const answer = await district.get<{ series: { name: string; labels: Record<string, string>; points: [number, number][] }[] }>(
      `/api/v1/agents/north/samples?${query}&${range}`,
    );
    return answer.series.map((one) => [
      ['name', one.name],
      ...Object.entries(one.labels),
      ['value', String(one.points.at(-1)?.[1])],
    ]);
  };

  test('the samples are those of the store, with the names as they are', async () => {
    const all = ['温度', '湿度', '机房.请求_total', 'room_temperature_celsius'].map(encodeURIComponent).join(',');
    const expected = series.map(({ family, labels }, index) => [
      ['name', family.name],
      ...labels,
      ['value', String(values[index])],
    ]);
    expect((await samples(`names=${all}`)).toSorted()).toEqual(expected.toSorted());
    expect(await samples(`match=${encodeURIComponent('{"温度", "位置"="东"}')}`)).toEqual([expected[0]]);
    expect(await samples(`match=${encodeURIComponent('{__name__="机房.请求_total", "host.name"=~"x|y"}')}`)).toEqual([
      expected[3],
    ]);
    await expect(samples(`names=${encodeURIComponent('温\n度')}`)).rejects.toThrow(/REQUEST_INVALID/);
  });

  test('rules find series by such names and labels', async () => {
    const alerts = await eventually('the rules fire', async () => {
      const page = await district.get<{ items: { labels: Record<string, string> }[] }>('/api/v1/alerts');
      return page.items.length >= 3 ? page.items.map(({ labels }) => `${labels['alertname']} ${labels['位置']}`) : null;
    });
    expect(alerts.toSorted()).toEqual(['ByLabel 西 "二" \\', 'ByQuotedName 东', 'Together 东'].toSorted());
  });

  const scrape = async (
    format: 'text' | 'openmetrics',
    escaping: EscapingScheme | null,
  ): Promise<{ type: string | null; text: string }> => {
    const name = format === 'text' ? 'text/plain;version=1.0.0' : 'application/openmetrics-text;version=1.0.0';
    const accept = escaping === null ? name.replace('text/plain;version=1.0.0', '*/*') : `${name};escaping=${escaping}`;
    const answer = await fetch(`${district.url}/metrics/fleet`, { headers: { accept } });
    return { type: answer.headers.get('content-type'), text: await answer.text() };
  };

  for (const escaping of [null, ...escapingSchemes]) {
    test(`/metrics/fleet in the scheme ${escaping ?? 'of nobody who names one'}`, async () => {
      expect(await scrape('text', escaping)).toMatchSnapshot();
      expect(await scrape('openmetrics', escaping)).toMatchSnapshot();
    });
  }

  test('whoever names no scheme gets what values gives', async () => {
    for (const format of ['text', 'openmetrics'] as const) {
      expect((await scrape(format, null)).text).toBe((await scrape(format, 'values')).text);
    }
  });

  test('in quotes and by values every series is found again under its own name', async () => {
    const expected = series.map(({ family, labels }, index) => {
      const more = [...labels, ['instance', 'north'] as const];
      return `${seriesText(
        family.name,
        more.toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
      )} ${values[index]}`;
    });
    for (const format of ['text', 'openmetrics'] as const) {
      for (const escaping of ['allow-utf-8', 'values'] as const) {
        const { text } = await scrape(format, escaping);
        const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
        const read = lines.map((line) => {
          const one = parseSeriesText(line.slice(0, line.lastIndexOf(' ')));
          if (one === null) throw new Error(`${line} is no series`);
          const labels = one.labels.map(
            ([name, value]) => [escaping === 'values' ? unescapeName(name, 'label') : name, value] as const,
          );
          const sorted = labels.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          return `${seriesText(escaping === 'values' ? unescapeName(one.name, 'metric') : one.name, sorted)}${line.slice(line.lastIndexOf(' '))}`;
        });
        expect(read.toSorted()).toEqual(expected.toSorted());
      }
    }
  });

  test.skipIf(lacks('promtool'))(
    'promtool of a Prometheus that knows the old charset alone reads the escaped forms',
    async () => {
      // What it says of the style of names is not of interest here; the names are another's.
      const style = /^\w+ (metric names should|counter metrics should|non-counter metrics should|use base unit|no help text)/;
      for (const escaping of [null, 'underscores', 'dots', 'values'] as const) {
        const said = promtoolSays((await scrape('text', escaping)).text);
        expect(said.filter((line) => !style.test(line))).toEqual([]);
      }
      expect(promtoolSays((await scrape('text', 'allow-utf-8')).text).join()).toMatch(/error/);
    },
  );
});

describe('escaping', () => {
  const cases: readonly { why: string; name: string; kind: 'metric' | 'label'; underscores: string; dots: string; values: string }[] = [
    { why: 'a plain name', name: 'up', kind: 'metric', underscores: 'up', dots: 'up', values: 'up' },
    { why: 'underscores', name: 'a_b', kind: 'metric', underscores: 'a_b', dots: 'a__b', values: 'a_b' },
    { why: 'dots', name: 'metric.name/x', kind: 'metric', underscores: 'metric_name_x', dots: 'metric_dot_name_x', values: 'U__metric_2e_name_2f_x' },
    { why: 'dots and underscores', name: 'a.b_c', kind: 'label', underscores: 'a_b_c', dots: 'a_dot_b__c', values: 'U__a_2e_b__c' },
    { why: 'Chinese', name: '温度', kind: 'metric', underscores: '__', dots: '__', values: 'U___6e29__5ea6_' },
    { why: 'outside the BMP', name: '\u{1f321}', kind: 'label', underscores: '_', dots: '_', values: 'U___1f321_' },
    { why: 'a digit first', name: '1st', kind: 'metric', underscores: '_st', dots: '_st', values: 'U___31_st' },
    { why: 'a colon in a metric name', name: 'a:b', kind: 'metric', underscores: 'a:b', dots: 'a:b', values: 'a:b' },
    { why: 'a colon in a label name', name: 'a:b', kind: 'label', underscores: 'a_b', dots: 'a_b', values: 'U__a_3a_b' },
    { why: 'a plain name that looks escaped and is not', name: 'U__x', kind: 'metric', underscores: 'U__x', dots: 'U____x', values: 'U__x' },
    { why: 'a plain name that another is written as', name: 'U___6e29_', kind: 'metric', underscores: 'U___6e29_', dots: 'U______6e29__', values: 'U__U______6e29__' },
  ]; // biome-ignore format: one case a line
  for (const { why, name, kind, ...expected } of cases) {
    test(why, () => {
      const { underscores, dots, values } = expected;
      expect([escapeName(name, kind, 'underscores'), escapeName(name, kind, 'dots'), escapeName(name, kind, 'values')]).toEqual([
        underscores,
        dots,
        values,
      ]);
      expect(escapeName(name, kind, 'allow-utf-8')).toBe(name);
    });
  }

  const kind = fc.constantFrom('metric' as const, 'label' as const);
  /** Names of pieces that mean something to the schemes meet each other far more often than any others. */
  const pieces = fc.array(
    fc.constantFrom('U__', '_', '__', '.', ':', '_dot_', '6e29', '温', '度', '1', 'a', '_6e29_', '5f', '\u{1f321}'),
    { minLength: 1, maxLength: 8 },
  );
  const anyName = fc
    .oneof(
      pieces.map((parts) => parts.join('')),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    )
    .chain((name) =>
      fc
        .constantFrom(0, 1, 2)
        .map((times) => Array.from({ length: times }).reduce<string>((text) => escapeName(text, 'metric', 'values'), name)),
    )
    .filter((name) => namePattern.test(name));

  test('by values every name is read back, and becomes one that every Prometheus reads', () => {
    fc.assert(
      fc.property(anyName, kind, (name, of) => {
        const text = escapeName(name, of, 'values');
        expect(text).toMatch(of === 'metric' ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/ : /^[a-zA-Z_][a-zA-Z0-9_]*$/);
        expect(unescapeName(text, of)).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });

  test('names of one scrape stay distinct in every scheme', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyName, { maxLength: 30, size: 'max' }),
        kind,
        fc.constantFrom(...escapingSchemes),
        (names, of, scheme) => {
          const written = escapeNames(names, of, scheme);
          expect(written.size).toBe(names.length);
          expect(new Set(written.values()).size).toBe(names.length);
          if (scheme === 'values') for (const [name, text] of written) expect(text).toBe(escapeName(name, of, 'values'));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('labels that a scheme makes alike are told apart by values, within a series', () => {
    const names = createNameWriter('underscores', ['温度', '湿度']);
    expect(names.series('{"温度","东"="1","西"="2"}', '温度')).toBe('__{_="1",U___897f_="2"}');
    expect(names.family('湿度')).toBe('U___6e7f__5ea6_');
  });

  test('a histogram’s parts keep the name of their family before them', () => {
    const sample = { name: 'wait_seconds_bucket', labels: 'le="1"', value: 3, atMs: null };
    expect(sampleText(sample, 'wait_seconds', createNameWriter('dots', []), 'text')).toBe('wait__seconds_bucket{le="1"} 3\n');
  });
});

test('names of the old charset have one form, whatever the scheme that leaves them alone', async () => {
  const fleet = createFleet();
  const agentId = asId<'agent'>('north');
  fleet.onSeries(agentId, 1, 0, series);
  fleet.onRows(agentId, 1, [{ atMs: fixtureNowMs, indexes: Uint32Array.from(series.keys()), values }], 0);
  const [agent] = fleet.agents();
  expect(agent?.shapes.map((shape) => shape?.quoted === null)).toEqual([false, false, false, false, true]);
  const view = viewOf({ agentViews: [{ id: agentId, assetId: asId<'asset'>('host'), connection: 'connected', sinceMs: 0 }] });
  for (const escaping of ['allow-utf-8', 'underscores', 'values'] as const) {
    const options = { fleet, view, nowMs: fixtureNowMs, format: 'text', escaping, hasTimestamps: false } as const;
    const texts: string[] = [];
    for await (const chunk of fleetExposition({ ...options, checkFamilies: async () => new Map() })) texts.push(String(chunk));
    expect(texts.join('')).toContain('\nroom_temperature_celsius{instance="north",zone="东"} 23\n');
  }
});

test('more shapes than are kept for a scheme that is not prepared come out right all the same', async () => {
  const fleet = createFleet();
  const agentIds = ['north', 'so_uth'].map((id) => asId<'agent'>(id));
  const count = 5_000;
  const tricky = (place: number): Series['labels'] => [
    ['a', ',instance='],
    ['host.name', ''],
    ['n_1', String(place)],
    ['xinstance', ''],
  ];
  for (const id of agentIds) {
    fleet.onSeries(
      id,
      1,
      0,
      Array.from({ length: count }, (_, place) => ({ family: gauge('温度_1'), labels: tricky(place) })),
    );
    const indexes = Uint32Array.from({ length: count }, (_, place) => place);
    fleet.onRows(id, 1, [{ atMs: fixtureNowMs, indexes, values: new Float64Array(count) }], 0);
  }
  const view = viewOf({
    agentViews: agentIds.map((id) => ({ id, assetId: asId<'asset'>('host'), connection: 'connected', sinceMs: 0 })),
  });
  const options = { fleet, view, nowMs: fixtureNowMs, format: 'text', escaping: 'dots', hasTimestamps: false } as const;
  const texts: string[] = [];
  for await (const chunk of fleetExposition({ ...options, checkFamilies: async () => new Map() })) texts.push(String(chunk));
  const lines = texts.join('').trimEnd().split('\n').slice(2);
  const expected = agentIds.flatMap((id) =>
    Array.from(
      { length: count },
      (_, place) => `____1{a=",instance=",host_dot_name="",instance="${id}",n__1="${place}",xinstance=""} 0`,
    ),
  );
  expect(lines.toSorted()).toEqual(expected.toSorted());
});
