import { asId } from '@jiwei/shared/ids.ts';
import type { MetricFamily } from '@jiwei/shared/series.ts';
import { expect, test } from 'vitest';
import { createFleet } from '../../collector/src/metrics/fleet.ts';
import { createPass, type FleetPass, gather, layOut } from '../../collector/src/metrics/fleet-pass.ts';

const load: MetricFamily = { name: 'node_load1', type: 'gauge', help: '' };
const north = asId<'agent'>('north');
const south = asId<'agent'>('south');
const row = (...values: number[]) => ({
  atMs: 1_000,
  indexes: Uint32Array.from(values, (_, index) => index),
  values: Float64Array.from(values),
});
const seriesOf = (family: MetricFamily, ...names: string[]) => names.map((n) => ({ family, labels: [['n', n]] as const }));
/** The values of the family with this number, in order. */
const valuesOf = ({ regions, values }: FleetPass, number: number): number[] => {
  const region = regions[number];
  return region === undefined ? [] : [...values.subarray(region.start, region.end)];
};

test('series that an agent names after the scrape began take no room from those of others', () => {
  const fleet = createFleet();
  for (const agent of [north, south]) fleet.onSeries(agent, 1, 0, seriesOf(load, 'a'));
  const hosts = fleet.families().map((host) => ({ host, seriesCount: host.seriesCount }));
  const agents = [...fleet.agents()].map((agent, place) => ({ agent, place, seriesCount: agent.shapes.length }));
  const pass = createPass(8, fleet.shapeCount(), false);
  layOut(pass, [...hosts, { host: { ...load, number: 1, seriesCount: 0 }, seriesCount: 0 }]);
  fleet.onSeries(north, 1, 1, seriesOf(load, 'b', 'c'));
  fleet.onRows(north, 1, [row(1, 2, 3)], 0);
  fleet.onRows(south, 1, [row(10)], 0);
  for (const agent of agents) gather(pass, agent, 0);
  expect(valuesOf(pass, 0)).toStrictEqual([1, 10]);
});

test('a family or a shape that takes the number of one that is gone is not taken for it', () => {
  const fleet = createFleet();
  fleet.onSeries(north, 1, 0, seriesOf(load, 'a'));
  fleet.onRows(north, 1, [row(1)], 0);
  const [agent] = fleet.agents();
  const hosts = fleet.families().map((host) => ({ host, seriesCount: host.seriesCount }));
  const pass = createPass(8, fleet.shapeCount(), false);
  layOut(pass, hosts);
  fleet.forget(north);
  fleet.onSeries(south, 1, 0, seriesOf({ ...load, name: 'node_load5' }, 'z'));
  fleet.onRows(south, 1, [row(2)], 0);
  expect(fleet.families().map(({ number }) => number)).toStrictEqual([0]);
  if (agent !== undefined) gather(pass, { agent, place: 0, seriesCount: 1 }, 0);
  expect(valuesOf(pass, 0)).toStrictEqual([1]);
  expect(pass.shapesByNumber[pass.shapes[0] ?? 0]?.key).toContain('node_load1');
});

test('values of the age limit and before are left out, and times are kept when asked for', () => {
  const fleet = createFleet();
  fleet.onSeries(north, 1, 0, seriesOf(load, 'a', 'b'));
  fleet.onRows(north, 1, [row(1), { ...row(1, 2), atMs: 999, indexes: Uint32Array.of(0, 1) }], 0);
  const hosts = fleet.families().map((host) => ({ host, seriesCount: host.seriesCount }));
  const pass = createPass(2, fleet.shapeCount(), true);
  layOut(pass, hosts);
  for (const agent of fleet.agents()) gather(pass, { agent, place: 0, seriesCount: 2 }, 999);
  expect(valuesOf(pass, 0)).toStrictEqual([1]);
  expect(pass.atMs[0]).toBe(1_000);
});
