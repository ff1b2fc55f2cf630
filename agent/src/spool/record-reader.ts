import { crc32 } from 'node:zlib';
import type { Disk } from './disk.ts';
import { decodeHeader, isMessageOf, type RecordHeader, recordHeaderBytes } from './record.ts';

/** What stands at an offset of a segment. `cut`: nothing that can be read, so nothing after it can be found either. */
export type RecordRead =
  | { readonly status: 'record'; readonly header: RecordHeader; readonly payload: Uint8Array; readonly nextOffset: number }
  | { readonly status: 'damaged'; readonly header: RecordHeader; readonly nextOffset: number }
  | { readonly status: 'end' }
  | { readonly status: 'cut' };

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
  return {
    offer: (offset, bytes) => {
      window = bytes;
      windowOffset = offset;
    },
    readAt: (offset, sizeBytes) => {
      if (offset >= sizeBytes) return { status: 'end' };
      if (offset + recordHeaderBytes > sizeBytes) return { status: 'cut' };
      const header = decodeHeader(bytesAt(offset, recordHeaderBytes, sizeBytes));
      if (header === null) return { status: 'cut' };
      const nextOffset = offset + recordHeaderBytes + header.payloadBytes;
      if (nextOffset > sizeBytes) return { status: 'cut' };
      const payload = bytesAt(offset + recordHeaderBytes, header.payloadBytes, sizeBytes);
      if (payload.length < header.payloadBytes || crc32(payload) !== header.payloadCrc || !isMessageOf(header, payload, bootId)) {
        return { status: 'damaged', header, nextOffset };
      }
      return { status: 'record', header, payload, nextOffset };
    },
  };
};
