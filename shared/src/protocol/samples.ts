import { limits } from '../limits.ts';
import { assertEnd, type BitCursor, BitWriter, bitCursor } from './bits.ts';
import { firstClass } from './column-classes.ts';
import { readColumn, readRow } from './read-columns.ts';
import { ByteReader, invalid } from './varint.ts';
import { columnScratch, writeColumn, writeRow } from './write-columns.ts';

// See PROTOCOL.md, "Samples". The values stand column by column, because the values of one series are alike and those of one row are not.

/** The values of some series at one instant. */
export interface SampleRow {
  /** Agent's clock. */
  readonly atMs: number;
  /** Places of the series in the dictionary of the boot, ascending, none twice. Decoded rows, of other frames too, may share one array: do not write into it. */
  readonly indexes: Uint32Array;
  /** As many values as indexes. Every float64 arrives as it was, except that all NaN become the one of 0x7ff8000000000000. */
  readonly values: Float64Array;
}

/** One for all frames: the columns begin where the header ends, whose parts are whole bytes. Nothing stays in it from frame to frame. */
const writer = new BitWriter();
/** Counts and form; a varint a row; two varints of at most three bytes a range of one series; a bit for each value. */
const headerBitsMax = (rowCount: number, seriesCount: number): number => 256 + rowCount * 64 + seriesCount * (48 + rowCount);

/**
 * The body of a samples frame. Rows may be at any instants and have any series; it is smallest when all have the same series and ascend.
 * @throws FRAME_INVALID when rows are none or too many, a time is no integer from 0 to 2^53-1, indexes are out of order or range, or
 * rows times different series exceed limits.samplesPerFrameMax
 */
export const encodeSamples = (rows: readonly SampleRow[]): Uint8Array => {
  const series = seriesOf(rows);
  assertCounts(rows.length, series.length);
  const isComplete = rows.every((row) => row.indexes.length === series.length);
  writer.start();
  writer.reserve(headerBitsMax(rows.length, series.length));
  writeTimes(rows);
  writeSeries(series);
  writer.put(isComplete ? 0 : 1, 8);
  if (!isComplete) writePresence(rows, series);
  const [only] = rows;
  if (rows.length === 1 && only !== undefined) writeRow(writer, only.values);
  else writeColumns(rows, series, isComplete);
  return writer.finish();
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
  const cursor = bitCursor(reader.raw(reader.bytesLeft, 'the columns'));
  const rows = presence === null ? completeRows(cursor, times, series) : partialRows(cursor, times, series, presence);
  assertEnd(cursor, 'the last column');
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
  for (const { indexes, values } of rows) {
    if (indexes.length !== values.length) throw invalid(`a row has ${indexes.length} indexes and ${values.length} values`);
    areSame &&= indexes === first || isEqual(indexes, first);
  }
  if (areSame) return first;
  for (const { indexes } of rows) rangesOf(indexes);
  return Uint32Array.from(new Set(rows.flatMap((row) => [...row.indexes]))).sort();
};

const isEqual = (some: Uint32Array, others: Uint32Array): boolean => {
  if (some.length !== others.length) return false;
  for (let place = 0; place < some.length; place += 1) if (some[place] !== others[place]) return false;
  return true;
};

/**
 * Ranges of neighbours: first index and the one after the last, range after range.
 * @throws FRAME_INVALID when the indexes do not ascend, or leave what an agent may have
 */
const rangesOf = (indexes: Uint32Array): readonly number[] => {
  const bounds: number[] = [];
  let next = -1;
  for (let place = 0; place < indexes.length; place += 1) {
    const index = indexes[place] ?? 0;
    if (index !== next) {
      if (index < next) throw invalid(`the indexes of a row are not ascending: ${index} after ${next - 1}`);
      if (next >= 0) bounds.push(next);
      bounds.push(index);
    }
    next = index + 1;
  }
  if (next >= 0) bounds.push(next);
  if (next > limits.seriesPerAgentMax)
    throw invalid(`a row has the index ${next - 1}; at most ${limits.seriesPerAgentMax - 1} is allowed`);
  return bounds;
};

