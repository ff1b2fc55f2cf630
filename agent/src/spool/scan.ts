import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { openEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import type { Disk } from './disk.ts';
import { type LostRange, pushLost } from './lost-range.ts';
import { laterPosition } from './position.ts';
import { decodeHead, decodeHeader, headBytes, lossInGap, type RecordHeader, recordHeaderBytes } from './record.ts';
import { createRecordReader, type RecordRead, type RecordReader } from './record-reader.ts';
import {
  emptySegment,
  isFrame,
  isReadable,
  noProgress,
  noteFrame,
  type Progress,
  progressAfter,
  type Segment,
  segmentName,
} from './segment.ts';

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
  /** Whether bytes before the first frame cannot be read, and nothing in the file tells which numbers they were. */
  readonly isHeadUnread: boolean;
  /** Whether what is readable differs from what is there, other than by a torn tail. */
  readonly isDamaged: boolean;
  /** Bytes after the last whole record of a file that was being written when the agent died. */
  readonly tornBytes: number;
}

/** Reads a segment file from end to end in bounded memory. @returns null when nothing in it can be read */
export const scanSegment = (disk: Disk, index: number): SegmentScan | null => {
  const name = segmentName(index);
  const fileBytes = disk.sizeBytes(name);
  const headBootId = decodeHead(disk.read(name, 0, headBytes));
  const bootId = headBootId ?? bootIdOfFirstRecord(createRecordReader(disk, name, null), fileBytes);
  if (bootId === null) return null;
  const reading = createReading(emptySegment(index, bootId));
  reading.isDamaged = headBootId === null;
  const isTorn = readRecords(reading, createRecordReader(disk, name, bootId), fileBytes) === 'torn';
  const end = closingRecord(disk, name, fileBytes);
  const restBytes = reading.holeBytes + fileBytes - reading.offset;
  if (end !== null) judgeClosed(reading, end, restBytes);
  else judgeOpen(reading, isTorn ? reading.holeBytes : restBytes);
  const { segment, lost, firstSeq, acknowledged, setAside, isHeadUnread, isDamaged } = reading;
  segment.sizeBytes = reading.offset;
  return {
    ...{ segment, lost, acknowledged, setAside, isHeadUnread, isDamaged },
    span: firstSeq < 0 ? null : { firstSeq, lastSeq: reading.progress.lastSeq },
    tornBytes: end === null && isTorn ? fileBytes - reading.offset : 0,
  };
};

/** What is known while a file is read; changed by the functions below alone. */
interface Reading {
  readonly segment: Segment;
  readonly lost: LostRange[];
  readonly setAside: FramePosition[];
  acknowledged: FramePosition | null;
  isDamaged: boolean;
  progress: Progress;
  /** Of the first frame of which the number is known; -1 before it. */
  firstSeq: number;
  /** Up to here it was read. */
  offset: number;
  /** Bytes before it that cannot be read, until the next frame tells which numbers stood there. */
  holeBytes: number;
  isHeadUnread: boolean;
}

const createReading = (segment: Segment): Reading => ({
  ...{ segment, lost: [], setAside: [], acknowledged: null, isDamaged: false },
  ...{ progress: noProgress, firstSeq: -1, offset: headBytes, holeBytes: 0, isHeadUnread: false },
});

/** Frames from first to last, if there are any, cannot be read any more. */
const noteLost = ({ lost, segment }: Reading, firstSeq: number, lastSeq: number, toMs: number, bytes: number): void => {
  if (firstSeq > lastSeq) return;
  // When they were is known only from what stands around them; a boot is numbered by when it began.
  const fromMs = segment.frames > 0 ? segment.toMs : segment.bootId;
  pushLost(lost, { bootId: segment.bootId, firstSeq, lastSeq, fromMs, toMs: Math.max(fromMs, toMs), bytes });
};

