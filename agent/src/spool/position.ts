import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { Segment } from './segment.ts';

/** Whether the frame at `position` is one of those up to and including `upTo`; null means none. */
export const isUpTo = (position: FramePosition, upTo: FramePosition | null): boolean =>
  upTo !== null && (position.bootId < upTo.bootId || (position.bootId === upTo.bootId && position.seq <= upTo.seq));

/** The later of two. */
export const laterPosition = (one: FramePosition | null, other: FramePosition | null): FramePosition | null => {
  if (one === null || other === null) return one ?? other;
  return isUpTo(one, other) ? other : one;
};

/** Frames of a segment that come after `upTo`. */
export const framesAfter = (segment: Segment, upTo: FramePosition | null): number => {
  if (segment.frames === 0 || isUpTo({ bootId: segment.bootId, seq: segment.lastSeq }, upTo)) return 0;
  if (upTo === null || !isUpTo({ bootId: segment.bootId, seq: segment.firstSeq }, upTo)) return segment.frames;
  return Math.min(segment.frames, segment.lastSeq - upTo.seq);
};
