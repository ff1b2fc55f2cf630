import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { Disk } from './disk.ts';
import type { Loss } from './gap.ts';
import { type LostRange, lossBeyond, pushLost } from './lost-range.ts';
import { laterPosition } from './position.ts';
import type { DamagedSegment } from './repair.ts';
import { type SegmentScan, scanSegment } from './scan.ts';
import { type Segment, segmentIndex, segmentName } from './segment.ts';

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
  readonly damaged: readonly DamagedSegment[];
  readonly acknowledged: FramePosition | null;
  readonly setAside: readonly FramePosition[];
  readonly nextIndex: number;
  readonly report: OpeningReport;
} => {
  const indexes = disk
    .list()
    .map(segmentIndex)
    .filter((index) => index !== null)
    .sort((a, b) => a - b);
  const segments: Segment[] = [];
  const damaged: DamagedSegment[] = [];
  const lost: LostRange[] = [];
  let acknowledged: FramePosition | null = null;
  const setAside: FramePosition[] = [];
  let before: { readonly scan: SegmentScan; readonly repair: DamagedSegment; readonly lastSeq: number } | null = null;
  let tornBytes = 0;
  let unreadableFiles = 0;
  for (const index of indexes) {
    const scan = scanSegment(disk, index);
    if (scan === null) {
      // An empty file is one whose writer died before its first byte.
      if (disk.sizeBytes(segmentName(index)) > 0) unreadableFiles += 1;
      disk.remove(segmentName(index));
      continue;
    }
    segments.push(scan.segment);
    const repair: DamagedSegment = { segment: scan.segment, span: scan.span };
    if (scan.isDamaged) damaged.push(repair);
    acknowledged = laterPosition(acknowledged, scan.acknowledged);
    setAside.push(...scan.setAside);
    tornBytes += scan.tornBytes;
    if (scan.span === null) continue;
    const { bootId, fromMs } = scan.segment;
    if (before !== null && before.scan.segment.bootId === bootId && before.lastSeq + 1 < scan.span.firstSeq) {
      // A file between them is gone, or the one before was cut short and its agent went on in this one.
      const toMs = Math.max(before.scan.segment.toMs, fromMs);
      const range = { bootId, firstSeq: before.lastSeq + 1, lastSeq: scan.span.firstSeq - 1 };
      pushLost(lost, { ...range, fromMs: before.scan.segment.toMs, toMs, bytes: before.scan.tornBytes });
      if (before.repair.span !== null) before.repair.span = { ...before.repair.span, lastSeq: range.lastSeq };
      if (!before.scan.isDamaged) damaged.push(before.repair);
    }
    if (scan.isHeadUnread && scan.span.firstSeq > 0 && before?.scan.segment.bootId !== bootId) {
      // No file before it tells how many: that it was one is most likely.
      const seq = scan.span.firstSeq - 1;
      pushLost(lost, { bootId, firstSeq: seq, lastSeq: seq, fromMs, toMs: fromMs, bytes: 0 });
    }
    for (const range of scan.lost) pushLost(lost, range);
    before = { scan, repair, lastSeq: scan.span.lastSeq };
  }
  return {
    segments,
    damaged,
    acknowledged,
    setAside,
    nextIndex: (indexes.at(-1) ?? 0) + 1,
    report: {
      segments: segments.length,
      frames: segments.reduce((sum, segment) => sum + segment.frames, 0),
      tornBytes,
      unreadableFiles,
      loss: lossBeyond(lost, acknowledged),
    },
  };
};
