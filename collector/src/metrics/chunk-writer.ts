import { valueText } from './text-format.ts';

const zero = 48;
const point = 46;
const minus = 45;
const exactMax = Number.MAX_SAFE_INTEGER;
const million = 1_000_000;
const nineDigits = 1_000_000_000;
/** Most bytes a number takes: sign, 17 digits, point, exponent. */
const numberBytesMax = 32;
const chunkBytes = 64 * 1024;
const powersOfTen = [1, 10, 100, 1_000, 10_000, 100_000, million, 10_000_000, 100_000_000, nineDigits] as const;

/**
 * Text gathered as bytes, to be handed on in chunks of some 64 KiB. Measured hot path: a million series a scrape in a large fleet, where
 * copying prepared bytes takes a quarter of the time of joining strings. Mutable; belongs to one scrape.
 */
export class ChunkWriter {
  #bytes: Buffer;
  #length = 0;

  /** @param expectedBytes room made at first; it grows */
  constructor(expectedBytes = chunkBytes + 4_096) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  get isFull(): boolean {
    return this.#length >= chunkBytes;
  }

  /** What was written since the last take, or null when that is nothing. */
  take(): Buffer | null {
    if (this.#length === 0) return null;
    const chunk = this.#bytes.subarray(0, this.#length);
    // The chunk is on its way to somebody; it must not be written into again.
    this.#bytes = Buffer.allocUnsafe(chunkBytes + 4_096);
    this.#length = 0;
    return chunk;
  }

  /** Three parts one after the other. */
  line(first: Uint8Array, second: Uint8Array, third: Uint8Array): void {
    const length = first.length + second.length + third.length;
    this.#reserve(length);
    this.#bytes.set(first, this.#length);
    this.#bytes.set(second, this.#length + first.length);
    this.#bytes.set(third, this.#length + first.length + second.length);
    this.#length += length;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** One byte of ASCII. */
  byte(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = code;
  }

  /** A number as the formats write it: it reads back as the same float64 (but for the sign of 0). */
  value(value: number): void {
    this.#reserve(numberBytesMax);
    const magnitude = Math.abs(value);
    // Host values are integers or have a few decimals: those are written digit by digit, the others by the engine.
    const whole = Math.floor(magnitude);
    if (whole === magnitude && magnitude <= exactMax) {
      if (value < 0) this.#bytes[this.#length++] = minus;
      this.#integer(magnitude, 1);
      return;
    }
    const scaled = Math.floor(magnitude * million + 0.5);
    if (scaled <= exactMax && scaled / million === magnitude) {
      if (value < 0) this.#bytes[this.#length++] = minus;
      // Not `whole`: the nearest float64 to 1.9999999 and its like decide by the decimal that is written.
      const integer = Math.floor(scaled / million);
      this.#integer(integer, 1);
      this.#bytes[this.#length++] = point;
      this.#integer(scaled - integer * million, 6);
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
    for (let bound = powersOfTen[digitsMin] ?? 1; value >= bound; bound *= 10) digits += 1;
    let rest = value;
    for (let place = this.#length + digits - 1; place >= this.#length; place -= 1) {
      const tenth = (rest / 10) | 0;
      this.#bytes[place] = zero + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += digits;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(needed * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
