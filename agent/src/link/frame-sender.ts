import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import type { SpoolItem, SpoolReader } from '../spool/spool-reader.ts';
import type { Transport } from './transport.ts';
import { createSendWindow, type SendBounds, type SentFrame } from './window.ts';

/** Bytes that the network has not yet taken; past it nothing is read from the spool. Dictionaries are in no window, only in this. */
const unsentBytesMax = 1024 * 1024;

/** Sends the frames of the spool over one connection, as fast as the collector acknowledges them. */
export interface FrameSender {
  /** Sends what may be sent now. */
  pump(): void;
  acknowledged(position: FramePosition): void;
  /** The first frame that was sent and not acknowledged, or null. */
  oldest(): SentFrame | null;
  /** Whether everything read so far was sent and acknowledged. */
  isIdle(): boolean;
}

/** A sender for one connection: it ends with it. */
export const createFrameSender = (options: {
  readonly transport: Transport;
  readonly reader: SpoolReader;
  readonly bounds: SendBounds;
}): FrameSender => {
  const { transport, reader } = options;
  const window = createSendWindow(options.bounds);
  /** Series named on this connection, of the boot read last: boots come in order and never again. */
  let named = { bootId: -1, seriesCount: 0 };
  /** Read, but there was no room for it yet. */
  let held: SpoolItem | null = null;

  /** @returns false when it must wait */
  const send = (item: SpoolItem): boolean => {
    if (item.kind === 'dictionary') {
      const knownCount = named.bootId === item.bootId ? named.seriesCount : 0;
      // Each file of the spool names its series anew; what this connection was told already is left out.
      if (item.seriesCount <= knownCount) return true;
      named = { bootId: item.bootId, seriesCount: item.seriesCount };
    } else {
      if (!window.hasRoom(item.message.length)) return false;
      window.add(item.position, item.message.length, item.atMs);
    }
    transport.sendBinary(item.message);
    return true;
  };

  return {
    pump: () => {
      while (transport.unsentBytes() <= unsentBytesMax) {
        const item = held ?? reader.next();
        if (item === null) return;
        held = send(item) ? null : item;
        if (held !== null) return;
      }
    },
    acknowledged: (position) => {
      window.release(position);
    },
    oldest: window.oldest,
    isIdle: () => held === null && window.frames === 0,
  };
};
