import { invalid } from './varint.ts';

/** 2^exponent for an exponent from 0 to 60. The operator ** is ten times slower when the exponent is not known beforehand. */
export const powerOfTwo = (exponent: number): number => (exponent <= 30 ? 1 << exponent : (1 << (exponent - 30)) * 2 ** 30);

/** Bits of an integer from 0 to 2^53-1 up to its highest one; 0 has none. */
export const bitLength = (value: number): number => (value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 2 ** 32));

const initialBytes = 16 * 1024;
/** What a writer keeps for the next frame; a larger one gives its room back. */
const keptBytesMax = 256 * 1024;

/**
 * A stream of bits, lowest bit of each byte first. Mutable and without checks on its arguments: it is the hot path of the sample codec.
 * Room must be asked for with `reserve` before anything is put. One writer serves frame after frame, because making its memory costs as much
 * as writing a small frame.
 */
export class BitWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  #view = viewOf(this.#bytes);
  /** Bytes written, four at a time. */
  #length = 0;
  /** Bits not yet in #bytes, and how many (0 to 31). */
  #pending = 0;
  #pendingCount = 0;

  /** Forgets what was written. */
  start(): void {
    if (this.#bytes.length > keptBytesMax) this.#resize(initialBytes);
    this.#length = 0;
    this.#pending = 0;
    this.#pendingCount = 0;
  }

  /** Makes room for so many more bits. */
  reserve(bitCount: number): void {
    const needed = this.#length + (bitCount >>> 3) + 16;
    if (needed > this.#bytes.length) this.#resize(needed * 2);
  }

  /** Up to 31 bits; `value` has no bits above them. */
  put(value: number, bitCount: number): void {
    const pendingCount = this.#pendingCount;
    const pending = this.#pending | (value << pendingCount);
    const count = pendingCount + bitCount;
    if (count < 32) {
      this.#pending = pending;
      this.#pendingCount = count;
      return;
    }
    this.#view.setInt32(this.#length, pending, true);
    this.#length += 4;
    // As at most 31 bits came, there were some before: the shift is by 31 at most.
    this.#pending = value >>> (32 - pendingCount);
    this.#pendingCount = count - 32;
  }

  /** Up to 53 bits of an integer from 0 to 2^bitCount - 1, lowest first. */
  putWide(value: number, bitCount: number): void {
    if (bitCount <= 31) {
      this.put(value, bitCount);
      return;
    }
    // The operators take the lowest 32 bits of a number of any size.
    this.put(value & 0xffffff, 24);
    this.put(((value | 0) >>> 24) | (Math.floor(value / 2 ** 32) << 8), bitCount - 24);
  }

  /** Unsigned LEB128, as ByteWriter.varint. */
  varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.put((rest & 127) | 128, 8);
    this.put(rest, 8);
  }

  /** A copy of the bytes; the last one is filled up with zero bits. */
  finish(): Uint8Array {
    this.reserve(32);
    this.#view.setInt32(this.#length, this.#pending, true);
    const length = this.#length + ((this.#pendingCount + 7) >>> 3);
    const bytes = Buffer.allocUnsafe(length);
    this.#bytes.copy(bytes, 0, 0, length);
    return bytes;
  }

  #resize(byteCount: number): void {
    const bytes = Buffer.allocUnsafeSlow(byteCount);
    this.#bytes.copy(bytes, 0, 0, Math.min(this.#length, byteCount));
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Bytes after the end that may be read, as zeros, before somebody notices: those of the longest things read without a check between. */
const marginBytes = 64;
const keptBytes = 64 * 1024;
const scratch = new DataView(new ArrayBuffer(keptBytes));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A place in the bits of a body. The hot loops keep `at` in a variable of their own. */
export interface BitCursor {
  /** The bytes, and zeros after them; valid until the next call of bitCursor. */
  readonly view: DataView;
  /** Bits there are. */
  readonly end: number;
  /** The next bit to be read. */
  at: number;
}

/** A cursor at the first bit of a body. The bytes are copied, so that no look at the bits past their end can fail. */
export const bitCursor = (bytes: Uint8Array): BitCursor => {
  const needed = bytes.length + marginBytes;
  const isUsual = needed <= keptBytes;
  const view = isUsual ? scratch : new DataView(new ArrayBuffer(needed));
  (isUsual ? scratchBytes : new Uint8Array(view.buffer)).set(bytes);
  for (let offset = bytes.length; offset < needed; offset += 8) view.setFloat64(offset, 0);
  return { view, end: bytes.length * 8, at: 0 };
};

/** The bits from `at` on, lowest first: 25 of them at least, with more of them or zeros above. */
export const peek = (view: DataView, at: number): number => view.getInt32(at >>> 3, true) >>> (at & 7);

/** Takes up to 53 bits. */
export const takeBits = (cursor: BitCursor, bitCount: number): number => {
  const { view, at } = cursor;
  cursor.at = at + bitCount;
  if (bitCount <= 25) return peek(view, at) & ((1 << bitCount) - 1);
  const low = peek(view, at) & 0xffffff;
  if (bitCount <= 48) return low + (peek(view, at + 24) & ((1 << (bitCount - 24)) - 1)) * 2 ** 24;
  const middle = peek(view, at + 24) & 0xffffff;
  return low + (middle + (peek(view, at + 48) & ((1 << (bitCount - 48)) - 1)) * 2 ** 24) * 2 ** 24;
};

/** @throws FRAME_INVALID when bits were read that are not there */
export const assertWithin = (at: number, end: number): void => {
  if (at > end) throw invalid('it ends within a column of values');
};

/** Refuses anything but the zero bits that fill up the last byte. */
export const assertEnd = ({ view, at, end }: BitCursor, what: string): void => {
  if (end - at >= 8 || peek(view, at) !== 0) throw invalid(`it has bits after ${what}`);
};
