import { AppError } from '../errors.ts';

/** What every malformed frame is refused with; the message names the place and what is wrong there. */
export const invalid = (what: string, cause?: unknown): AppError => new AppError('FRAME_INVALID', `frame: ${what}`, { cause });

/** What a frame is refused with that is well-formed but names more than a documented limit allows. */
export const exceeded = (what: string): AppError => new AppError('TOO_LARGE', `frame: ${what}`);

const high = 2 ** 28;

/** A growing byte buffer for frames. Mutable: it belongs to the one function that made it. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(expectedBytes = 256) {
    // From Node's pool: a buffer of its own costs more than all that is written into a small frame.
    this.#bytes = Buffer.allocUnsafe(Math.max(16, expectedBytes));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** Unsigned LEB128: seven bits a byte, lowest first, the top bit says "more". `value` is an integer, 0 to 2^53-1 (not checked here). */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= high) {
      // Above 28 bits the shift operators (32 bits, signed) would cut the number: divide instead.
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  uint32(value: number): void {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = (value >>> shift) & 255;
  }

  /** What was written, as a view: nothing may be written after it. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what a ByteWriter wrote; every method throws FRAME_INVALID instead of reading past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get bytesLeft(): number {
    return this.#bytes.length - this.#offset;
  }

  byte(what: string): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw invalid(`it ends within ${what}`);
    this.#offset += 1;
    return value;
  }

  /** @param most largest value allowed, at most 2^53-1 */
  varint(what: string, most = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.byte(what);
      value += (byte & 127) * scale;
      if (byte < 128) {
        // One number has one form, so that equal frames are equal bytes.
        if (byte === 0 && count > 0) throw invalid(`${what} is written with more bytes than it needs`);
        if (value > most) throw invalid(`${what} is ${value}; at most ${most} is allowed`);
        return value;
      }
      scale *= 128;
    }
    throw invalid(`${what} is larger than 2^53-1`);
  }

  /** A view of the next `length` bytes, not a copy. */
  raw(length: number, what: string): Uint8Array {
    if (length > this.bytesLeft) throw invalid(`it ends within ${what}: ${length} bytes needed, ${this.bytesLeft} left`);
    const bytes = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return bytes;
  }

  /** Refuses bytes after the end of what was read. */
  end(what: string): void {
    if (this.bytesLeft > 0) throw invalid(`${this.bytesLeft} bytes too many after ${what}`);
  }
}
