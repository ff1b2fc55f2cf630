import { gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { decodeFrame } from '@jiwei/shared/protocol/frame.ts';
import type { Disk } from './disk.ts';
import { addLoss, type Loss, lossOfFrame } from './gap.ts';
import { decodeHead, decodeHeader, headBytes, type RecordHeader, recordHeaderBytes } from './record.ts';
import { createRecordReader } from './record-reader.ts';

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
  /** What its gap frames tell; it must be told again when this segment is dropped unsent. */
  gaps: Loss | null;
}

/** What reading a whole segment file found. */
export interface SegmentScan {
  readonly segment: Segment;
  /** Frames known to be lost by damage within the file, beyond `acknowledged`. */
  readonly loss: Loss | null;
  /** The last acknowledgement noted in the file. */
  readonly acknowledged: { readonly bootId: number; readonly seq: number } | null;
  /** Whether what is readable differs from what is there, other than by a torn tail. */
  readonly isDamaged: boolean;
  /** Bytes after the last whole record of a file that was being written when the agent died. */
  readonly tornBytes: number;
}

const namePattern = /^(\d{12})\.seg$/;
export const segmentName = (index: number): string => `${String(index).padStart(12, '0')}.seg`;
/** @returns null when the name is not a segment's */
export const segmentIndex = (name: string): number | null => {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
};

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
  gaps: null,
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

/** Reads a segment file from end to end in bounded memory. @returns null when not even its head can be read */
export const scanSegment = (disk: Disk, index: number): SegmentScan | null => {
  const name = segmentName(index);
  const fileBytes = disk.sizeBytes(name);
  const bootId = decodeHead(disk.read(name, 0, headBytes));
  if (bootId === null) return null;
  const segment = emptySegment(index, bootId);
  const reader = createRecordReader(disk, name);
  let loss: Loss | null = null;
  let acknowledged: SegmentScan['acknowledged'] = null;
  let isDamaged = false;
  let seriesKnown = 0;
  let offset = headBytes;
  for (;;) {
    const read = reader.readAt(offset, fileBytes);
    if (read.status === 'end' || read.status === 'cut') break;
    offset = read.nextOffset;
    const { header } = read;
    const isFrame = header.type === 'frame' || header.type === 'gap';
    if (read.status === 'damaged' || (isFrame && header.seriesCount > seriesKnown)) {
      isDamaged = true;
      if (isFrame) loss = addLoss(loss, lossOfFrame(header.time, header.payloadBytes));
      continue;
    }
    if (header.type === 'dictionary' && header.number <= seriesKnown) seriesKnown = Math.max(seriesKnown, header.seriesCount);
    if (header.type === 'acknowledged') acknowledged = { bootId: header.number, seq: header.time };
    if (header.type === 'gap') segment.gaps = addLoss(segment.gaps, lossInGap(read.payload));
    if (isFrame) noteFrame(segment, header);
  }
  segment.sizeBytes = offset;
  const end = closingRecord(disk, name, fileBytes);
  // A closed segment says how many frames it had, so that a lost rest can be counted. Its times lie after the last one read.
  const missing = end === null ? 0 : end.time - segment.frames - (loss?.frames ?? 0);
  if (missing > 0) {
    isDamaged = true;
    loss = addLoss(loss, { fromMs: segment.toMs, toMs: segment.toMs, frames: missing, bytes: Math.max(0, fileBytes - offset) });
  }
  return { segment, loss, acknowledged, isDamaged, tornBytes: end === null ? fileBytes - offset : 0 };
};

/** The record that closes a segment stands at its very end. */
const closingRecord = (disk: Disk, name: string, fileBytes: number): RecordHeader | null => {
  if (fileBytes < headBytes + recordHeaderBytes) return null;
  const header = decodeHeader(disk.read(name, fileBytes - recordHeaderBytes, recordHeaderBytes));
  return header?.type === 'end' ? header : null;
};

/** The checksum was right, so this is what we wrote; still it is checked, because a wrong number here would be told to people. */
const lossInGap = (message: Uint8Array): Loss | null => {
  const frame = decodeFrame(message);
  if (frame.kind !== 'gap') return null;
  const body: unknown = JSON.parse(Buffer.from(frame.body).toString('utf8'));
  const { cause: _cause, ...loss } = gapBodySchema.parse(body);
  return loss;
};
