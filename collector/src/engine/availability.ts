import type { AssetId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import type { AssetConfig, EngineConfig } from './config.ts';
import { compareRatios, type Ratio, weightedMean } from './ratio.ts';

/**
 * How a range divides for one asset, whole ms; the six parts sum exactly to the range. `maintenanceMs` is time inside approved windows,
 * whatever the status was. `unrecordedMs` is time before an agent was first given a check of the asset and time
 * that has not yet come.
 */
export interface AvailabilityParts {
  readonly upMs: number;
  readonly degradedMs: number;
  readonly downMs: number;
  readonly unknownMs: number;
  readonly maintenanceMs: number;
  readonly unrecordedMs: number;
}

/** A stretch with one status; `toMs` null while it is the present one. */
export interface StatusStretch {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
  readonly status: Status;
}

/** Ranges cut to the bounds, ascending, overlaps joined. */
const joinRanges = (ranges: readonly TimeRange[], bounds: TimeRange): readonly TimeRange[] => {
  const cut = ranges
    .map((range) => ({ fromMs: Math.max(range.fromMs, bounds.fromMs), toMs: Math.min(range.toMs, bounds.toMs) }))
    .filter((range) => range.fromMs < range.toMs)
    .sort((left, right) => left.fromMs - right.fromMs);
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const range of cut) {
    const last = joined.at(-1);
    if (last !== undefined && range.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, range.toMs);
    else joined.push({ ...range });
  }
  return joined;
};

const overlapMs = (range: TimeRange, ranges: readonly TimeRange[]): number =>
  ranges.reduce((sum, other) => sum + Math.max(0, Math.min(range.toMs, other.toMs) - Math.max(range.fromMs, other.fromMs)), 0);

/**
 * Divides a range by status.
 * @param stretches of one asset, ascending and apart
 * @param maintenance approved windows of the asset, in any order
 * @param nowMs the present; what lies after it is unrecorded
 * Source: the service level definition in docs/api.md, "Availability": maintenance leaves the range before anything is measured.
 */
export const availabilityParts = (
  stretches: readonly StatusStretch[],
  maintenance: readonly TimeRange[],
  range: TimeRange,
  nowMs: EpochMs,
): AvailabilityParts => {
  const known: TimeRange = { fromMs: range.fromMs, toMs: Math.max(range.fromMs, Math.min(range.toMs, nowMs)) };
  const windows = joinRanges(maintenance, known);
  const sums = { up: 0, degraded: 0, down: 0, unknown: 0 };
  let maintenanceMs = 0;
  for (const stretch of stretches) {
    const [cut] = joinRanges([{ fromMs: stretch.fromMs, toMs: stretch.toMs ?? known.toMs }], known);
    if (cut === undefined) continue;
    const excludedMs = overlapMs(cut, windows);
    sums[stretch.status] += cut.toMs - cut.fromMs - excludedMs;
    maintenanceMs += excludedMs;
  }
  const recordedMs = sums.up + sums.degraded + sums.down + sums.unknown + maintenanceMs;
  return {
    upMs: sums.up,
    degradedMs: sums.degraded,
    downMs: sums.down,
    unknownMs: sums.unknown,
    maintenanceMs,
    unrecordedMs: range.toMs - range.fromMs - recordedMs,
  };
};

/** Sum of several assets' parts. */
const sumParts = (all: readonly AvailabilityParts[]): AvailabilityParts => ({
  upMs: all.reduce((sum, parts) => sum + parts.upMs, 0),
  degradedMs: all.reduce((sum, parts) => sum + parts.degradedMs, 0),
  downMs: all.reduce((sum, parts) => sum + parts.downMs, 0),
  unknownMs: all.reduce((sum, parts) => sum + parts.unknownMs, 0),
  maintenanceMs: all.reduce((sum, parts) => sum + parts.maintenanceMs, 0),
  unrecordedMs: all.reduce((sum, parts) => sum + parts.unrecordedMs, 0),
});

/** Below this coverage a figure is not good for an assessment (95 %). */
const coverageMinimum: Ratio = { num: 95n, den: 100n };

/** Windows of each asset that leave the denominator: those known and approved before they began. */
const approvedWindows = (config: EngineConfig): ReadonlyMap<AssetId, readonly TimeRange[]> => {
  const byAsset = new Map<AssetId, TimeRange[]>();
  for (const window of config.maintenance) {
    if (Math.max(window.approvedAtMs, window.createdAtMs) > window.fromMs) continue;
    for (const assetId of window.assetIds) {
      const known = byAsset.get(assetId);
      if (known === undefined) byAsset.set(assetId, [window]);
      else known.push(window);
    }
  }
  return byAsset;
};

/** One asset with how its range divides. */
export interface MeasuredAsset {
  readonly asset: AssetConfig;
  readonly parts: AvailabilityParts;
}

/** Measures assets over a range from spans already read (which must reach over it). */
export const measureAssets = (
  config: EngineConfig,
  assets: readonly AssetConfig[],
  spans: ReadonlyMap<string, readonly StatusStretch[]>,
  range: TimeRange,
  nowMs: EpochMs,
): readonly MeasuredAsset[] => {
  const windows = approvedWindows(config);
  return assets.map((asset) => ({
    asset,
    parts: availabilityParts(spans.get(asset.id) ?? [], windows.get(asset.id) ?? [], range, nowMs),
  }));
};

/** The three shares of a measured range. */
export interface Shares {
  /** Up out of the time whose state is known. */
  readonly observed: Ratio;
  /** Up out of all time: what is unknown counts as not up. */
  readonly strict: Ratio;
  /** Time whose state is known out of all time. */
  readonly coverage: Ratio;
  /** Coverage is at least 95 %. */
  readonly isEnough: boolean;
}

/** Degraded counts as up: it is not downtime. */
export const sharesOf = (parts: AvailabilityParts): Shares => {
  const up = BigInt(parts.upMs + parts.degradedMs);
  const known = up + BigInt(parts.downMs);
  const all = known + BigInt(parts.unknownMs);
  const coverage = { num: known, den: all };
  return {
    observed: { num: up, den: known },
    strict: { num: up, den: all },
    coverage,
    isEnough: all > 0n && compareRatios(coverage, coverageMinimum) >= 0,
  };
};

/** A group's three figures; they answer different questions and are never mixed. */
export interface GroupShares extends Shares {
  readonly parts: AvailabilityParts;
  /** Mean of the assets' observed shares by importance. */
  readonly importanceWeighted: Ratio;
  readonly worst: { readonly assetId: AssetId; readonly observed: Ratio } | null;
}

/** Assets of which nothing is known take no part in the mean and are not the worst. */
export const groupShares = (measured: readonly MeasuredAsset[]): GroupShares => {
  const parts = sumParts(measured.map((item) => item.parts));
  const shares = measured
    .map(({ asset, parts: own }) => ({ assetId: asset.id, weight: asset.importance, ratio: sharesOf(own).observed }))
    .filter(({ ratio }) => ratio.den > 0n);
  const [worst] = shares.toSorted(
    (left, right) => compareRatios(left.ratio, right.ratio) || (left.assetId < right.assetId ? -1 : 1),
  );
  return {
    ...sharesOf(parts),
    parts,
    importanceWeighted: weightedMean(shares),
    worst: worst === undefined ? null : { assetId: worst.assetId, observed: worst.ratio },
  };
};
