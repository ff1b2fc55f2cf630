import { crc32 } from 'node:zlib';
import { type FramePosition, framePositionSchema, type GapBody, gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { z } from 'zod';
import type { Disk } from './disk.ts';

/** A loss, and the gap frame that tells it where there is one of which the disk may not be sure yet. */
export type NotedLoss = GapBody & { readonly toldBy: FramePosition | null };

/**
 * What would be lost without a word if the process ended now: told by no gap frame that is surely on the disk. It is written over a file that has its room
 * already, so that a full disk takes it. (A file system that copies on writing needs room all the same; there it is kept as well as may be.)
 */
export interface LossNote {
  /** What an earlier run left; empty when it left nothing. */
  read(): readonly NotedLoss[];
  /** Durable when it returns. A disk that does not take even this is no reason to end: then it is kept with the next change. */
  keep(losses: readonly NotedLoss[]): void;
}

/** Of the file in the spool's folder. */
export const lossNoteName = 'lost';
/**
 * The file has its content twice, one page apart, each as CRC-32 of what follows (4, little-endian), bytes of text (4) and JSON. They are
 * written one after the other: a crash, or a byte that turns, leaves one of them whole.
 */
const copyBytes = 4_096;
const textOffset = 8;
const noteSchema = z.array(z.object({ loss: gapBodySchema, toldBy: framePositionSchema.nullable() }));

/** Makes the file where it is not there and the disk has room for it. */
export const openLossNote = (disk: Disk): LossNote => {
  let kept: string | null = null;

  const readCopy = (place: number): readonly NotedLoss[] | null => {
    try {
      const copy = Buffer.from(disk.read(lossNoteName, place * copyBytes, copyBytes));
      const text = copy.subarray(textOffset, textOffset + copy.readUInt32LE(4));
      if (crc32(copy.subarray(4, textOffset + text.length)) !== copy.readUInt32LE(0)) return null;
      return noteSchema.parse(JSON.parse(text.toString('utf8'))).map(({ loss, toldBy }) => ({ ...loss, toldBy }));
    } catch {
      // Not there, cut off, or changed by other hands: the other copy may tell.
      return null;
    }
  };

  const write = (text: string): void => {
    const copy = encodeCopy(text);
    if (!disk.list().includes(lossNoteName)) {
      disk.replace(lossNoteName, Buffer.concat([copy, copy]));
      return;
    }
    for (const place of [0, 1]) disk.overwrite(lossNoteName, place * copyBytes, copy);
  };

  const keep = (losses: readonly NotedLoss[]): void => {
    const text = JSON.stringify(losses.map(({ toldBy, ...loss }) => ({ loss, toldBy })));
    if (text === kept) return;
    try {
      write(text);
      kept = text;
    } catch {
      kept = null;
    }
  };

  return { read: () => readCopy(0) ?? readCopy(1) ?? [], keep };
};

const encodeCopy = (text: string): Buffer => {
  const copy = Buffer.alloc(copyBytes);
  copy.writeUInt32LE(Buffer.byteLength(text), 4);
  copy.write(text, textOffset, 'utf8');
  copy.writeUInt32LE(crc32(copy.subarray(4, textOffset + Buffer.byteLength(text))), 0);
  return copy;
};
