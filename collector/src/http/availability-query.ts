import type { AssetId } from '@jiwei/shared/ids.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import type { AssetConfig, EngineConfig } from '../engine/config.ts';
import type { RecordedSpan, Store } from '../store/port.ts';
import { type AvailabilityParts, availabilityParts, sumParts } from './availability-parts.ts';
import { compareRatios, percentText, type Ratio, weightedMean } from './ratio.ts';

/** Subjects asked of the store at once: bounds the statement and the rows held. */
const subjectsPerReadMax = 200;

/** Below this coverage a figure is not good for an assessment (95 %). */
const coverageMinimum: Ratio = { num: 95n, den: 100n };

/** Spans of the assets that touch the range, by asset. */
export const assetSpans = async (
  store: Store,
  assetIds: readonly AssetId[],
  range: TimeRange,
): Promise<ReadonlyMap<string, readonly RecordedSpan[]>> => {
  const byAsset = new Map<string, RecordedSpan[]>();
  for (let from = 0; from < assetIds.length; from += subjectsPerReadMax) {
    const subjects = assetIds.slice(from, from + subjectsPerReadMax).map((id) => ({ kind: 'asset' as const, id }));
    for (const span of await store.spans(subjects, range)) {
      const known = byAsset.get(span.subject.id);
      if (known === undefined) byAsset.set(span.subject.id, [span]);
      else known.push(span);
    }
  }
  return byAsset;
};

/** Windows of each asset that leave the denominator: those approved before they began. */
const approvedWindows = (config: EngineConfig): ReadonlyMap<AssetId, readonly TimeRange[]> => {
  const byAsset = new Map<AssetId, TimeRange[]>();
  for (const window of config.maintenance) {
    if (window.approvedAtMs > window.fromMs) continue;
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
  spans: ReadonlyMap<string, readonly RecordedSpan[]>,
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

/** A share as the API tells it: ms over ms, and the same in percent. */
export const ratioBody = (ratio: Ratio): { num: number; den: number; percentText: string | null } => ({
  num: Number(ratio.num),
  den: Number(ratio.den),
  percentText: percentText(ratio),
});
