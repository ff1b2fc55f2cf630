import type { AssetId } from '@jiwei/shared/ids.ts';
import type { TimeRange } from '@jiwei/shared/time.ts';
import { percentText, type Ratio } from '../engine/ratio.ts';
import type { RecordedSpan, Store } from '../store/port.ts';

/** Subjects asked of the store at once: bounds the statement and the rows held. */
const subjectsPerReadMax = 200;

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

/** A share as the API tells it: ms over ms, and the same in percent. */
export const ratioBody = (ratio: Ratio): { num: number; den: number; percentText: string | null } => ({
  num: Number(ratio.num),
  den: Number(ratio.den),
  percentText: percentText(ratio),
});