/** @returns why there is no more: all was read, the last record was never whole, or the rest is no record */
const readRecords = (reading: Reading, reader: RecordReader, fileBytes: number): 'end' | 'torn' | 'lost' => {
  for (;;) {
    const read = reader.readAt(reading.offset, fileBytes);
    if (read.status === 'end' || read.status === 'torn' || read.status === 'lost') return read.status;
    if (read.status === 'unreadable') {
      reading.isDamaged = true;
      reading.holeBytes += read.nextOffset - reading.offset;
    } else takeRecord(reading, read);
    reading.offset = read.nextOffset;
  }
};

const takeRecord = (reading: Reading, read: Extract<RecordRead, { header: RecordHeader }>): void => {
  const { segment, progress: before } = reading;
  const { header } = read;
  if (isFrame(header)) closeHole(reading, header);
  reading.progress = progressAfter(read, before);
  if (isFrame(header) && reading.firstSeq < 0) reading.firstSeq = header.number;
  if (read.status === 'damaged' || !isReadable(header, before)) {
    reading.isDamaged = true;
    // One that is out of order is no number of this file's.
    if (isFrame(header) && header.number > before.lastSeq) {
      const { number, time, payloadBytes } = header;
      pushLost(reading.lost, {
        ...{ bootId: segment.bootId, firstSeq: number, lastSeq: number, fromMs: time, toMs: time, bytes: payloadBytes },
      });
    }
    return;
  }
  // A boot cannot have been told of frames of a later one.
  if (header.type === 'acknowledged' && header.number <= segment.bootId) {
    const position = { bootId: header.number, seq: header.time };
    reading.acknowledged = laterPosition(reading.acknowledged, position);
    if (read.payload.length > 0) reading.setAside.push(position);
  }
  if (header.type === 'gap') {
    const loss = lossInGap(openEnvelope(read.payload).body);
    if (loss !== null) segment.gaps.push({ seq: header.number, loss });
  }
  if (isFrame(header)) noteFrame(segment, header);
};

/** What could not be read before this frame were the frames whose numbers are left out; or none, but a record of another kind. */
const closeHole = (reading: Reading, header: RecordHeader): void => {
  const { lastSeq } = reading.progress;
  if (reading.holeBytes === 0) return;
  if (lastSeq < 0) reading.isHeadUnread = true;
  else noteLost(reading, lastSeq + 1, header.number - 1, header.time, reading.holeBytes);
  reading.holeBytes = 0;
};

/** A closed file says which frames it had, so that what cannot be read at its beginning or end is still counted. */
const judgeClosed = (reading: Reading, end: RecordHeader, restBytes: number): void => {
  const { segment, progress, firstSeq } = reading;
  if (restBytes > 0) reading.isDamaged = true;
  if (end.number < 0) return;
  if (reading.isHeadUnread) noteLost(reading, end.time, firstSeq - 1, segment.fromMs, 0);
  if (restBytes > 0)
    noteLost(reading, progress.lastSeq < 0 ? end.time : progress.lastSeq + 1, end.number, segment.toMs, restBytes);
  reading.isHeadUnread = false;
  reading.firstSeq = end.time;
  reading.progress = { ...progress, lastSeq: end.number };
};

/** Of a file that was being written bytes at the end that are no record are at least one frame, unless they are too few for one. */
const judgeOpen = (reading: Reading, restBytes: number): void => {
  if (restBytes <= acknowledgedBytesMax) return;
  const seq = reading.progress.lastSeq + 1;
  reading.isDamaged = true;
  noteLost(reading, seq, seq, reading.segment.toMs, restBytes);
  reading.progress = { ...reading.progress, lastSeq: seq };
  if (reading.firstSeq < 0) reading.firstSeq = seq;
};
/** The only records that are shorter than any frame. */
const acknowledgedBytesMax = recordHeaderBytes + 1;

/** Every message says which boot it is of, so that a damaged head loses nothing. */
const bootIdOfFirstRecord = (reader: RecordReader, fileBytes: number): number | null => {
  for (let offset = headBytes; ; ) {
    const read = reader.readAt(offset, fileBytes);
    if (read.status === 'end' || read.status === 'torn' || read.status === 'lost') return null;
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
