import { asId } from '@jiwei/shared/ids.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import { encodeSamples } from '@jiwei/shared/protocol/samples.ts';
import { escapeLabelValue, type Series } from '@jiwei/shared/series.ts';
import { expect, test } from 'vitest';
import { readFrame } from '../../collector/src/ingest/delivery.ts';
import { lacks } from '../support/components.ts';
import { fixtureNowMs } from '../support/live-view.ts';
import { createMetricsFixture, promtoolSays } from '../support/metrics-app.ts';

const agentId = asId<'agent'>('north');
const values = [
  '机房一层 温湿度',
  'Ω≈ç√ \u{1f4e1}',
  'e\u0301 is not \u00e9',
  '\u202eright to left',
  '\ufeffbom',
  'back\\slash "quote" line\nfeed',
  '甲'.repeat(600),
];
const series: readonly Series[] = values.map((value) => ({
  family: { name: 'room_temperature_celsius', type: 'gauge', help: '机房温度，摄氏度' },
  labels: [['place', value]],
}));

test.skipIf(lacks('promtool'))(
  'label values and help in any script come out of /metrics/fleet as they went into the agent',
  async () => {
    const agentViews = [{ id: agentId, assetId: asId<'asset'>('host'), connection: 'connected' as const, sinceMs: 0 }];
    const fixture = await createMetricsFixture({ parts: { agentViews } });
    try {
      const context = { offsetMs: 0, receivedAtMs: fixtureNowMs, seriesCounts: new Map<number, number>() };
      const named = readFrame(encodeDictionary({ kind: 'dictionary', bootId: 1, firstIndex: 0, series }), context);
      const row = { atMs: fixtureNowMs, indexes: Uint32Array.from(values.keys()), values: Float64Array.from(values.keys()) };
      const sent = readFrame(encodeFrame({ kind: 'samples', bootId: 1, seq: 0, body: encodeSamples([row]) }), context);
      if (named.kind !== 'dictionary' || sent.kind !== 'samples') throw new Error('another kind came out');
      expect(named.series).toEqual(series);
      fixture.fleet.onSeries(agentId, 1, 0, named.series);
      fixture.fleet.onRows(agentId, 1, sent.rows, 0);
      const text = await fixture.scrape('/metrics/fleet');
      expect(text).toContain('# HELP room_temperature_celsius 机房温度，摄氏度\n');
      for (const value of values) expect(text).toContain(`place="${escapeLabelValue(value)}"`);
      expect(promtoolSays(text)).toEqual([]);
    } finally {
      await fixture.close();
    }
  },
);
