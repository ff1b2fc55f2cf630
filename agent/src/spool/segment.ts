import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { Loss } from './gap.ts';
import { isUpTo } from './position.ts';
import { headBytes, type RecordHeader } from './record.ts';

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
