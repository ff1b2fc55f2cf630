import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import type { Label, Series } from '@jiwei/shared/series.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSampleColumn, neededRanges, stepCount } from '../../collector/src/http/sample-grid.ts';
import type { StoredFrame } from '../../collector/src/store/port.ts';
import { agentRecord } from '../support/district-fixture.ts';
import { createHttpFixture, type HttpFixture } from '../support/http-app.ts';
import { batchOf } from '../support/store-samples.ts';

const agentId = asId<'agent'>('a1');
const series = (name: string, ...labels: readonly Label[]): Series => ({ family: { name, type: 'gauge', help: 'h' }, labels });
const load = series('node_load1');
const idle = series('node_cpu_seconds_total', ['cpu', '0'], ['mode', 'idle']);
const user = series('node_cpu_seconds_total', ['cpu', '0'], ['mode', 'user']);

/** A frame of one row: values by index of the dictionary. */
const frame = (bootId: number, seq: number, atMs: number, values: readonly number[], clockOffsetMs = 0): StoredFrame => ({
  ...{ agentId, bootId, seq, receivedAtMs: atMs, firstAtMs: atMs + clockOffsetMs, lastAtMs: atMs + clockOffsetMs, clockOffsetMs },
  body: encodeSamples([{ atMs, indexes: Uint32Array.from(values.keys()), values: Float64Array.from(values) }]),
});

const dictionary = (bootId: number, firstIndex: number, named: readonly Series[]) => ({
  ...{ agentId, bootId, firstIndex },
  bytes: encodeDictionary({ kind: 'dictionary', bootId, firstIndex, series: named }),
});

describe('steps', () => {
  const steps = { fromMs: 1_000, toMs: 5_000, stepMs: 1_000, lookbackMs: 1_500 };

  test('begin at fromMs and end before toMs', () => {
    expect(stepCount(steps)).toBe(4);
    expect(stepCount({ ...steps, toMs: 5_001 })).toBe(5);
  });

  test('take the newest sample at or before them, within the lookback, in whatever order samples come', () => {
    const samples: readonly (readonly [number, number])[] = [
      [2_000, 20],
      [1_999, 19],
      [1_200, 12],
      [400, 4],
    ];
    for (const order of [samples, samples.toReversed()]) {
      const column = createSampleColumn(steps);
      for (const [atMs, value] of order) column.add(atMs, value);
      // At 4,000 the sample of 2,000 is 2,000 ms old: no point, not an old value and not 0.
      expect(column.points()).toEqual([
        [1_000, 4],
        [2_000, 20],
        [3_000, 20],
      ]);
    }
  });

  test('a sample one ms too old for the first step is no point there', () => {
    const column = createSampleColumn({ ...steps, lookbackMs: 600 });
    column.add(399, 1);
    expect(column.points()).toEqual([]);
    column.add(400, 1);
    expect(column.points()).toEqual([[1_000, 1]]);
  });

  test('read only what they need', () => {
    expect(neededRanges(steps)).toEqual([{ fromMs: -500, toMs: 4_001 }]);
    expect(neededRanges({ ...steps, stepMs: 2_000, lookbackMs: 100 })).toEqual([
      { fromMs: 900, toMs: 1_001 },
      { fromMs: 2_900, toMs: 3_001 },
    ]);
  });
});

