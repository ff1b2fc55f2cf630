import { crc32 } from 'node:zlib';
import type { Disk } from './disk.ts';
import { decodeHeader, isMessageOf, mayBeHeader, type RecordHeader, recordHeaderBytes } from './record.ts';

/**
 * What stands at an offset of a segment. `damaged`: what the header tells is known, the rest is not. `unreadable`: nothing is known up to the next
 * header that is whole. `torn`: a record that was never whole. `lost`: nothing is known up to the end.
 */
export type RecordRead =
  | { readonly status: 'record'; readonly header: RecordHeader; readonly payload: Uint8Array; readonly nextOffset: number }
  | { readonly status: 'damaged'; readonly header: RecordHeader; readonly nextOffset: number }
  | { readonly status: 'unreadable'; readonly nextOffset: number }
  | { readonly status: 'end' }
  | { readonly status: 'torn' }
  | { readonly status: 'lost' };

/** Read at once: some hundred small records per call of the system, yet little memory. */
const windowBytes = 64 * 1024;

/** Reads the records of one segment file in order, through a window of bounded size. */
export interface RecordReader {
  /** @param sizeBytes where the file ends by now */
  readAt(offset: number, sizeBytes: number): RecordRead;
  /** Bytes that were just written at this offset need not be read back from the file. */
  offer(offset: number, bytes: Uint8Array): void;
}

/**
 * A reader of one file; it keeps no descriptor open.
 * @param bootId of the file; null while it is not known
 */
export const createRecordReader = (disk: Pick<Disk, 'read'>, name: string, bootId: number | null): RecordReader => {
  let window: Uint8Array = new Uint8Array(0);
  let windowOffset = 0;
  const bytesAt = (offset: number, count: number, sizeBytes: number): Uint8Array => {
    const isInWindow = offset >= windowOffset && offset + count <= windowOffset + window.length;
    if (!isInWindow) {
      window = disk.read(name, offset, Math.min(sizeBytes - offset, Math.max(count, windowBytes)));
      windowOffset = offset;
    }
    return window.subarray(offset - windowOffset, offset - windowOffset + count);
  };
  /** The first header at or after the offset that is whole, and whose record is in the file; null when there is none. One pass over the file. */
  const headerFrom = (from: number, sizeBytes: number): number | null => {
    for (let offset = from; offset + recordHeaderBytes <= sizeBytes; ) {
      const bytes = bytesAt(offset, Math.min(windowBytes, sizeBytes - offset), sizeBytes);
      for (let place = 0; place + recordHeaderBytes <= bytes.length; place += 1) {
        if (!mayBeHeader(bytes, place)) continue;
        const header = decodeHeader(bytes.subarray(place, place + recordHeaderBytes));
        if (header !== null && offset + place + recordHeaderBytes + header.payloadBytes <= sizeBytes) return offset + place;
      }
      // A disk that gives back less than there is gives no more at the next try.
      if (bytes.length < recordHeaderBytes) return null;
      offset += bytes.length - recordHeaderBytes + 1;
    }
    return null;
  };
  return {
    offer: (offset, bytes) => {
      window = bytes;
      windowOffset = offset;
    },
    readAt: (offset, sizeBytes) => {
      if (offset >= sizeBytes) return { status: 'end' };
      if (offset + recordHeaderBytes > sizeBytes) return { status: 'torn' };
      const header = decodeHeader(bytesAt(offset, recordHeaderBytes, sizeBytes));
      if (header === null) {
        const found = headerFrom(offset + 1, sizeBytes);
        return found === null ? { status: 'lost' } : { status: 'unreadable', nextOffset: found };
      }
      const nextOffset = offset + recordHeaderBytes + header.payloadBytes;
      if (nextOffset > sizeBytes) return { status: 'torn' };
      const payload = bytesAt(offset + recordHeaderBytes, header.payloadBytes, sizeBytes);
      if (payload.length < header.payloadBytes || crc32(payload) !== header.payloadCrc || !isMessageOf(header, payload, bootId)) {
        return { status: 'damaged', header, nextOffset };
      }
      return { status: 'record', header, payload, nextOffset };
    },
  };
};