/** Count of rows, the first time, then the steps between them, folded so that small ones of both signs are small (zigzag). */
const writeTimes = (rows: readonly SampleRow[]): void => {
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
const writeSeries = (series: Uint32Array): void => {
  const bounds = rangesOf(series);
  writer.varint(bounds.length / 2);
  let end = 0;
  for (let bound = 0; bound < bounds.length; bound += 2) {
    const first = bounds[bound] ?? 0;
    const next = bounds[bound + 1] ?? 0;
    writer.varint(first - end);
    writer.varint(next - first - 1);
    end = next;
  }
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
  // All series from one on, as good as always: a window of the whole numbers, which need not be made for each frame.
  if (rangeCount === 1) return wholeNumbers().subarray(bounds[0], bounds[1]);
  const series = new Uint32Array(count);
  let place = 0;
  for (let bound = 0; bound < bounds.length; bound += 2) {
    const end = bounds[bound + 1] ?? 0;
    for (let index = bounds[bound] ?? 0; index < end; index += 1) series[place++] = index;
  }
  return series;
};

let allIndexes: Uint32Array | null = null;
/** 0, 1, 2 … for every index a series may have; 80 KB, made when they are first needed: agents do not decode. */
const wholeNumbers = (): Uint32Array => {
  allIndexes ??= Uint32Array.from({ length: limits.seriesPerAgentMax }, (_, index) => index);
  return allIndexes;
};

const isPresent = (presence: Uint8Array, cell: number): boolean => (((presence[cell >>> 3] ?? 0) >>> (cell & 7)) & 1) === 1;

/** One bit for each row and series, row by row, lowest bit first: whether the row has the series. */
const writePresence = (rows: readonly SampleRow[], series: Uint32Array): void => {
  for (const { indexes } of rows) {
    let place = 0;
    for (let column = 0; column < series.length; column += 1) {
      const has = indexes[place] === series[column];
      writer.put(has ? 1 : 0, 1);
      if (has) place += 1;
    }
  }
  writer.put(0, -(rows.length * series.length) & 7);
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

const writeColumns = (rows: readonly SampleRow[], series: Uint32Array, isComplete: boolean): void => {
  const scratch = columnScratch(rows.length);
  const valuesOfRow = rows.map((row) => row.values);
  // Place in each row of the value that is next to be written.
  const places = new Uint32Array(rows.length);
  let columnClass: number = firstClass;
  for (let column = 0; column < series.length; column += 1) {
    let count = 0;
    for (let row = 0; row < rows.length; row += 1) {
      const place = isComplete ? column : (places[row] ?? 0);
      if (!isComplete && rows[row]?.indexes[place] !== series[column]) continue;
      scratch.values[count++] = valuesOfRow[row]?.[place] ?? 0;
      if (!isComplete) places[row] = place + 1;
    }
    columnClass = writeColumn(writer, scratch, count, columnClass);
  }
};

const completeRows = (cursor: BitCursor, times: readonly number[], series: Uint32Array): SampleRow[] => {
  // All rows are windows of one array.
  const values = takeValues(times.length * series.length);
  if (times.length === 1) {
    readRow(cursor, values);
    return [{ atMs: times[0] ?? 0, indexes: series, values }];
  }
  const place = { values, stride: series.length, first: 0, count: times.length };
  let columnClass: number = firstClass;
  for (; place.first < series.length; place.first += 1) columnClass = readColumn(cursor, place, columnClass);
  return times.map((atMs, row) => ({
    atMs,
    indexes: series,
    values: values.subarray(row * series.length, (row + 1) * series.length),
  }));
};

const slabValues = 8_192;
let slab = new Float64Array(0);
let slabUsed = 0;
/** Room for the values of a frame. Small ones share their memory, because allocating it takes as long as decoding twenty values. */
const takeValues = (count: number): Float64Array => {
  if (count > slabValues / 8) return new Float64Array(count);
  if (slabUsed + count > slab.length) {
    slab = new Float64Array(slabValues);
    slabUsed = 0;
  }
  slabUsed += count;
  return slab.subarray(slabUsed - count, slabUsed);
};

const partialRows = (cursor: BitCursor, times: readonly number[], series: Uint32Array, presence: Uint8Array): SampleRow[] => {
  const rows = times.map((atMs, row) => {
    const indexes = series.filter((_, column) => isPresent(presence, row * series.length + column));
    return { atMs, indexes, values: new Float64Array(indexes.length) };
  });
  const column = { values: new Float64Array(rows.length), stride: 1, first: 0, count: 0 };
  // Place in each row of the value that is next to be read.
  const places = new Uint32Array(rows.length);
  let columnClass: number = firstClass;
  for (let index = 0; index < series.length; index += 1) {
    column.count = countPresent(presence, rows.length, series.length, index);
    columnClass = readColumn(cursor, column, columnClass);
    let taken = 0;
    for (const [row, { values }] of rows.entries()) {
      if (!isPresent(presence, row * series.length + index)) continue;
      const place = places[row] ?? 0;
      values[place] = column.values[taken++] ?? 0;
      places[row] = place + 1;
    }
  }
  return rows;
};
