import { invalid } from './varint.ts';

const chunk = 2 ** 24;

/** 2^exponent for an exponent from 0 to 60. The operator ** is ten times slower when the exponent is not known beforehand. */
export const powerOfTwo = (exponent: number): number => (exponent <= 30 ? 1 << exponent : (1 << (exponent - 30)) * 2 ** 30);

/** Bits of an integer from 0 to 2^53-1 up to its highest one; 0 has none. */
export const bitLength = (value: number): number => (value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 2 ** 32));

/**
 * A stream of bits, lowest bit of each byte first. Mutable and without checks on its arguments: it is the hot path of the sample codec.
 * Room must be asked for with `reserve` before anything is put.
 */
export class BitWriter {
  #bytes: Uint8Array;
  #length = 0;
  /** Bits not yet in #bytes, and how many (0 to 7). */
  #pending = 0;
  #pendingCount = 0;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  /** Makes room for so many more bits. */
  reserve(bitCount: number): void {
    const needed = this.#length + (bitCount >>> 3) + 8;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(needed * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Up to 24 bits; `value` has no bits above them. */
  put(value: number, bitCount: number): void {
    let pending = this.#pending | (value << this.#pendingCount);
    let count = this.#pendingCount + bitCount;
    while (count >= 8) {
      this.#bytes[this.#length++] = pending & 255;
      pending >>>= 8;
      count -= 8;
    }
    this.#pending = pending;
    this.#pendingCount = count;
  }

  /** Up to 53 bits of an integer from 0 to 2^bitCount - 1, lowest first. */
  putWide(value: number, bitCount: number): void {
    if (bitCount <= 24) {
      this.put(value, bitCount);
      return;
    }
    this.put(value & (chunk - 1), 24);
    const rest = Math.floor(value / chunk);
    if (bitCount <= 48) {
      this.put(rest, bitCount - 24);
      return;
    }
    this.put(rest & (chunk - 1), 24);
    this.put(Math.floor(rest / chunk), bitCount - 48);
  }

  /** The bytes; the last one is filled up with zero bits. Nothing may be put after it. */
  finish(): Uint8Array {
    if (this.#pendingCount > 0) this.#bytes[this.#length++] = this.#pending;
    this.#pendingCount = 0;
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Reads what a BitWriter wrote; throws FRAME_INVALID instead of reading past the end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #pending = 0;
  #pendingCount = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Up to 24 bits. */
  get(bitCount: number): number {
    if (this.#pendingCount < bitCount) this.#fill(bitCount);
    const value = this.#pending & ((1 << bitCount) - 1);
    this.#pending >>>= bitCount;
    this.#pendingCount -= bitCount;
    return value;
  }

  /** Up to 53 bits. */
  getWide(bitCount: number): number {
    if (bitCount <= 24) return this.get(bitCount);
    const low = this.get(24);
    if (bitCount <= 48) return low + this.get(bitCount - 24) * chunk;
    const middle = this.get(24);
    return low + (middle + this.get(bitCount - 48) * chunk) * chunk;
  }

  /** Counts one bits up to the next zero bit, which is taken too, or up to `most` of them, at most 16. */
  ones(most: number): number {
    if (this.#pendingCount <= most) this.#fill(0);
    // Above the waiting bits #pending is zero, so the lowest zero is there at the latest.
    const zeros = ~this.#pending;
    const run = 31 - Math.clz32(zeros & -zeros);
    const taken = run < most ? run + 1 : most;
    if (taken > this.#pendingCount) throw invalid('it ends within a column of values');
    this.#pending >>>= taken;
    this.#pendingCount -= taken;
    return Math.min(run, most);
  }

  /** Refuses anything but the zero bits that fill up the last byte. */
  end(what: string): void {
    if (this.#pending !== 0 || this.#pendingCount >= 8 || this.#offset < this.#bytes.length) {
      throw invalid(`it has bits after ${what}`);
    }
  }

  /** Takes whole bytes until at least `bitCount` bits wait; at most 31 do. */
  #fill(bitCount: number): void {
    while (this.#pendingCount <= 23) {
      const byte = this.#bytes[this.#offset];
      if (byte === undefined) {
        if (this.#pendingCount < bitCount) throw invalid('it ends within a column of values');
        return;
      }
      this.#offset += 1;
      this.#pending |= byte << this.#pendingCount;
      this.#pendingCount += 8;
    }
  }
}
