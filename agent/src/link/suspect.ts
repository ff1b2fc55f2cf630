import type { FramePosition } from '@jiwei/shared/protocol/control.ts';

/** Refusals after which a frame is given up: one may be a mistake of the other side, and an update of it may come. */
export const suspectRefusalsMax = 3;

/** The frame the collector may be refusing, and how often it was the first unacknowledged one when a refusal came. */
export interface Suspect {
  readonly position: FramePosition;
  readonly refusals: number;
}

/**
 * Who is suspected after a refusal "never with this data".
 * @param position of the first unacknowledged frame, or null when there was none: then it was not about a frame
 */
export const suspectAfter = (suspect: Suspect | null, position: FramePosition | null): Suspect | null => {
  if (position === null) return null;
  const isSame = suspect !== null && suspect.position.bootId === position.bootId && suspect.position.seq === position.seq;
  return { position, refusals: isSame ? suspect.refusals + 1 : 1 };
};
