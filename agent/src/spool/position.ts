import type { FramePosition } from '@jiwei/shared/protocol/control.ts';

/** Whether the frame at `position` is one of those up to and including `upTo`; null means none. */
export const isUpTo = (position: FramePosition, upTo: FramePosition | null): boolean =>
  upTo !== null && (position.bootId < upTo.bootId || (position.bootId === upTo.bootId && position.seq <= upTo.seq));

/** The later of two. */
export const laterPosition = (one: FramePosition | null, other: FramePosition | null): FramePosition | null => {
  if (one === null || other === null) return one ?? other;
  return isUpTo(one, other) ? other : one;
};
