const lineFeed = 10;
const space = 32;
const tab = 9;
const minus = 45;
const zero = 48;
const nine = 57;
/** Up to this many digits a double holds every integer on the way; longer ones go through Number(), which rounds once. */
const exactDigitsMax = 15;

/**
 * Walks the bytes of a /proc or /sys file word by word, line by line. A class with state on purpose: it runs over some 20 KB
 * on every collection, and words that nobody asks for must not become strings.
 */
export class Scanner {
  #bytes: Buffer;
  #end: number;
  #at = 0;

  /** @param end how many bytes of `bytes` belong to the file */
  constructor(bytes: Buffer, end = bytes.length) {
    this.#bytes = bytes;
    this.#end = end;
  }

  /** Whether bytes are left. */
  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Goes to the beginning of the next line; false when there is none. */
  nextLine(): boolean {
    const found = this.#bytes.indexOf(lineFeed, this.#at);
    this.#at = found < 0 || found >= this.#end ? this.#end : found + 1;
    return this.#at < this.#end;
  }

  /** Whether the bytes here are these (ASCII); moves nothing. */
  startsWith(text: string): boolean {
    if (this.#at + text.length > this.#end) return false;
    for (let index = 0; index < text.length; index += 1) {
      if (this.#bytes[this.#at + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  /** The next word of this line, or an empty text at its end. */
  word(): string {
    const from = this.#wordStart();
    const to = this.#wordEnd(from);
    this.#at = to;
    return this.#bytes.toString('utf8', from, to);
  }

  /** The next word of this line as a decimal integer; NaN when the line ends or the word is none. */
  number(): number {
    const from = this.#wordStart();
    const to = this.#wordEnd(from);
    this.#at = to;
    return to === from ? Number.NaN : this.#decimal(from, to);
  }

  /** The next word of this line as a hexadecimal integer; NaN when the line ends or the word is none. */
  hexadecimal(): number {
    const text = this.word();
    return /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  }

  /** The text before the next `separator` of this line, trimmed, and moves past it; null when the line has none. */
  until(separator: string): string | null {
    const found = this.#bytes.indexOf(separator, this.#at);
    if (found < 0 || found >= this.#end || found >= this.#lineEnd()) return null;
    const text = this.#bytes.toString('utf8', this.#at, found).trim();
    this.#at = found + separator.length;
    return text;
  }

  /** What is left of this line, trimmed; stays in the line. */
  rest(): string {
    const to = this.#lineEnd();
    const text = this.#bytes.toString('utf8', this.#at, to).trim();
    this.#at = to;
    return text;
  }

  skipWords(count: number): void {
    for (let index = 0; index < count; index += 1) this.#at = this.#wordEnd(this.#wordStart());
  }

  #lineEnd(): number {
    const found = this.#bytes.indexOf(lineFeed, this.#at);
    return found < 0 || found > this.#end ? this.#end : found;
  }

  #wordStart(): number {
    let at = this.#at;
    while (at < this.#end && (this.#bytes[at] === space || this.#bytes[at] === tab)) at += 1;
    return at;
  }

  #wordEnd(from: number): number {
    let at = from;
    while (at < this.#end) {
      const byte = this.#bytes[at];
      if (byte === space || byte === tab || byte === lineFeed) break;
      at += 1;
    }
    return at;
  }

  #decimal(from: number, to: number): number {
    const first = this.#bytes[from] === minus ? from + 1 : from;
    if (first === to) return Number.NaN;
    let value = 0;
    for (let at = first; at < to; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte < zero || byte > nine) return Number.NaN;
      value = value * 10 + (byte - zero);
    }
    if (to - first > exactDigitsMax) return Number(this.#bytes.toString('latin1', from, to));
    return first === from ? value : -value;
  }
}
