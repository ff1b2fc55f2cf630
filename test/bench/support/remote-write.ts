import type { Series } from '@jiwei/shared/series.ts';

/** Protocol buffers by hand: field tags and lengths of Prometheus remote write 1.0 (prometheus/prompb/remote.proto). */
const varint = (value: bigint): number[] => {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
};
const field = (number: number, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(BigInt(body.length))]), body]);
const label = (name: string, value: string): Buffer =>
  field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))]));

/** The labels of a series, encoded once: a sender keeps them. */
export const remoteWriteLabels = (series: Series, instance: string): Buffer =>
  Buffer.concat(
    [['__name__', series.family.name] as const, ...series.labels, ['instance', instance] as const]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => label(name, value)),
  );

/**
 * WriteRequests with one sample for each of the series, which are given with their labels encoded. The request is built once and only values
 * and times are put in anew, so that the sender takes little of the machine.
 */
export const writeRequests = (labels: readonly Buffer[]): ((values: Float64Array, atMs: number) => Buffer) => {
  // A time of this age takes six bytes, so that all requests have one layout: Sample { 1: double, 2: int64 }.
  const sample = Buffer.concat([
    Buffer.from([(1 << 3) | 1]),
    Buffer.alloc(8),
    Buffer.from([2 << 3, ...varint(BigInt(timeUsual))]),
  ]);
  const ends: number[] = [];
  const parts: Buffer[] = [];
  let length = 0;
  for (const encoded of labels) {
    const part = field(1, Buffer.concat([encoded, field(2, sample)]));
    length += part.length;
    parts.push(part);
    ends.push(length);
  }
  const request = Buffer.concat(parts);
  return (values, atMs) => {
    const time = Buffer.from(varint(BigInt(atMs)));
    for (const [index, end] of ends.entries()) {
      request.writeDoubleLE(values[index] ?? 0, end - time.length - 9);
      time.copy(request, end - time.length);
    }
    return request;
  };
};
const timeUsual = 1_800_000_000_000;

/** A valid Snappy block made of literals alone: larger than a compressed one, and cheaper for the receiver, so it favours the peer. */
export const snappyLiterals = (body: Buffer): Buffer => {
  const parts: Buffer[] = [Buffer.from(varint(BigInt(body.length)))];
  for (let at = 0; at < body.length; at += 65_536) {
    const piece = body.subarray(at, at + 65_536);
    const length = Buffer.alloc(3);
    length[0] = 61 << 2;
    length.writeUInt16LE(piece.length - 1, 1);
    parts.push(length, piece);
  }
  return Buffer.concat(parts);
};
