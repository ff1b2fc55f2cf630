import { limits } from '../limits.ts';
import { BitReader, BitWriter } from './bits.ts';
import { columnScratch, firstClass, readColumn, writeColumn } from './columns.ts';
import { ByteReader, ByteWriter, invalid } from './varint.ts';

// See PROTOCOL.md, "Samples". The values stand column by column, because the values of one series are alike and those of one row are not.

/** The values of some series at one instant. */
export interface SampleRow {
  /** Agent's clock. */
  readonly atMs: number;
  /** Places of the series in the dictionary of the boot, ascending, none twice. Decoded rows may share one array: do not write into it. */
  readonly indexes: Uint32Array;
  /** As many values as indexes. Every float64 arrives as it was, except that all NaN become the one of 0x7ff8000000000000. */
  readonly values: Float64Array;
}

/**
 * The body of a samples frame. Rows may be at any instants and have any series; it is smallest when all have the same series and ascend.
 * @throws FRAME_INVALID when rows are none or too many, a time is no integer from 0 to 2^53-1, indexes are out of order or range, or
 * rows times different series exceed limits.samplesPerFrameMax
 */
export const encodeSamples = (rows: readonly SampleRow[]): Uint8Array => {
  const series = seriesOf(rows);
  assertCounts(rows.length, series.length);
  const header = new ByteWriter(64 + rows.length * 4);
  writeTimes(header, rows);
  writeSeries(header, series);
  const isComplete = rows.every((row) => row.indexes.length === series.length);
  header.byte(isComplete ? 0 : 1);
  if (!isComplete) writePresence(header, rows, series);

  const bits = new BitWriter(64 + rows.length * series.length * 4);
  const scratch = columnScratch(rows.length);
  // Place in each row of the value that is next to be written.
  const places = new Uint32Array(rows.length);
  const valuesOfRow = rows.map((row) => row.values);
  let columnClass = firstClass;
  for (let column = 0; column < series.length; column += 1) {
    let count = 0;
    for (let row = 0; row < rows.length; row += 1) {
      const place = places[row] ?? 0;
      if (!isComplete && rows[row]?.indexes[place] !== series[column]) continue;
      scratch.values[count++] = valuesOfRow[row]?.[place] ?? 0;
      places[row] = place + 1;
    }
    columnClass = writeColumn(bits, scratch, count, columnClass);
  }
  header.raw(bits.finish());
  return header.finish();
};

/**
 * Needs no frame before it. What it makes is bounded by limits.samplesPerFrameMax whatever the header announces.
 * @throws FRAME_INVALID naming what is wrong
 */
export const decodeSamples = (body: Uint8Array): SampleRow[] => {
  const reader = new ByteReader(body);
  const times = readTimes(reader);
  const series = readSeries(reader, times.length);
  const form = reader.byte('the form of the rows');
  if (form > 1) throw invalid(`the form of the rows is ${form}; 0 or 1 is needed`);
  const presence = form === 0 ? null : readPresence(reader, times.length, series.length);

  const rows = presence === null ? completeRows(times, series) : partialRows(times, series, presence);
  const bits = new BitReader(reader.raw(reader.bytesLeft, 'the columns'));
  const scratch = columnScratch(times.length);
  const places = new Uint32Array(times.length);
  const valuesOfRow = rows.map((row) => row.values);
  let columnClass = firstClass;
  for (let column = 0; column < series.length; column += 1) {
    const count = presence === null ? rows.length : countPresent(presence, rows.length, series.length, column);
    columnClass = readColumn(bits, scratch, count, columnClass);
    let taken = 0;
    for (let row = 0; row < rows.length; row += 1) {
      if (presence !== null && !isPresent(presence, row * series.length + column)) continue;
      const place = places[row] ?? 0;
      const values = valuesOfRow[row];
      if (values !== undefined) values[place] = scratch.values[taken++] ?? 0;
      places[row] = place + 1;
    }
  }
  bits.end('the last column');
  return rows;
};

const assertCounts = (rowCount: number, seriesCount: number): void => {
  if (rowCount < 1 || rowCount > limits.rowsPerFrameMax) {
    throw invalid(`it has ${rowCount} rows; 1 to ${limits.rowsPerFrameMax} are needed`);
  }
  if (rowCount * seriesCount > limits.samplesPerFrameMax) {
    throw invalid(`${rowCount} rows of ${seriesCount} series are more than ${limits.samplesPerFrameMax} values`);
  }
};

/** All series of the rows, ascending. */
const seriesOf = (rows: readonly SampleRow[]): Uint32Array => {
  const first = rows[0]?.indexes ?? new Uint32Array(0);
  let areSame = true;
  for (const row of rows) {
    if (row.indexes.length !== row.values.length) {
      throw invalid(`a row has ${row.indexes.length} indexes and ${row.values.length} values`);
    }
    if (row.indexes === first) continue;
    assertAscending(row.indexes);
    areSame &&= row.indexes.length === first.length && row.indexes.every((index, place) => index === first[place]);
  }
  assertAscending(first);
  if (areSame) return first;
  return Uint32Array.from(new Set(rows.flatMap((row) => [...row.indexes]))).sort();
};

const assertAscending = (indexes: Uint32Array): void => {
  let before = -1;
  for (const index of indexes) {
    if (index <= before) throw invalid(`the indexes of a row are not ascending: ${index} after ${before}`);
    before = index;
  }
  if (before >= limits.seriesPerAgentMax)
    throw invalid(`a row has the index ${before}; at most ${limits.seriesPerAgentMax - 1} is allowed`);
};

