import { Buffer } from 'node:buffer';

/**
 * D-Bus messages, as far as asking systemd needs them: calls with texts as arguments, replies with texts, numbers and arrays.
 * Source: D-Bus Specification 0.43, "Message Format" and "Marshaling (Wire Format)".
 */

const messageType = { call: 1, reply: 2, error: 3 } as const;
const headerField = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;
const littleEndian = 'l'.charCodeAt(0);
const protocolVersion = 1;
/** Flag of a call: whoever is not there is not to be started for us. */
const noAutoStart = 2;
const fixedBytes = 16;
/** The specification allows 128 MiB; systemd's list of 10,000 units is about 3 MiB. */
const messageBytesMax = 16 * 1024 * 1024;

/** What is called, and with what; `texts` are its arguments (signature s), `list` one more argument that is a list (as). */
export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly texts?: readonly string[];
  readonly list?: readonly string[];
}

/** A reply or an error, or something nobody asked for. */
export interface Message {
  readonly kind: 'reply' | 'error' | 'other';
  readonly replySerial: number;
  /** Name of the error; empty in a reply. */
  readonly errorName: string;
  readonly body: BodyReader;
}

/** The bytes of a call. @param serial 1 or more, not used before on this connection */
export const encodeCall = (call: Call, serial: number): Buffer => {
  const body = new Writer();
  for (const text of call.texts ?? []) body.text(text);
  const { list } = call;
  if (list !== undefined) body.array(4, () => list.map((text) => body.text(text)));
  const signature = 's'.repeat(call.texts?.length ?? 0) + (list === undefined ? '' : 'as');
  const bodyBytes = body.bytes();

  const head = new Writer();
  head.byte(littleEndian);
  head.byte(messageType.call);
  head.byte(noAutoStart);
  head.byte(protocolVersion);
  head.uint32(bodyBytes.length);
  head.uint32(serial);
  head.array(8, () => {
    head.field(headerField.path, 'o', call.path);
    head.field(headerField.interface, 's', call.interface);
    head.field(headerField.member, 's', call.member);
    head.field(headerField.destination, 's', call.destination);
    if (signature !== '') head.field(headerField.signature, 'g', signature);
  });
  head.align(8);
  return Buffer.concat([head.bytes(), bodyBytes]);
};

/**
 * The first message of `bytes`.
 * @returns null when it is not there whole yet
 * @throws Error when these bytes are no D-Bus message, or one that is too long
 */
export const decodeMessage = (bytes: Buffer): { readonly message: Message; readonly lengthBytes: number } | null => {
  if (bytes.length < fixedBytes) return null;
  const isLittle = bytes[0] === littleEndian;
  if ((!isLittle && bytes[0] !== 'B'.charCodeAt(0)) || bytes[3] !== protocolVersion) throw new Error('not a D-Bus message');
  const uint32At = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const fieldsEnd = fixedBytes + uint32At(12);
  const bodyFrom = aligned(fieldsEnd, 8);
  const lengthBytes = bodyFrom + uint32At(4);
  if (lengthBytes > messageBytesMax) throw new Error(`a D-Bus message of ${lengthBytes} bytes is longer than ${messageBytesMax}`);
  if (bytes.length < lengthBytes) return null;

  const fields = new BodyReader(bytes.subarray(0, fieldsEnd), isLittle, fixedBytes);
  let replySerial = 0;
  let errorName = '';
  while (!fields.isAtEnd) {
    fields.align(8);
    const code = fields.byte();
    const value = fields.variant();
    if (code === headerField.replySerial && typeof value === 'number') replySerial = value;
    if (code === headerField.errorName && typeof value === 'string') errorName = value;
  }
  const kind = bytes[1] === messageType.reply ? 'reply' : bytes[1] === messageType.error ? 'error' : 'other';
  const body = new BodyReader(bytes.subarray(bodyFrom, lengthBytes), isLittle);
  return { message: { kind, replySerial, errorName, body }, lengthBytes };
};

const aligned = (at: number, boundary: number): number => Math.ceil(at / boundary) * boundary;

/** Takes values out of a body one after the other; throws a RangeError when it ends too early. */
export class BodyReader {
  readonly #bytes: Buffer;
  readonly #isLittle: boolean;
  #at: number;

  constructor(bytes: Buffer, isLittle: boolean, at = 0) {
    this.#bytes = bytes;
    this.#isLittle = isLittle;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  align(boundary: number): void {
    this.#at = aligned(this.#at, boundary);
  }

  byte(): number {
    const value = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  uint32(): number {
    this.align(4);
    const value = this.#isLittle ? this.#bytes.readUInt32LE(this.#at) : this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A text or an object path. */
  text(): string {
    return this.#take(this.uint32());
  }

  /** Reads the elements of an array. @param boundary alignment of one element: 8 for structures, 4 for texts */
  array(boundary: number, element: () => void): void {
    const lengthBytes = this.uint32();
    this.align(boundary);
    const end = this.#at + lengthBytes;
    if (end > this.#bytes.length) throw new RangeError('a D-Bus array ends outside its message');
    while (this.#at < end) element();
  }

  /** A value that brings its own type; only texts and 32-bit numbers are understood. */
  variant(): string | number {
    const signature = this.#take(this.byte());
    if (signature === 's' || signature === 'o') return this.text();
    if (signature === 'u') return this.uint32();
    if (signature === 'g') return this.#take(this.byte());
    throw new Error(`a D-Bus value of type "${signature}" was not expected`);
  }

  #take(lengthBytes: number): string {
    const end = this.#at + lengthBytes;
    if (end >= this.#bytes.length) throw new RangeError('a D-Bus text ends outside its message');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }
}

class Writer {
  readonly #bytes: number[] = [];

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  align(boundary: number): void {
    while (this.#bytes.length % boundary !== 0) this.#bytes.push(0);
  }

  byte(value: number): void {
    this.#bytes.push(value);
  }

  uint32(value: number): void {
    this.align(4);
    this.#bytes.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.uint32(bytes.length);
    this.#bytes.push(...bytes, 0);
  }

  field(code: number, signature: string, value: string): void {
    this.align(8);
    this.byte(code);
    this.#signature(signature);
    if (signature === 'g') this.#signature(value);
    else this.text(value);
  }

  array(boundary: number, write: () => void): void {
    this.uint32(0);
    const lengthAt = this.#bytes.length - 4;
    this.align(boundary);
    const from = this.#bytes.length;
    write();
    const lengthBytes = this.#bytes.length - from;
    for (let index = 0; index < 4; index += 1) this.#bytes[lengthAt + index] = (lengthBytes >>> (8 * index)) & 255;
  }

  #signature(signature: string): void {
    this.#bytes.push(signature.length, ...Buffer.from(signature), 0);
  }
}
