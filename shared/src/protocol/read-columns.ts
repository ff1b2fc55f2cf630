import { assertWithin, type BitCursor, peek, powerOfTwo, takeBits } from './bits.ts';
import {
  classDivisors,
  escapeOnes,
  firstClass,
  floatBits,
  mantissaMax,
  negativeMark,
  rawClass,
  scaledClassMax,
} from './column-classes.ts';
import { invalid } from './varint.ts';

// The way back from write-columns.ts. The hot loops look at the next 25 bits or more at a time, and take the long way for larger numbers.

const parameterMax = 48;
/** Numbers of so many bits are read at one look. */
const plainLengthMax = 25;

/**
 * Reads the columns of a frame of one row into all of `values`. Measured hot path.
 * @throws FRAME_INVALID
 */
export const readRow = (cursor: BitCursor, values: Float64Array): void => {
  const { view, end } = cursor;
  let at = cursor.at;
  let columnClass: number = firstClass;
  for (let column = 0; column < values.length; column += 1) {
    const head = peek(view, at);
    const isSame = (head & 1) === 1;
    if (!isSame) columnClass = (head >>> 1) & 7;
    const length = (head >>> (isSame ? 1 : 4)) & 63;
    at += isSame ? 1 : 4;
    if (columnClass <= scaledClassMax && length <= plainLengthMax) {
      at += 6;
      const top = (1 << length) >>> 1;
      const mantissa = (peek(view, at) & (top - 1)) | top;
      values[column] = length === 0 ? 0 : mantissa / (classDivisors[columnClass] ?? 1);
      at += length > 1 ? length - 1 : 0;
    } else {
      cursor.at = at;
      values[column] = columnClass === rawClass ? takeRaw(cursor) : takeSigned(cursor) / divisorOf(columnClass);
      at = cursor.at;
    }
    assertWithin(at, end);
  }
  cursor.at = at;
};

/** Where the values of a column go: `count` places of `values`, from `first` on, `stride` apart. Changed from column to column. */
export interface ColumnPlace {
  readonly values: Float64Array;
  readonly stride: number;
  first: number;
  count: number;
}

/** Reads a column; returns its class. @throws FRAME_INVALID */
export const readColumn = (cursor: BitCursor, place: ColumnPlace, classBefore: number): number => {
  const columnClass = takeBits(cursor, 1) === 1 ? classBefore : takeBits(cursor, 3);
  if (columnClass === rawClass) {
    readRaw(cursor, place);
    return columnClass;
  }
  const { values, stride, first, count } = place;
  const divisor = divisorOf(columnClass);
  const mantissa = takeSigned(cursor);
  const value = mantissa / divisor;
  values[first] = value;
  if (count > 1) {
    if (takeBits(cursor, 1) === 1) readSteps(cursor, place, mantissa, divisor);
    else for (let row = 1; row < count; row += 1) values[first + row * stride] = value;
  }
  assertWithin(cursor.at, cursor.end);
  return columnClass;
};

const divisorOf = (columnClass: number): number => {
  const divisor = classDivisors[columnClass];
  if (divisor === undefined) throw invalid(`a column has the class ${columnClass}, which is not known`);
  return divisor;
};

const takeNumber = (cursor: BitCursor, length: number): number => {
  if (length <= 1) return length;
  if (length > 53) throw invalid(`a number has ${length} bits; at most 53 are allowed`);
  return takeBits(cursor, length - 1) + powerOfTwo(length - 1);
};

const takeSigned = (cursor: BitCursor): number => {
  const length = takeBits(cursor, 6);
  return length === negativeMark ? -takeNumber(cursor, takeBits(cursor, 6)) : takeNumber(cursor, length);
};

const readSteps = (cursor: BitCursor, { values, stride, first, count }: ColumnPlace, start: number, divisor: number): void => {
  const { view, end } = cursor;
  const isDense = takeBits(cursor, 1) === 0;
  const least = isDense ? takeSigned(cursor) : 0;
  const parameter = takeBits(cursor, 6);
  if (parameter > parameterMax) throw invalid(`a column has the parameter ${parameter}; at most ${parameterMax} is allowed`);
  let at = cursor.at;
  let mantissa = start;
  for (let row = 1; row < count; row += 1) {
    let head = peek(view, at);
    const hasStep = isDense || (head & 1) === 1;
    if (!isDense) {
      at += 1;
      head >>>= 1;
    }
    if (hasStep) {
      // The lowest zero ends the quotient; when all bits seen are ones this is -1.
      const quotient = 31 - Math.clz32(~head & -~head);
      let number = 0;
      if (quotient >= 0 && quotient < escapeOnes && quotient + parameter < 24) {
        number = (quotient << parameter) | ((head >>> (quotient + 1)) & ((1 << parameter) - 1));
        at += quotient + 1 + parameter;
      } else {
        cursor.at = at;
        number = takeRice(cursor, parameter);
        at = cursor.at;
      }
      if (isDense) mantissa += least + number;
      else mantissa += number % 2 === 0 ? number / 2 + 1 : -(number + 1) / 2;
      if (Math.abs(mantissa) > mantissaMax) throw invalid('a column leaves the integers that float64 can tell apart');
    }
    assertWithin(at, end);
    values[first + row * stride] = mantissa / divisor;
  }
  cursor.at = at;
};

/** Any Rice number. */
const takeRice = (cursor: BitCursor, parameter: number): number => {
  const ones = peek(cursor.view, cursor.at) & (2 ** escapeOnes - 1);
  if (ones === 2 ** escapeOnes - 1) {
    cursor.at += escapeOnes;
    return takeNumber(cursor, takeBits(cursor, 6));
  }
  const quotient = 31 - Math.clz32(~ones & -~ones);
  cursor.at += quotient + 1;
  return quotient * powerOfTwo(parameter) + takeBits(cursor, parameter);
};

const takeRaw = (cursor: BitCursor): number => {
  const { view, at } = cursor;
  cursor.at = at + 64;
  for (let part = 0; part < 4; part += 1) floatBits.setUint16(part * 2, peek(view, at + part * 16), true);
  return floatBits.getFloat64(0, true);
};

const readRaw = (cursor: BitCursor, { values, stride, first, count }: ColumnPlace): void => {
  let value = 0;
  for (let row = 0; row < count; row += 1) {
    const isNew = row === 0 || takeBits(cursor, 1) === 1;
    if (isNew) {
      value = takeRaw(cursor);
      assertWithin(cursor.at, cursor.end);
    }
    values[first + row * stride] = value;
  }
  assertWithin(cursor.at, cursor.end);
};
