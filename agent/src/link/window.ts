import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { isUpTo } from '../spool/position.ts';

/** What may be on the way unacknowledged; the count may change meanwhile. */
export interface SendBounds {
  readonly framesMax: () => number;
  readonly bytesMax: number;
}

/** One frame on the way. `atMs`: time of its data. */
export interface SentFrame {
  readonly position: FramePosition;
  readonly frameBytes: number;
  readonly atMs: number;
}

/** Frames sent and not yet acknowledged on one connection. */
export interface SendWindow {
  /** Whether a frame of this size may be sent now. One that is larger than the whole window goes alone. */
  hasRoom(frameBytes: number): boolean;
  add(position: FramePosition, frameBytes: number, atMs: number): void;
  /** The first frame that was not released, or null. */
  oldest(): SentFrame | null;
  /** Takes out everything up to a position. @returns how many frames that were */
  release(upTo: FramePosition): number;
  readonly frames: number;
  readonly bytes: number;
}

/** @param bounds as the collector told them in its welcome */
export const createSendWindow = (bounds: SendBounds): SendWindow => {
  /** In the order of sending, which is that of positions. Bounded by `framesMax`, so that taking from the front is cheap. */
  const sent: SentFrame[] = [];
  let bytes = 0;
  return {
    hasRoom: (frameBytes) => sent.length === 0 || (sent.length < bounds.framesMax() && bytes + frameBytes <= bounds.bytesMax),
    oldest: () => sent[0] ?? null,
    add: (position, frameBytes, atMs) => {
      sent.push({ position, frameBytes, atMs });
      bytes += frameBytes;
    },
    release: (upTo) => {
      let released = 0;
      for (const { position, frameBytes } of sent) {
        if (!isUpTo(position, upTo)) break;
        released += 1;
        bytes -= frameBytes;
      }
      sent.splice(0, released);
      return released;
    },
    get frames() {
      return sent.length;
    },
    get bytes() {
      return bytes;
    },
  };
};
