import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { Disk } from './disk.ts';
import { addLoss, type Loss } from './gap.ts';
import { isUpTo, laterPosition } from './position.ts';
import { type Segment, scanSegment, segmentIndex, segmentName } from './segment.ts';

/** What opening the spool found, for the log. */
export interface OpeningReport {
  readonly segments: number;
  readonly frames: number;
  /** Bytes at the end of files that were being written when the agent died: never complete, so not counted as loss. */
  readonly tornBytes: number;
  /** Files whose very head was unreadable; they were removed. */
  readonly unreadableFiles: number;
  /** Frames lost by damage, as they are told to the collector. */
  readonly loss: Loss | null;
}

/** Reads every segment once. Files that hold nothing any more are removed. */
export const recoverSegments = (
  disk: Disk,
): {
  readonly segments: readonly Segment[];
  readonly damaged: readonly Segment[];
  readonly acknowledged: FramePosition | null;
  readonly nextIndex: number;
  readonly report: OpeningReport;
} => {
  const indexes = disk
    .list()
    .map(segmentIndex)
    .filter((index) => index !== null)
    .sort((a, b) => a - b);
  const segments: Segment[] = [];
  const damaged: Segment[] = [];
  let acknowledged: FramePosition | null = null;
  let loss: Loss | null = null;
  let tornBytes = 0;
  let unreadableFiles = 0;
  for (const index of indexes) {
    const scan = scanSegment(disk, index);
    if (scan === null) {
      disk.remove(segmentName(index));
      unreadableFiles += 1;
      continue;
    }
    segments.push(scan.segment);
    if (scan.isDamaged) damaged.push(scan.segment);
    acknowledged = laterPosition(acknowledged, scan.acknowledged);
    tornBytes += scan.tornBytes;
    loss = addLoss(loss, scan.loss);
  }
  loss = addLoss(loss, lossBetween(segments, loss?.frames ?? 0));
  const isAllAcknowledged = segments.every(
    (segment) => segment.frames === 0 || isUpTo({ bootId: segment.bootId, seq: segment.lastSeq }, acknowledged),
  );
  return {
    segments,
    damaged,
    acknowledged,
    nextIndex: (indexes.at(-1) ?? 0) + 1,
    report: {
      segments: segments.length,
      frames: segments.reduce((sum, segment) => sum + segment.frames, 0),
      tornBytes,
      unreadableFiles,
      // Damage in frames that the collector has is no loss.
      loss: isAllAcknowledged && unreadableFiles === 0 ? null : loss,
    },
  };
};

/**
 * Frames missing between neighbours of one boot, beyond those already found within the files: a file that was cut short or removed.
 */
const lossBetween = (segments: readonly Segment[], lossAlreadyFound: number): Loss | null => {
  let loss: Loss | null = null;
  let before: Segment | null = null;
  for (const segment of segments) {
    if (segment.frames === 0) continue;
    if (before !== null && before.bootId === segment.bootId) {
      const missing = segment.firstSeq - before.lastSeq - 1 - lossAlreadyFound;
      if (missing > 0) loss = addLoss(loss, { fromMs: before.toMs, toMs: segment.fromMs, frames: missing, bytes: 0 });
    }
    before = segment;
  }
  return loss;
};
