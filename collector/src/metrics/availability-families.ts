import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@jiwei/shared/clock.ts';
import type { AssetId, UnitId, ZoneId } from '@jiwei/shared/ids.ts';
import { dayMs, hourMs, secondMs, type TimeRange } from '@jiwei/shared/time.ts';
import type { AssetConfig } from '../engine/config.ts';
import { type CollectorMetricName, familyOf, sampleOf } from './metric-docs.ts';
import type { TextFamily, TextSample } from './text-format.ts';

/** How a range divides for one asset, maintenance left out; whole ms. */
export interface AssetAvailability {
  readonly asset: AssetConfig;
  /** Up or degraded: degraded is not downtime. */
  readonly upMs: number;
  readonly downMs: number;
  readonly unknownMs: number;
}

/** Measures the availability of every asset over a range. Rejects when the store cannot be read. */
export type MeasureAvailability = (range: TimeRange) => Promise<readonly AssetAvailability[]>;

/** Windows that end now, as people name them. */
export const availabilityWindows = { '1h': hourMs, '1d': dayMs, '7d': 7 * dayMs, '30d': 30 * dayMs } as const;

/** The figures move slowly, and 30 days of every asset are work to read. */
const keptMs = 15 * secondMs;
const assetsPerTurn = 500;

interface Sums {
  readonly scope: 'all' | 'zone' | 'unit' | 'asset';
  readonly id: AssetId | UnitId | ZoneId | '';
  upMs: number;
  downMs: number;
  unknownMs: number;
}

/**
 * Availability by asset, unit, zone and over all (groups by time: the sum of their assets' up time by the sum of their known time).
 * Measured at most every 15 s, whoever asks; a failed measurement is not kept.
 */
export const createAvailabilityFamilies = (
  measure: MeasureAvailability,
  clock: Clock,
): (() => Promise<readonly TextFamily[]>) => {
  let kept: { readonly atMs: number; readonly families: Promise<readonly TextFamily[]> } | null = null;
  return async () => {
    if (kept === null || clock.monotonicMs() - kept.atMs >= keptMs) {
      kept = { atMs: clock.monotonicMs(), families: familiesAt(measure, clock.nowMs()) };
    }
    const mine = kept;
    try {
      return await mine.families;
    } catch (error) {
      if (kept === mine) kept = null;
      throw error;
    }
  };
};

const familiesAt = async (measure: MeasureAvailability, nowMs: number): Promise<readonly TextFamily[]> => {
  const samples = { observed: [] as TextSample[], strict: [] as TextSample[], coverage: [] as TextSample[] };
  const add = (list: TextSample[], name: CollectorMetricName, { sums, window }: Figure, part: number, whole: number): void => {
    // Nothing known is not 0: there is no figure.
    if (whole > 0) list.push(sampleOf(name, [sums.scope, sums.id, window], part / whole));
  };
  for (const [window, windowMs] of Object.entries(availabilityWindows)) {
    const groups = await groupsOf(await measure({ fromMs: nowMs - windowMs, toMs: nowMs }));
    for (const sums of groups) {
      const known = sums.upMs + sums.downMs;
      const recorded = known + sums.unknownMs;
      const figure = { sums, window };
      add(samples.observed, 'jiwei_availability_ratio', figure, sums.upMs, known);
      add(samples.strict, 'jiwei_availability_strict_ratio', figure, sums.upMs, recorded);
      add(samples.coverage, 'jiwei_availability_coverage_ratio', figure, known, recorded);
    }
    await nextTurn();
  }
  return [
    familyOf('jiwei_availability_ratio', samples.observed),
    familyOf('jiwei_availability_strict_ratio', samples.strict),
    familyOf('jiwei_availability_coverage_ratio', samples.coverage),
  ];
};

interface Figure {
  readonly sums: Sums;
  readonly window: string;
}

/** Every asset, and every group it belongs to. */
const groupsOf = async (measured: readonly AssetAvailability[]): Promise<readonly Sums[]> => {
  const groups = new Map<string, Sums>();
  for (const [index, one] of measured.entries()) {
    if (index % assetsPerTurn === assetsPerTurn - 1) await nextTurn();
    const { asset } = one;
    const memberships: readonly Pick<Sums, 'scope' | 'id'>[] = [
      { scope: 'asset', id: asset.id },
      ...(asset.unitId === null ? [] : [{ scope: 'unit', id: asset.unitId } as const]),
      ...(asset.zoneId === null ? [] : [{ scope: 'zone', id: asset.zoneId } as const]),
      { scope: 'all', id: '' },
    ];
    for (const { scope, id } of memberships) {
      const sums = groups.get(`${scope} ${id}`) ?? { scope, id, upMs: 0, downMs: 0, unknownMs: 0 };
      groups.set(`${scope} ${id}`, sums);
      sums.upMs += one.upMs;
      sums.downMs += one.downMs;
      sums.unknownMs += one.unknownMs;
    }
  }
  return [...groups.values()];
};
