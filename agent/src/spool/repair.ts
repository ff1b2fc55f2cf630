import type { Disk } from './disk.ts';
import { encodeHead, headBytes } from './record.ts';
import { createRecordReader } from './record-reader.ts';
import type { Segment } from './segment.ts';

/**
 * Writes a damaged segment anew with the records that can be read, so that its damage is found, and told, only once.
 * @returns the bytes of the new file
 */
export const repairSegment = (disk: Disk, segment: Segment): number => {
  const reader = createRecordReader(disk, segment.name);
  const parts: Uint8Array[] = [encodeHead(segment.bootId)];
  let seriesKnown = 0;
  for (let offset = headBytes; ; ) {
    const read = reader.readAt(offset, segment.sizeBytes);
    if (read.status === 'end' || read.status === 'cut') break;
    const from = offset;
    offset = read.nextOffset;
    if (
      read.status === 'damaged' ||
      read.header.type === 'end' ||
      read.header.seriesCount > knownAfter(read.header, seriesKnown)
    ) {
      continue;
    }
    seriesKnown = Math.max(seriesKnown, knownAfter(read.header, seriesKnown));
    parts.push(disk.read(segment.name, from, read.nextOffset - from));
  }
  const bytes = Buffer.concat(parts);
  disk.replace(segment.name, bytes);
  return bytes.length;
};

const knownAfter = (header: { type: string; number: number; seriesCount: number }, seriesKnown: number): number =>
  header.type === 'dictionary' && header.number <= seriesKnown ? Math.max(seriesKnown, header.seriesCount) : seriesKnown;
