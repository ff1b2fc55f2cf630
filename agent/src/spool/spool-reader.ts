import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { type Loss, lossOfFrame } from './gap.ts';
import { isUpTo } from './position.ts';
import { headBytes, type RecordHeader } from './record.ts';
import { createRecordReader, type RecordRead, type RecordReader } from './record-reader.ts';
import { isFrame, isReadable, noProgress, type Progress, progressAfter, type Segment } from './segment.ts';
import type { WrittenRecord } from './segment-writer.ts';
import type { SpoolFiles } from './spool-files.ts';

/** A message as it goes to the collector. A dictionary names the series [0, seriesCount) of its boot together with those before it. */
export type SpoolItem =
  | { readonly kind: 'dictionary'; readonly bootId: number; readonly seriesCount: number; readonly message: Uint8Array }
  | { readonly kind: 'frame'; readonly position: FramePosition; readonly atMs: number; readonly message: Uint8Array };

/** A place in the spool that moves forward. */
export interface SpoolReader {
  /** The next message, or null when everything written so far was read; more may come later. Each `message` is good until used. */
  next(): SpoolItem | null;
}

interface ReaderOptions {
  readonly files: SpoolFiles;
  /** Oldest first; changes while we read: files are appended to, added, and removed. */
  readonly segments: readonly Segment[];
  readonly after: FramePosition | null;
  /** Frames not to be offered again. */
  readonly isSetAside: (position: FramePosition) => boolean;
  readonly isAcknowledged: (position: FramePosition) => boolean;
  readonly onLoss: (loss: Loss) => void;
  /** The last record that was written, while it is at hand: with a live link it is the next to be read. */
  readonly lastWritten: () => WrittenRecord | null;
}

/** A reader that begins at the first frame after a position. */
export const createSpoolReader = (options: ReaderOptions): SpoolReader => {
  let place: { readonly segment: Segment; readonly records: RecordReader; offset: number } | null = null;
  let progress: Progress = noProgress;
  /** Bytes before here cannot be read: which frames they were shows with the next one. */
  let hasHole = false;

  const segmentAfter = (index: number): Segment | undefined => options.segments.find((segment) => segment.index > index);

  const enter = (segment: Segment | undefined): boolean => {
    if (segment === undefined) return false;
    place = { segment, records: createRecordReader(options.files, segment.name, segment.bootId), offset: headBytes };
    progress = { seriesKnown: 0, lastSeq: segment.firstSeq - 1 };
    return true;
  };

  const read = (): RecordRead => {
    if (place === null || !options.segments.includes(place.segment)) return { status: 'end' };
    const written = options.lastWritten();
    if (written?.segment === place.segment && written.offset === place.offset) place.records.offer(place.offset, written.bytes);
    try {
      return place.records.readAt(place.offset, place.segment.sizeBytes);
    } catch {
      // A disk that does not give the bytes back has lost them, as much as one that gives back others.
      return { status: 'lost' };
    }
  };

  /** What was whole when the spool was opened, or was written since, and no longer is. */
  const noteLoss = (segment: Segment, fromSeq: number, toSeq: number, header: RecordHeader | null): void => {
    // Acknowledged are those up to some number: halving finds it, however far apart the numbers of a damaged file are.
    let [low, high] = [fromSeq, toSeq + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (options.isAcknowledged({ bootId: segment.bootId, seq: middle })) low = middle + 1;
      else high = middle;
    }
    const frames = toSeq + 1 - low;
    if (frames <= 0) return;
    const one =
      header === null ? { fromMs: segment.fromMs, toMs: segment.toMs, bytes: 0 } : lossOfFrame(header.time, header.payloadBytes);
    options.onLoss({ ...one, frames });
  };

  const itemOf = (segment: Segment, header: RecordHeader, message: Uint8Array): SpoolItem | null => {
    const { bootId } = segment;
    if (header.type === 'dictionary') return { kind: 'dictionary', bootId, seriesCount: header.seriesCount, message };
    if (!isFrame(header)) return null;
    const position = { bootId, seq: header.number };
    if (isUpTo(position, options.after) || options.isSetAside(position)) return null;
    return { kind: 'frame', position, atMs: header.time, message };
  };

  return {
    next: () => {
      for (;;) {
        if (place === null && !enter(options.segments[0])) return null;
        if (place === null) return null;
        const { segment } = place;
        const found = read();
        if (found.status === 'end') {
          if (hasHole) noteLoss(segment, progress.lastSeq + 1, segment.lastSeq, null);
          hasHole = false;
          // Only the newest is still written; in all others the end is the end.
          if (!enter(segmentAfter(segment.index))) return null;
          continue;
        }
        if (found.status === 'unreadable') {
          hasHole = true;
          place.offset = found.nextOffset;
          continue;
        }
        if (found.status === 'torn' || found.status === 'lost') {
          noteLoss(segment, progress.lastSeq + 1, segment.lastSeq, null);
          progress = { ...progress, lastSeq: segment.lastSeq };
          place.offset = segment.sizeBytes;
          continue;
        }
        place.offset = found.nextOffset;
        const { header } = found;
        if (hasHole && isFrame(header)) {
          noteLoss(segment, progress.lastSeq + 1, header.number - 1, null);
          hasHole = false;
        }
        const before = progress;
        progress = progressAfter(found, before);
        if (found.status === 'damaged' || !isReadable(header, before)) {
          if (isFrame(header)) noteLoss(segment, header.number, header.number, header);
          continue;
        }
        const item = itemOf(segment, found.header, found.payload);
        if (item !== null) return item;
      }
    },
  };
};
