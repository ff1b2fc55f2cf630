import type { SampleRow } from '../../shared/src/protocol/samples.ts';
import { ByteReader, ByteWriter } from '../../shared/src/protocol/varint.ts';
import type { Series } from '../../shared/src/series.ts';

// Prometheus remote write 1.0 (https://prometheus.io/docs/specs/remote_write_spec/), as much of it as a comparison needs:
// WriteRequest { repeated TimeSeries = 1 }, TimeSeries { repeated Label = 1, repeated Sample = 2 },
// Label { string name = 1, string value = 2 }, Sample { double value = 1, int64 timestamp = 2 }.

const encoder = new TextEncoder();
const field = (writer: ByteWriter, tag: number, bytes: Uint8Array): void => {
  writer.byte(tag);
  writer.varint(bytes.length);
  writer.raw(bytes);
};
const labelOf = (name: string, value: string): Uint8Array => {
  const writer = new ByteWriter(64);
  field(writer, 0x0a, encoder.encode(name));
  field(writer, 0x12, encoder.encode(value));
  return writer.finish();
};

/** All rows must have all the series. */
export const encodeWriteRequest = (series: readonly Series[], rows: readonly SampleRow[]): Uint8Array => {
  const request = new ByteWriter(4096);
  const double = new Uint8Array(8);
  const view = new DataView(double.buffer);
  for (const [index, { family, labels }] of series.entries()) {
    const one = new ByteWriter(256);
    field(one, 0x0a, labelOf('__name__', family.name));
    for (const [name, value] of labels) field(one, 0x0a, labelOf(name, value));
    for (const { atMs, values } of rows) {
      const sample = new ByteWriter(24);
      sample.byte(0x09);
      view.setFloat64(0, values[index] ?? 0, true);
      sample.raw(double);
      sample.byte(0x10);
      sample.varint(atMs);
      field(one, 0x12, sample.finish());
    }
    field(request, 0x0a, one.finish());
  }
  return request.finish();
};

/** The values, row by row, read with the labels, as a server has to. */
export const decodeWriteRequest = (bytes: Uint8Array): number[][] => {
  const rows: number[][] = [];
  const labels: string[] = [];
  const decoder = new TextDecoder();
  const request = new ByteReader(bytes);
  while (request.bytesLeft > 0) {
    request.byte('a tag');
    const one = new ByteReader(request.raw(request.varint('a length'), 'a series'));
    labels.length = 0;
    for (let row = 0; one.bytesLeft > 0; ) {
      const tag = one.byte('a tag');
      const inner = new ByteReader(one.raw(one.varint('a length'), 'a part'));
      if (tag === 0x0a) {
        while (inner.bytesLeft > 0) {
          inner.byte('a tag');
          labels.push(decoder.decode(inner.raw(inner.varint('a length'), 'a text')));
        }
        continue;
      }
      inner.byte('a tag');
      const double = inner.raw(8, 'a value');
      rows[row] ??= [];
      rows[row]?.push(new DataView(double.buffer, double.byteOffset, 8).getFloat64(0, true));
      row += 1;
    }
  }
  return rows;
};