describe('samples over HTTP', () => {
  let http: HttpFixture;
  beforeAll(async () => {
    http = await createHttpFixture();
    await http.store.saveAgent(agentRecord('a1'));
    await http.store.saveAgent(agentRecord('a2'));
    const many = Array.from({ length: 300 }, (_, place) => frame(20, place + 1, 2_000_000 + place * 1_000, [0, 0, place]));
    await http.store.commit(
      batchOf({
        atMs: 1,
        dictionaries: [
          dictionary(10, 0, [load, idle]),
          dictionary(10, 2, [user]),
          dictionary(20, 0, [user, idle, load]),
          dictionary(
            30,
            0,
            Array.from({ length: 600 }, (_, place) => series('many', ['n', String(place)])),
          ),
        ],
        frames: [
          frame(10, 1, 1_000_000, [1, 10, 100]),
          frame(10, 2, 1_015_000, [2, 11, 101]),
          // Its clock is 5 s behind: this row was at 1,030,000 by ours.
          frame(10, 3, 1_025_000, [Number.NaN, Number.POSITIVE_INFINITY, -0.5], 5_000),
          // After a restart the same series have other indexes.
          frame(20, 0, 1_045_000, [103, 13, 4]),
          ...many,
          frame(30, 1, 9_000_000, [1]),
        ],
      }),
    );
  });
  afterAll(() => http.close());
  const get = async (query: string) => (await http.get(`/api/v1/agents/a1/samples?${query}`)).json();

  test('series by name, across a restart, with corrected times and every float', async () => {
    const body = await get('names=node_load1,node_cpu_seconds_total&fromMs=1000000&toMs=1050000&stepMs=15000&lookbackMs=15000');
    expect(body.stepMs).toBe(15_000);
    expect(body.series).toEqual([
      {
        ...{ name: 'node_cpu_seconds_total', type: 'gauge', labels: { cpu: '0', mode: 'idle' } },
        points: [
          [1_000_000, 10],
          [1_015_000, 11],
          [1_030_000, '+Inf'],
          [1_045_000, 13],
        ],
      },
      {
        ...{ name: 'node_cpu_seconds_total', type: 'gauge', labels: { cpu: '0', mode: 'user' } },
        points: [
          [1_000_000, 100],
          [1_015_000, 101],
          [1_030_000, -0.5],
          [1_045_000, 103],
        ],
      },
      {
        ...{ name: 'node_load1', type: 'gauge', labels: {} },
        points: [
          [1_000_000, 1],
          [1_015_000, 2],
          [1_030_000, 'NaN'],
          [1_045_000, 4],
        ],
      },
    ]);
  });

  test('series by selector', async () => {
    const match = encodeURIComponent('node_cpu_seconds_total{mode=~"us.*"}');
    const body = await get(`match=${match}&match=none&fromMs=1000000&toMs=1001000&stepMs=1000`);
    expect(body.series.map((item: { labels: object }) => item.labels)).toEqual([{ cpu: '0', mode: 'user' }]);
  });

  test('more frames than one slice', async () => {
    const body = await get('names=node_load1&fromMs=2000000&toMs=2300000&stepMs=1000');
    expect(body.series[0].points).toHaveLength(300);
    expect(body.series[0].points.every(([atMs, value]: [number, number]) => atMs === 2_000_000 + value * 1_000)).toBe(true);
  });

  test('a range without samples is empty', async () => {
    expect((await get('names=node_load1&fromMs=5000000&toMs=5001000&stepMs=1000')).series).toEqual([]);
  });

  const refused: readonly { readonly why: string; readonly query: string; readonly message: RegExp }[] = [
    {
      why: 'a selector with a broken brace',
      query: 'match=up%7B&fromMs=0&toMs=5000&stepMs=1000',
      message: /^match: at character/,
    },
    {
      why: 'an expression that is no selector',
      query: 'match=a%2Bb&fromMs=0&toMs=5000&stepMs=1000',
      message: /no vector selector/,
    },
    {
      why: 'more series than allowed',
      query: 'names=many&fromMs=9000000&toMs=9001000&stepMs=1000',
      message: /more than 500 series/,
    },
    {
      why: 'more points than allowed in all',
      query: 'names=many&fromMs=9000000&toMs=19000000&stepMs=1000',
      message: /more than 50 series/,
    },
  ];
  for (const { why, query, message } of refused) {
    test(`${why} is refused`, async () => {
      const problem = await get(query);
      expect(problem).toMatchObject({ code: 'REQUEST_INVALID', status: 400 });
      expect(problem.detail).toMatch(message);
    });
  }

  test('only so many queries are answered at once; the others may come again soon', async () => {
    const answers = await Promise.all(
      Array.from({ length: limits.sampleQueriesMax + 2 }, () =>
        http.get('/api/v1/agents/a1/samples?names=node_load1&fromMs=1000000&toMs=3000000&stepMs=15000'),
      ),
    );
    const refused = answers.filter(({ statusCode }) => statusCode !== 200);
    expect(refused.map((answer) => [answer.statusCode, answer.json().code, answer.headers['retry-after']])).toEqual([
      [503, 'OVERLOADED', '1'],
      [503, 'OVERLOADED', '1'],
    ]);
    expect((await get('names=node_load1&fromMs=1000000&toMs=1050000&stepMs=15000')).series).toHaveLength(1);
  });

  test('an agent that is not enrolled is not found', async () => {
    const answer = await http.get('/api/v1/agents/none/samples?names=up&fromMs=0&toMs=5000&stepMs=1000');
    expect(answer.json()).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });
});
