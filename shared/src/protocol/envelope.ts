import { crc32 } from 'node:zlib';
import { limits } from '../limits.ts';
import { ByteReader, ByteWriter, invalid } from './varint.ts';

/** What every binary message has around its body: kind byte, boot id and number as varints, body, CRC-32 of all before it (4 bytes, lowest first). */
export interface Envelope {
  readonly kindByte: number;
  readonly bootId: number;
  /** Sequence number of a numbered frame; first index of a dictionary. */
  readonly number: number;
  readonly body: Uint8Array;
}

const crcBytes = 4;
/** Kind byte, two varints of at most eight bytes, checksum. */
const overheadBytesMax = 1 + 8 + 8 + crcBytes;
/** Body bytes that fit into one message whatever its numbers are. */
export const frameBodyBytesMax = limits.messageBytesMax - overheadBytesMax;

const assertCounter = (what: string, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(`${what} is ${value}; an integer from 0 to 2^53-1 is needed`);
};

/** @throws FRAME_INVALID when a number is no integer from 0 to 2^53-1 or the message would be longer than limits.messageBytesMax */
export const sealEnvelope = (envelope: Envelope): Uint8Array => {
  assertCounter('the boot id', envelope.bootId);
  assertCounter('the number', envelope.number);
  const writer = new ByteWriter(envelope.body.length + overheadBytesMax);
  writer.byte(envelope.kindByte);
  writer.varint(envelope.bootId);
  writer.varint(envelope.number);
  writer.raw(envelope.body);
  writer.uint32(crc32(writer.finish()));
  if (writer.length > limits.messageBytesMax) {
    throw invalid(`it would have ${writer.length} bytes; at most ${limits.messageBytesMax} are allowed`);
  }
  return writer.finish();
};

/** Lowest byte first; by hand, because a DataView of its own takes longer than all four. */
const uint32At = (bytes: Uint8Array, offset: number): number => {
  let value = 0;
  for (let place = crcBytes - 1; place >= 0; place -= 1) value = value * 256 + (bytes[offset + place] ?? 0);
  return value;
};

/**
 * Checks length and checksum and takes the envelope off; the body is a view into `bytes`.
 * @throws FRAME_INVALID naming what is wrong
 */
export const openEnvelope = (bytes: Uint8Array): Envelope => {
  if (bytes.length > limits.messageBytesMax) {
    throw invalid(`it has ${bytes.length} bytes; at most ${limits.messageBytesMax} are allowed`);
  }
  // The shortest: kind, two varints of one byte, no body, checksum.
  if (bytes.length < 3 + crcBytes) throw invalid(`it has ${bytes.length} bytes; at least ${3 + crcBytes} are needed`);
  const contentBytes = bytes.length - crcBytes;
  const content = bytes.subarray(0, contentBytes);
  const stored = uint32At(bytes, contentBytes);
  const computed = crc32(content);
  if (stored !== computed) throw invalid(`its checksum is ${stored}, but its content has ${computed}`);
  const reader = new ByteReader(content);
  const kindByte = reader.byte('the kind');
  const bootId = reader.varint('the boot id');
  const number = reader.varint('the number');
  return { kindByte, bootId, number, body: content.subarray(reader.offset) };
};
