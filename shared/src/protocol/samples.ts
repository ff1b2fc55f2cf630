import { limits } from '../limits.ts';
import { ByteReader, ByteWriter, invalid } from './varint.ts';

/** The values of some series at one instant. */
export interface SampleRow {
  /** Agent's clock. */
  readonly atMs: number;
  /** Places of the series in the dictionary of the boot, ascending, none twice. */
  readonly indexes: Uint32Array;
  /** As many values as indexes. */
  readonly values: Float64Array;
}

/** @returns the body of a samples frame */
export const encodeSamples = (rows: readonly SampleRow[]): Uint8Array => {
  const writer = new ByteWriter();
  writer.varint(rows.length);
  for (const row of rows) {
    writer.varint(row.atMs);
    writer.varint(row.indexes.length);
    for (const index of row.indexes) writer.varint(index);
    writer.raw(new Uint8Array(row.values.buffer, row.values.byteOffset, row.values.byteLength));
  }
  return writer.finish();
};

/** @throws FRAME_INVALID naming what is wrong */
export const decodeSamples = (body: Uint8Array): SampleRow[] => {
  const reader = new ByteReader(body);
  const rowCount = reader.varint('the count of rows', limits.rowsPerFrameMax);
  const rows: SampleRow[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    const atMs = reader.varint('a time');
    const count = reader.varint('the count of values', limits.seriesPerAgentMax);
    if (count * 9 > reader.bytesLeft) throw invalid('it ends within a row');
    const indexes = Uint32Array.from({ length: count }, () => reader.varint('an index', limits.seriesPerAgentMax - 1));
    const values = new Float64Array(reader.raw(count * 8, 'the values').slice().buffer);
    rows.push({ atMs, indexes, values });
  }
  reader.end('the rows');
  return rows;
};
