import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { addLoss, type Loss } from './gap.ts';
import { isUpTo } from './position.ts';

/** Frames of one boot that can no longer be read: sequence numbers from first to last, both included. */
export interface LostRange {
  readonly bootId: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

/** Neighbours become one, so that a file that is all damage costs one entry. Mutates the list. */
export const pushLost = (ranges: LostRange[], range: LostRange): void => {
  const last = ranges.at(-1);
  if (last === undefined || last.bootId !== range.bootId || last.lastSeq + 1 !== range.firstSeq) {
    ranges.push(range);
    return;
  }
  ranges[ranges.length - 1] = {
    ...last,
    lastSeq: range.lastSeq,
    fromMs: Math.min(last.fromMs, range.fromMs),
    toMs: Math.max(last.toMs, range.toMs),
    bytes: last.bytes + range.bytes,
  };
};

/** What is to be told of it: frames that the collector had acknowledged are not lost. */
export const lossBeyond = (ranges: readonly LostRange[], acknowledged: FramePosition | null): Loss | null => {
  let loss: Loss | null = null;
  for (const { bootId, firstSeq, lastSeq, fromMs, toMs, bytes } of ranges) {
    if (isUpTo({ bootId, seq: lastSeq }, acknowledged)) continue;
    const isPartly = isUpTo({ bootId, seq: firstSeq }, acknowledged);
    const frames = lastSeq - (isPartly && acknowledged !== null ? acknowledged.seq : firstSeq - 1);
    // Numbers that go back are of no file of ours: they tell nothing.
    if (frames < 1) continue;
    loss = addLoss(loss, { fromMs, toMs, frames, bytes });
  }
  return loss;
};
