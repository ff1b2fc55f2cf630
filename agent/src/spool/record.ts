import { crc32 } from 'node:zlib';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { gapBodySchema } from '@jiwei/shared/protocol/control.ts';
import { dictionaryKindByte } from '@jiwei/shared/protocol/dictionary.ts';
import { openEnvelope } from '@jiwei/shared/protocol/envelope.ts';
import { frameKinds } from '@jiwei/shared/protocol/frame.ts';
import { z } from 'zod';
import type { Loss } from './gap.ts';

/*
 * A segment file: a head of 20 bytes, then records, each a header of 36 bytes and a payload. All numbers are little-endian.
 *
 *   head    0 "JWSPOOL1"  8 boot id (float64)  16 crc32 of bytes 0–15
 *   header  0 type (1)  1–3 zero  4 payload bytes (4)  8 number (float64)  16 time (float64)  24 series (4)
 *           28 crc32 of the payload  32 crc32 of header bytes 0–31
 *
 * An acknowledged record has no payload, or one byte: then its frame was not stored but given up, and is not offered again.
 * The header has a checksum of its own: so a payload that was hurt costs one frame whose number is still known.
 */
export const headBytes = 20;
export const recordHeaderBytes = 36;
const magic = Buffer.from('JWSPOOL1', 'latin1');

/** `end` closes a segment that was left in order; one without it was being written when the agent died. */
export const recordTypes = { dictionary: 1, frame: 2, gap: 3, acknowledged: 4, end: 5 } as const;
export type RecordType = keyof typeof recordTypes;
const typeOfByte = new Map<number, RecordType>(Object.entries(recordTypes).map(([type, byte]) => [byte, type as RecordType]));

export interface RecordHeader {
  readonly type: RecordType;
  readonly payloadBytes: number;
  /** frame, gap: seq. dictionary: first index. acknowledged: boot id. end: last seq, -1 when there is none. */
  readonly number: number;
  /** frame, gap: epoch ms of the data. acknowledged: seq. end: first seq, -1 when there is none. */
  readonly time: number;
  /** frame: series its boot had named when it was made; it cannot be read with fewer. dictionary: series named after it. */
  readonly seriesCount: number;
}

/** The first bytes of a segment file. */
export const encodeHead = (bootId: number): Uint8Array => {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeDoubleLE(bootId, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 16)), 16);
  return head;
};

/** @returns the boot id, or null when these are not the first bytes of a segment */
export const decodeHead = (bytes: Uint8Array): number | null => {
  const head = bufferOf(bytes);
  if (head.length < headBytes || !head.subarray(0, 8).equals(magic)) return null;
  if (head.readUInt32LE(16) !== crc32(head.subarray(0, 16))) return null;
  const bootId = head.readDoubleLE(8);
  return isCount(bootId) ? bootId : null;
};

/** The record as it is appended: one piece, so that one write holds all of it. */
export const encodeRecord = (record: Omit<RecordHeader, 'payloadBytes'>, payload: Uint8Array): Uint8Array => {
  const bytes = Buffer.alloc(recordHeaderBytes + payload.length);
  bytes.writeUInt8(recordTypes[record.type], 0);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.writeDoubleLE(record.number, 8);
  bytes.writeDoubleLE(record.time, 16);
  bytes.writeUInt32LE(record.seriesCount, 24);
  bytes.writeUInt32LE(crc32(payload), 28);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
  bytes.set(payload, recordHeaderBytes);
  return bytes;
};

/** Whether it is worth looking whether a header begins here: its type is one of ours, and the three bytes after it are zero. */
export const mayBeHeader = (bytes: Uint8Array, place: number): boolean =>
  typeOfByte.has(bytes[place] ?? 0) && bytes[place + 1] === 0 && bytes[place + 2] === 0 && bytes[place + 3] === 0;

/** @returns null when these bytes are not a whole, intact header */
export const decodeHeader = (bytes: Uint8Array): (RecordHeader & { readonly payloadCrc: number }) | null => {
  const header = bufferOf(bytes);
  if (header.length < recordHeaderBytes) return null;
  if (header.readUInt32LE(32) !== crc32(header.subarray(0, 32))) return null;
  const type = typeOfByte.get(header.readUInt8(0));
  const payloadBytes = header.readUInt32LE(4);
  if (type === undefined || payloadBytes > limits.messageBytesMax) return null;
  const number = header.readDoubleLE(8);
  const time = header.readDoubleLE(16);
  // The checksum was right, so this is what somebody wrote; numbers that we never write would be counted with.
  const isOurs = (isCount(number) && isCount(time)) || (type === 'end' && number === -1 && time === -1);
  if (!isOurs) return null;
  return {
    type,
    payloadBytes,
    number,
    time,
    seriesCount: header.readUInt32LE(24),
    payloadCrc: header.readUInt32LE(28),
  };
};

/**
 * Whether a payload with the right checksum is the message its header speaks of: a frame or dictionary with that number, of that boot.
 * @param bootId of the file, or null when its head cannot be read
 */
export const isMessageOf = (header: RecordHeader, payload: Uint8Array, bootId: number | null): boolean => {
  if (header.type === 'acknowledged' || header.type === 'end') return true;
  try {
    const envelope = openEnvelope(payload);
    if (envelope.number !== header.number || (bootId !== null && envelope.bootId !== bootId)) return false;
    if (header.type === 'dictionary') return envelope.kindByte === dictionaryKindByte;
    if (header.type === 'gap') return envelope.kindByte === frameKinds.gap && lossInGap(envelope.body) !== null;
    return frameKindBytes.has(envelope.kindByte);
  } catch (error) {
    if (error instanceof AppError && error.code === 'FRAME_INVALID') return false;
    throw error;
  }
};

/** @returns null when the body of a gap frame tells nothing that can be told on */
export const lossInGap = (body: Uint8Array): Loss | null => {
  try {
    const { cause: _cause, ...loss } = gapBodySchema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
    return loss;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
};

const frameKindBytes: ReadonlySet<number> = new Set([frameKinds.samples, frameKinds.results, frameKinds.inventory]);

// -0 would be written as 0 and read as another number.
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
