import type { Disk } from './disk.ts';
import { encodeHead, headBytes } from './record.ts';
import { createRecordReader } from './record-reader.ts';
import { isReadable, noProgress, progressAfter, type Segment } from './segment.ts';
import { endRecord } from './segment-writer.ts';

/** A segment that must be written anew, and the frames that were in it or are missing after it. */
export interface DamagedSegment {
  readonly segment: Segment;
  span: { readonly firstSeq: number; readonly lastSeq: number } | null;
}

/**
 * Writes a damaged segment anew with the records that can be read. Its closing record still tells what it had, so that the damage is found,
 * and told, only once.
 * @returns the bytes of the new file
 */
export const repairSegment = (disk: Disk, { segment, span }: DamagedSegment): number => {
  const reader = createRecordReader(disk, segment.name, segment.bootId);
  const parts: Uint8Array[] = [encodeHead(segment.bootId)];
  let progress = noProgress;
  for (let offset = headBytes; ; ) {
    const read = reader.readAt(offset, segment.sizeBytes);
    if (read.status === 'end' || read.status === 'torn' || read.status === 'lost') break;
    const from = offset;
    offset = read.nextOffset;
    if (read.status === 'unreadable') continue;
    const before = progress;
    progress = progressAfter(read, before);
    if (read.status === 'damaged' || read.header.type === 'end' || !isReadable(read.header, before)) continue;
    parts.push(disk.read(segment.name, from, offset - from));
  }
  parts.push(endRecord(span));
  const bytes = Buffer.concat(parts);
  disk.replace(segment.name, bytes);
  return bytes.length;
};
