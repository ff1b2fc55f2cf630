import { AppError } from '@jiwei/shared/errors.ts';
import { type FramePosition, gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { openEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import { decodeFrame } from '@jiwei/shared/protocol/frame.ts';
import type { Disk } from './disk.ts';
import type { Loss } from './gap.ts';
import { type LostRange, pushLost } from './lost-range.ts';
import { isUpTo } from './position.ts';
import { decodeHead, decodeHeader, headBytes, type RecordHeader, recordHeaderBytes } from './record.ts';
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
  const reader = createRecordReader(disk, name);
  const headBootId = decodeHead(disk.read(name, 0, headBytes));
  const bootId = headBootId ?? bootIdOfFirstRecord(reader, fileBytes);
  if (bootId === null) return null;
  const segment = emptySegment(index, bootId);
  const lost: LostRange[] = [];
  const noteLost = (firstSeq: number, lastSeq: number, fromMs: number, toMs: number, bytes: number): void =>
    pushLost(lost, { bootId, firstSeq, lastSeq, fromMs, toMs, bytes });
  let acknowledged: FramePosition | null = null;
  let isDamaged = headBootId === null;
  let seriesKnown = 0;
  let firstSeq = -1;
  let lastSeq = -1;
  let offset = headBytes;
  for (;;) {
    const read = reader.readAt(offset, fileBytes);
    if (read.status === 'end' || read.status === 'cut') break;
    offset = read.nextOffset;
    const { header } = read;
    if (isFrame(header)) {
      if (firstSeq < 0) firstSeq = header.number;
      lastSeq = header.number;
    }
    if (read.status === 'damaged' || !isReadable(header, seriesKnown)) {
      isDamaged = true;
      if (isFrame(header)) noteLost(header.number, header.number, header.time, header.time, header.payloadBytes);
      continue;
    }
    seriesKnown = seriesKnownAfter(header, seriesKnown);
    if (header.type === 'acknowledged') acknowledged = { bootId: header.number, seq: header.time };
    if (header.type === 'gap') segment.gaps.push({ seq: header.number, loss: lossInGap(read.payload) });
    if (isFrame(header)) noteFrame(segment, header);
  }
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
  return { segment, lost, span, acknowledged, isDamaged, tornBytes: end === null ? fileBytes - offset : 0 };
};

/** Whether a record carries a frame. */
export const isFrame = (header: Pick<RecordHeader, 'type'>): boolean => header.type === 'frame' || header.type === 'gap';

/** Samples whose dictionary was lost are numbers without names, and a dictionary after a hole would name the wrong ones. */
export const isReadable = (header: RecordHeader, seriesKnown: number): boolean =>
  header.type === 'dictionary' ? header.number <= seriesKnown : header.seriesCount <= seriesKnown;

/** Series of its boot that a segment has named up to and including a readable record. */
export const seriesKnownAfter = (header: RecordHeader, seriesKnown: number): number =>
  header.type === 'dictionary' ? Math.max(seriesKnown, header.seriesCount) : seriesKnown;

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

/** The checksum was right, so this is what we wrote; still it is checked, because a wrong number here would be told to people. */
const lossInGap = (message: Uint8Array): Loss => {
  const frame = decodeFrame(message);
  if (frame.kind !== 'gap') throw new AppError('SPOOL_CORRUPT', `a record marked as a gap holds a frame of kind ${frame.kind}`);
  const body: unknown = JSON.parse(Buffer.from(frame.body).toString('utf8'));
  const { cause: _cause, ...loss } = gapBodySchema.parse(body);
  return loss;
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
