import { valueText } from './text-format.ts';

const zero = 48;
const point = 46;
const minus = 45;
const exactMax = Number.MAX_SAFE_INTEGER;
const nineDigits = 1_000_000_000;
/** Most bytes a number takes: sign, 17 digits, point, exponent. */
const numberBytesMax = 32;
const chunkBytes = 64 * 1024;
/** Lines may end behind the chunk, and whole words are copied. */
const marginBytes = 4_096;
const powersOfTen = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, nineDigits] as const;
/** Decimals tried, fewest first: those of seconds from the kernel, of its averages, of times in microseconds. */
const decimals = [2, 3, 6] as const;
/** Two digits as a word, its lower byte first in memory: 00 to 99. */
const digitPairs = Uint16Array.from({ length: 100 }, (_, pair) => zero + Math.floor(pair / 10) + ((zero + (pair % 10)) << 8));

/** Bytes to be copied often, in whole words: there is room to read up to three bytes past the end. */
export const prepare = (...parts: readonly Uint8Array[]): DataView => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = Buffer.concat(parts, (length + 7) & -4);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
};

/**
 * Text gathered as bytes, to be handed on in chunks of some 64 KiB. Measured hot path: a million series a scrape in a large fleet, where
 * copying prepared bytes four at a time takes a quarter of the time of `set`, and that a quarter of joining strings. Mutable; belongs to one
 * scrape.
 */
export class ChunkWriter {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;

  /** @param expectedBytes room made at first; it grows */
  constructor(expectedBytes = chunkBytes + marginBytes) {
    this.#bytes = Buffer.allocUnsafeSlow(expectedBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get isFull(): boolean {
    return this.#length >= chunkBytes;
  }

  /**
   * What was written since the last take, or null when that is nothing. A view that stays as it is until something is written again: a new
   * buffer for each chunk would keep the garbage collector busy, which then takes longer than the writing.
   */
  take(): Buffer | null {
    if (this.#length === 0) return null;
    const chunk = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return chunk;
  }

  /** Makes room for so many bytes, which copies and bytes then need not ask for. */
  reserve(more: number): void {
    const needed = this.#length + more + 4;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(needed * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** Bytes that `prepare` made, for which room was reserved. */
  copy(source: DataView, from: number, length: number): void {
    const view = this.#view;
    const to = this.#length;
    for (let offset = 0; offset < length; offset += 4) view.setInt32(to + offset, source.getInt32(from + offset, true), true);
    this.#length = to + length;
  }

  text(text: string): void {
    this.reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** One byte of ASCII, for which room was reserved. */
  byte(code: number): void {
    this.#view.setUint8(this.#length, code);
    this.#length += 1;
  }

  /** A number as the formats write it: it reads back as the same float64 (but for the sign of 0). */
  value(value: number): void {
    this.reserve(numberBytesMax);
    const magnitude = Math.abs(value);
    // Host values are integers or have a few decimals: those are written digit by digit, the others by the engine.
    if (Math.floor(magnitude) === magnitude && magnitude <= exactMax) {
      if (value < 0) this.byte(minus);
      this.#integer(magnitude, 1);
      return;
    }
    for (const count of decimals) {
      const scale = powersOfTen[count];
      const scaled = Math.floor(magnitude * scale + 0.5);
      // The division is rounded as the reader's parsing is: it gives the number that the text will be read as.
      if (scaled / scale !== magnitude || scaled > exactMax) continue;
      if (value < 0) this.byte(minus);
      const integer = Math.floor(scaled / scale);
      this.#integer(integer, 1);
      this.byte(point);
      this.#integer(scaled - integer * scale, count);
      while (this.#bytes[this.#length - 1] === zero) this.#length -= 1;
      return;
    }
    this.text(valueText(value));
  }

  /** Digits of an integer from 0 to 2^53-1, with zeros before it up to `digitsMin`. */
  #integer(value: number, digitsMin: number): void {
    if (value >= nineDigits) {
      const high = Math.floor(value / nineDigits);
      this.#integer(high, Math.max(1, digitsMin - 9));
      this.#integer(value - high * nineDigits, 9);
      return;
    }
    let digits = digitsMin;
    while (digits < 9 && value >= (powersOfTen[digits] ?? nineDigits)) digits += 1;
    const view = this.#view;
    const start = this.#length;
    let place = start + digits;
    let rest = value | 0;
    for (; place - start >= 2; place -= 2) {
      const hundredth = (rest / 100) | 0;
      view.setUint16(place - 2, digitPairs[rest - hundredth * 100] ?? 0, true);
      rest = hundredth;
    }
    if (place > start) view.setUint8(start, zero + rest);
    this.#length = start + digits;
  }
}
