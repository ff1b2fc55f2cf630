import type { GapBody } from '@jiwei/shared/protocol/control.ts';

/** Frames that are lost: how many, of how many bytes, and from when; what a gap frame tells, without the cause. */
export type Loss = Omit<GapBody, 'cause'>;

/** Both together. */
export const addLoss = (one: Loss | null, other: Loss | null): Loss | null => {
  if (one === null || other === null) return one ?? other;
  return {
    fromMs: Math.min(one.fromMs, other.fromMs),
    toMs: Math.max(one.toMs, other.toMs),
    // What a damaged file claims may be more than a message can say.
    frames: Math.min(Number.MAX_SAFE_INTEGER, one.frames + other.frames),
    bytes: Math.min(Number.MAX_SAFE_INTEGER, one.bytes + other.bytes),
  };
};

/** One lost frame of which the time is known. */
export const lossOfFrame = (atMs: number, bytes: number): Loss => ({ fromMs: atMs, toMs: atMs, frames: 1, bytes });

/** The body of a gap frame as its JSON. */
export const gapBody = (loss: Loss, cause: GapBody['cause']): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ ...loss, cause } satisfies GapBody));