/** Count of rows, the first time, then the steps between them, folded so that small ones of both signs are small (zigzag). */
const writeTimes = (writer: ByteWriter, rows: readonly SampleRow[]): void => {
  writer.varint(rows.length);
  let before = 0;
  for (const [index, { atMs }] of rows.entries()) {
    if (!Number.isSafeInteger(atMs) || atMs < 0) throw invalid(`a row is at ${atMs}; an integer from 0 to 2^53-1 is needed`);
    const step = atMs - before;
    if (Math.abs(step) > timeStepMax && index > 0)
      throw invalid(`rows are ${Math.abs(step)} ms apart; at most ${timeStepMax} is allowed`);
    writer.varint(index === 0 ? atMs : step >= 0 ? step * 2 : step * -2 - 1);
    before = atMs;
  }
};

/** So that a folded step stays an exact integer. */
const timeStepMax = 2 ** 51;

const readTimes = (reader: ByteReader): readonly number[] => {
  const count = reader.varint('the count of rows');
  assertCounts(count, 0);
  const times: number[] = [];
  let atMs = 0;
  for (let index = 0; index < count; index += 1) {
    const number = reader.varint('the time of a row');
    atMs = index === 0 ? number : atMs + (number % 2 === 0 ? number / 2 : -(number + 1) / 2);
    if (atMs < 0 || atMs > Number.MAX_SAFE_INTEGER) throw invalid(`a row is at ${atMs}; 0 to 2^53-1 is needed`);
    times.push(atMs);
  }
  return times;
};

/** Indexes as ranges of neighbours: how many, then for each the gap since the range before and the length less one. */
const writeSeries = (writer: ByteWriter, series: Uint32Array): void => {
  const ranges = new ByteWriter();
  let rangeCount = 0;
  let end = 0;
  for (let place = 0; place < series.length; ) {
    const first = series[place] ?? 0;
    const from = place;
    do place += 1;
    while (place < series.length && series[place] === first + (place - from));
    ranges.varint(first - end);
    ranges.varint(place - from - 1);
    end = first + (place - from);
    rangeCount += 1;
  }
  writer.varint(rangeCount);
  writer.raw(ranges.finish());
};

const readSeries = (reader: ByteReader, rowCount: number): Uint32Array => {
  const rangeCount = reader.varint('the count of ranges', limits.seriesPerAgentMax);
  const bounds: number[] = [];
  let count = 0;
  let next = 0;
  for (let range = 0; range < rangeCount; range += 1) {
    const gap = reader.varint('a gap between ranges', limits.seriesPerAgentMax);
    if (gap === 0 && range > 0) throw invalid('two ranges of indexes touch; they must be one');
    const first = next + gap;
    next = first + reader.varint('the length of a range', limits.seriesPerAgentMax) + 1;
    if (next > limits.seriesPerAgentMax)
      throw invalid(`it has the index ${next - 1}; at most ${limits.seriesPerAgentMax - 1} is allowed`);
    bounds.push(first, next);
    count += next - first;
  }
  assertCounts(rowCount, count);
  const series = new Uint32Array(count);
  let place = 0;
  for (let bound = 0; bound < bounds.length; bound += 2) {
    const end = bounds[bound + 1] ?? 0;
    for (let index = bounds[bound] ?? 0; index < end; index += 1) series[place++] = index;
  }
  return series;
};

const isPresent = (presence: Uint8Array, cell: number): boolean => (((presence[cell >>> 3] ?? 0) >>> (cell & 7)) & 1) === 1;

/** One bit for each row and series, row by row, lowest bit first: whether the row has the series. */
const writePresence = (writer: ByteWriter, rows: readonly SampleRow[], series: Uint32Array): void => {
  const presence = new Uint8Array(Math.ceil((rows.length * series.length) / 8));
  for (const [row, { indexes }] of rows.entries()) {
    let place = 0;
    for (let column = 0; column < series.length; column += 1) {
      if (indexes[place] !== series[column]) continue;
      const cell = row * series.length + column;
      presence[cell >>> 3] = (presence[cell >>> 3] ?? 0) | (1 << (cell & 7));
      place += 1;
    }
  }
  writer.raw(presence);
};

const readPresence = (reader: ByteReader, rowCount: number, seriesCount: number): Uint8Array => {
  const cells = rowCount * seriesCount;
  const presence = reader.raw(Math.ceil(cells / 8), 'the table of present values');
  for (let cell = cells; cell < presence.length * 8; cell += 1) {
    if (isPresent(presence, cell)) throw invalid('the table of present values has bits after its end');
  }
  return presence;
};

const countPresent = (presence: Uint8Array, rowCount: number, seriesCount: number, column: number): number => {
  let count = 0;
  for (let row = 0; row < rowCount; row += 1) if (isPresent(presence, row * seriesCount + column)) count += 1;
  if (count === 0) throw invalid('it names a series that no row has');
  return count;
};

const completeRows = (times: readonly number[], series: Uint32Array): SampleRow[] => {
  // One allocation for all rows; each is a window of it.
  const values = new Float64Array(times.length * series.length);
  return times.map((atMs, row) => ({
    atMs,
    indexes: series,
    values: values.subarray(row * series.length, (row + 1) * series.length),
  }));
};

const partialRows = (times: readonly number[], series: Uint32Array, presence: Uint8Array): SampleRow[] =>
  times.map((atMs, row) => {
    const indexes = series.filter((_, column) => isPresent(presence, row * series.length + column));
    return { atMs, indexes, values: new Float64Array(indexes.length) };
  });
