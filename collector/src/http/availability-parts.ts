import type { Status } from '@jiwei/shared/status.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';

/**
 * How a range divides for one asset, whole ms; the six parts sum exactly to the range. `maintenanceMs` is time inside approved windows,
 * whatever the status was. `unrecordedMs` is time before the asset was first watched and time that has not yet come.
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
export const joinRanges = (ranges: readonly TimeRange[], bounds: TimeRange): readonly TimeRange[] => {
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
export const sumParts = (all: readonly AvailabilityParts[]): AvailabilityParts => ({
  upMs: all.reduce((sum, parts) => sum + parts.upMs, 0),
  degradedMs: all.reduce((sum, parts) => sum + parts.degradedMs, 0),
  downMs: all.reduce((sum, parts) => sum + parts.downMs, 0),
  unknownMs: all.reduce((sum, parts) => sum + parts.unknownMs, 0),
  maintenanceMs: all.reduce((sum, parts) => sum + parts.maintenanceMs, 0),
  unrecordedMs: all.reduce((sum, parts) => sum + parts.unrecordedMs, 0),
});
