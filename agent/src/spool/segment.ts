import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { openEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import type { Disk } from './disk.ts';
import type { Loss } from './gap.ts';
import { type LostRange, pushLost } from './lost-range.ts';
import { isUpTo, laterPosition } from './position.ts';
import { decodeHead, decodeHeader, headBytes, lossInGap, type RecordHeader, recordHeaderBytes } from './record.ts';
import { createRecordReader, type RecordReader } from './record-reader.ts';

/** What memory holds of one segment file. The writer changes its own while it appends; a segment found on disk stays as it was read. */
export interface Segment {
  readonly index: number;
  readonly name: string;
  readonly bootId: number;
  /** Bytes of the file that can be read: up to the last whole record. */
  sizeBytes: number;
  /** Of the frames in it; -1 when there is none. */
  firstSeq: number;
  lastSeq: number;
  frames: number;
  frameBytes: number;
  fromMs: number;
  toMs: number;
  /** Its gap frames and what they tell: that must be told again when this segment is dropped unsent. */
  readonly gaps: { readonly seq: number; readonly loss: Loss }[];
}

/** What reading a whole segment file found. */
export interface SegmentScan {
  readonly segment: Segment;
  /** Frames that were in the file and cannot be read any more. */
  readonly lost: readonly LostRange[];
  /** Numbers of all its frames, lost ones included; null when there is none. */
  readonly span: { readonly firstSeq: number; readonly lastSeq: number } | null;
  /** The last acknowledgement noted in the file. */
  readonly acknowledged: FramePosition | null;
  /** Frames that were given up. */
  readonly setAside: readonly FramePosition[];
  /** Whether what is readable differs from what is there, other than by a torn tail. */
  readonly isDamaged: boolean;
  /** Bytes after the last whole record of a file that was being written when the agent died. */
  readonly tornBytes: number;
}

const namePattern = /^(\d{12})\.seg$/;
/** Name of the file with this index; names sort as indexes do. */
export const segmentName = (index: number): string => `${String(index).padStart(12, '0')}.seg`;
/** @returns null when the name is not a segment's */
export const segmentIndex = (name: string): number | null => {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** A segment that has its head and no record yet. */
export const emptySegment = (index: number, bootId: number): Segment => ({
  index,
  name: segmentName(index),
  bootId,
  sizeBytes: headBytes,
  firstSeq: -1,
  lastSeq: -1,
  frames: 0,
  frameBytes: 0,
  fromMs: 0,
  toMs: 0,
  gaps: [],
});

/** Counts a frame that stands in the segment. */
export const noteFrame = (segment: Segment, header: Pick<RecordHeader, 'number' | 'time' | 'payloadBytes'>): void => {
  if (segment.frames === 0) segment.firstSeq = header.number;
  segment.fromMs = segment.frames === 0 ? header.time : Math.min(segment.fromMs, header.time);
  segment.toMs = segment.frames === 0 ? header.time : Math.max(segment.toMs, header.time);
  segment.lastSeq = header.number;
  segment.frames += 1;
  segment.frameBytes += header.payloadBytes;
};

/** Reads a segment file from end to end in bounded memory. @returns null when nothing in it can be read */
export const scanSegment = (disk: Disk, index: number): SegmentScan | null => {
  const name = segmentName(index);
  const fileBytes = disk.sizeBytes(name);
  const headBootId = decodeHead(disk.read(name, 0, headBytes));
  const bootId = headBootId ?? bootIdOfFirstRecord(createRecordReader(disk, name, null), fileBytes);
  if (bootId === null) return null;
  const reader = createRecordReader(disk, name, bootId);
  const segment = emptySegment(index, bootId);
  const lost: LostRange[] = [];
  const noteLost = (firstSeq: number, lastSeq: number, fromMs: number, toMs: number, bytes: number): void =>
    pushLost(lost, { bootId, firstSeq, lastSeq, fromMs, toMs, bytes });
  let acknowledged: FramePosition | null = null;
  const setAside: FramePosition[] = [];
  let isDamaged = headBootId === null;
  let progress = noProgress;
  let firstSeq = -1;
  let offset = headBytes;
  for (;;) {
    const read = reader.readAt(offset, fileBytes);
    if (read.status === 'end' || read.status === 'cut') break;
    offset = read.nextOffset;
    const { header } = read;
    const before = progress;
    progress = progressAfter(read, before);
    if (isFrame(header) && firstSeq < 0) firstSeq = header.number;
    if (read.status === 'damaged' || !isReadable(header, before)) {
      isDamaged = true;
      // One that is out of order is no number of this file's.
      if (isFrame(header) && header.number > before.lastSeq)
        noteLost(header.number, header.number, header.time, header.time, header.payloadBytes);
      continue;
    }
    // A boot cannot have been told of frames of a later one.
    if (header.type === 'acknowledged' && header.number <= bootId) {
      const position = { bootId: header.number, seq: header.time };
      acknowledged = laterPosition(acknowledged, position);
      if (read.payload.length > 0) setAside.push(position);
    }
    if (header.type === 'gap') {
      const loss = lossInGap(openEnvelope(read.payload).body);
      if (loss !== null) segment.gaps.push({ seq: header.number, loss });
    }
    if (isFrame(header)) noteFrame(segment, header);
  }
  let { lastSeq } = progress;
  segment.sizeBytes = offset;
  const end = closingRecord(disk, name, fileBytes);
  if (end !== null && end.number >= 0) {
    // A closed segment says what it had, so that a rest that cannot be read is still counted. When that was is known only from where on.
    const missingFrom = lastSeq < 0 ? end.time : lastSeq + 1;
    if (offset < fileBytes && missingFrom <= end.number) {
      noteLost(missingFrom, end.number, segment.toMs, segment.toMs, fileBytes - offset);
    }
    firstSeq = end.time;
    lastSeq = end.number;
  }
  if (end !== null && offset < fileBytes) isDamaged = true;
  const span = firstSeq < 0 ? null : { firstSeq, lastSeq };
  return { segment, lost, span, acknowledged, setAside, isDamaged, tornBytes: end === null ? fileBytes - offset : 0 };
};

/** Whether a record carries a frame. */
export const isFrame = (header: Pick<RecordHeader, 'type'>): boolean => header.type === 'frame' || header.type === 'gap';

/** How far the reading of a segment has come: series of its boot that it has named, and the number of its last frame. */
export interface Progress {
  readonly seriesKnown: number;
  readonly lastSeq: number;
}
export const noProgress: Progress = { seriesKnown: 0, lastSeq: -1 };

/**
 * Whether a record can be used after what stands before it. Samples whose dictionary was lost are numbers without names, and a dictionary
 * after a hole would name the wrong ones; frames of a boot ascend.
 */
export const isReadable = (header: RecordHeader, { seriesKnown, lastSeq }: Progress): boolean => {
  if (header.type === 'dictionary') return header.number <= seriesKnown;
  return header.seriesCount <= seriesKnown && (!isFrame(header) || header.number > lastSeq);
};

/** What is known after a record; the number of a frame also when the frame itself is damaged. */
export const progressAfter = (
  { status, header }: { readonly status: 'record' | 'damaged'; readonly header: RecordHeader },
  before: Progress,
): Progress => {
  if (isFrame(header)) return { ...before, lastSeq: Math.max(before.lastSeq, header.number) };
  const isNamed = header.type === 'dictionary' && status === 'record' && isReadable(header, before);
  return isNamed ? { ...before, seriesKnown: Math.max(before.seriesKnown, header.seriesCount) } : before;
};

/** Every message says which boot it is of, so that a damaged head loses nothing. */
const bootIdOfFirstRecord = (reader: RecordReader, fileBytes: number): number | null => {
  for (let offset = headBytes; ; ) {
    const read = reader.readAt(offset, fileBytes);
    if (read.status === 'end' || read.status === 'cut') return null;
    if (read.status === 'record' && (isFrame(read.header) || read.header.type === 'dictionary')) {
      return openEnvelope(read.payload).bootId;
    }
    offset = read.nextOffset;
  }
};

/** The record that closes a segment stands at its very end. */
const closingRecord = (disk: Disk, name: string, fileBytes: number): RecordHeader | null => {
  if (fileBytes < headBytes + recordHeaderBytes) return null;
  const header = decodeHeader(disk.read(name, fileBytes - recordHeaderBytes, recordHeaderBytes));
  return header?.type === 'end' ? header : null;
};

/** Frames of a segment that come after `upTo`. */
export const framesAfter = (segment: Segment, upTo: FramePosition | null): number => {
  if (segment.frames === 0 || isUpTo({ bootId: segment.bootId, seq: segment.lastSeq }, upTo)) return 0;
  if (upTo === null || !isUpTo({ bootId: segment.bootId, seq: segment.firstSeq }, upTo)) return segment.frames;
  return Math.min(segment.frames, segment.lastSeq - upTo.seq);
};

/** What would be lost with a segment: its own frames after `upTo`, and what its gap frames among them tell of others. */
export const lossOfSegment = (
  segment: Segment,
  upTo: FramePosition | null,
): { readonly own: Loss | null; readonly told: readonly Loss[] } => {
  const unsent = framesAfter(segment, upTo);
  const gaps = segment.gaps.filter(({ seq }) => !isUpTo({ bootId: segment.bootId, seq }, upTo));
  const frames = unsent - gaps.length;
  const bytes = Math.round((segment.frameBytes * unsent) / Math.max(1, segment.frames));
  const own = frames > 0 ? { fromMs: segment.fromMs, toMs: segment.toMs, frames, bytes } : null;
  return { own, told: gaps.map(({ loss }) => loss) };
};
