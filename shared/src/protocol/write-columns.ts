import { type BitWriter, bitLength, powerOfTwo } from './bits.ts';
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

// The values of one series in the rows of a frame. See PROTOCOL.md, "Columns": what is written here bit by bit is explained there.

const fractionClassMin = 2;
/** Larger steps send the column to the raw class, so that no sum or difference of steps leaves the exact integers. */
const stepMax = 2 ** 46;
/** Most bits one value can take: escape, length, number. */
const valueBitsMax = escapeOnes + 6 + 53;
/** Most bits a column takes beyond its values: class, first value, base, parameter, flags. */
const columnBitsMax = 4 + 75 + 75 + 8;

/** Writes the columns of a frame of one row, whose values they are. Measured hot path. */
export const writeRow = (writer: BitWriter, values: Float64Array): void => {
  writer.reserve(values.length * (valueBitsMax + 4));
  let columnClass: number = firstClass;
  for (let column = 0; column < values.length; column += 1) columnClass = writeValue(writer, values[column] ?? 0, columnClass);
};

/**
 * Writes a column of one value. Measured hot path: all of a frame of one row goes through here.
 * @param classBefore class of the column before, firstClass for the first
 * @returns the class of this one
 */
export const writeValue = (writer: BitWriter, value: number, classBefore: number): number => {
  let columnClass = 0;
  let mantissa = 0;
  if (Math.floor(value) === value) {
    mantissa = value / 1024;
    if (mantissa !== Math.floor(mantissa)) {
      mantissa = value;
      columnClass = 1;
      // Every class holds 0: the one before costs least.
    } else if (mantissa === 0 && classBefore !== rawClass) columnClass = classBefore;
  } else {
    columnClass = fractionClassMin;
    for (; columnClass <= scaledClassMax; columnClass += 1) {
      const divisor = classDivisors[columnClass] ?? 1;
      mantissa = Math.floor(value * divisor + 0.5);
      if (mantissa / divisor === value) break;
    }
  }
  // A mantissa cannot tell -0 from 0.
  if (columnClass > scaledClassMax || Math.abs(mantissa) > mantissaMax || Object.is(value, -0)) {
    putClass(writer, rawClass, classBefore);
    putRaw(writer, value);
    return rawClass;
  }
  const isSame = columnClass === classBefore;
  const prefix = isSame ? 1 : columnClass << 1;
  const prefixBits = isSame ? 1 : 4;
  if (mantissa >= 0 && mantissa < 2 ** 22) {
    const length = 32 - Math.clz32(mantissa);
    // Its highest bit is a one: it is not written. 0 has none, and a length of 0 masks nothing of it.
    const rest = mantissa & ((1 << (length - 1)) - 1);
    writer.put(prefix | (length << prefixBits) | (rest << (prefixBits + 6)), prefixBits + 6 + (length > 1 ? length - 1 : 0));
  } else {
    writer.put(prefix, prefixBits);
    putSigned(writer, mantissa);
  }
  return columnClass;
};

/** Room for the work on one column; made once per frame. */
export interface ColumnScratch {
  /** The values of the column. */
  readonly values: Float64Array;
  readonly mantissas: Float64Array;
}

/** @param count most values of a column */
export const columnScratch = (count: number): ColumnScratch => ({
  values: new Float64Array(count),
  mantissas: new Float64Array(count),
});

/** As writeValue, for the first `count` values of the scratch (at least one). */
export const writeColumn = (writer: BitWriter, scratch: ColumnScratch, count: number, classBefore: number): number => {
  const { values, mantissas } = scratch;
  writer.reserve(columnBitsMax + count * valueBitsMax);
  if (areSame(values, count)) {
    const columnClass = writeValue(writer, values[0] ?? 0, classBefore);
    if (count > 1) putZeros(writer, columnClass === rawClass ? count - 1 : 1);
    return columnClass;
  }
  let columnClass = 0;
  while (columnClass <= scaledClassMax && !fillMantissas(values, mantissas, count, columnClass)) columnClass += 1;
  if (columnClass > scaledClassMax || !areStepsSmall(mantissas, count)) columnClass = rawClass;
  putClass(writer, columnClass, classBefore);
  if (columnClass === rawClass) writeRaw(writer, values, count);
  else {
    putSigned(writer, mantissas[0] ?? 0);
    writeSteps(writer, mantissas, count);
  }
  return columnClass;
};

const putClass = (writer: BitWriter, columnClass: number, classBefore: number): void => {
  if (columnClass === classBefore) writer.put(1, 1);
  else writer.put(columnClass << 1, 4);
};

const putZeros = (writer: BitWriter, count: number): void => {
  let left = count;
  for (; left > 31; left -= 31) writer.put(0, 31);
  writer.put(0, left);
};

/** Object.is: NaN is the same as NaN, and -0 is another value than 0. */
const areSame = (values: Float64Array, count: number): boolean => {
  const first = values[0] ?? 0;
  for (let index = 1; index < count; index += 1) if (!Object.is(values[index], first)) return false;
  return true;
};

/** @returns false when the class cannot hold one of the values exactly */
const fillMantissas = (values: Float64Array, mantissas: Float64Array, count: number, columnClass: number): boolean => {
  const divisor = classDivisors[columnClass] ?? 1;
  for (let index = 0; index < count; index += 1) {
    const value = values[index] ?? 0;
    // Rounding would hide that a value is no integer and no multiple of 1024; a fraction is proved by dividing again.
    const mantissa = divisor <= 1 ? value * divisor : Math.floor(value * divisor + 0.5);
    if (mantissa !== Math.floor(mantissa) || mantissa / divisor !== value || Math.abs(mantissa) > mantissaMax) return false;
    if (mantissa === 0 && Object.is(value, -0)) return false;
    mantissas[index] = mantissa;
  }
  return true;
};

const areStepsSmall = (mantissas: Float64Array, count: number): boolean => {
  let before = mantissas[0] ?? 0;
  for (let index = 1; index < count; index += 1) {
    const mantissa = mantissas[index] ?? 0;
    if (Math.abs(mantissa - before) > stepMax) return false;
    before = mantissa;
  }
  return true;
};

/** Length (6 bits), then the bits below the highest one. */
const putNumber = (writer: BitWriter, value: number): void => {
  const length = bitLength(value);
  writer.put(length, 6);
  if (length > 1) writer.putWide(value - powerOfTwo(length - 1), length - 1);
};

/** A number; before a negative one the length 63 stands as its sign. */
const putSigned = (writer: BitWriter, value: number): void => {
  if (value < 0) writer.put(negativeMark, 6);
  putNumber(writer, Math.abs(value));
};

/** Steps from value to value: one of two forms, whichever is estimated to be shorter. */
const writeSteps = (writer: BitWriter, mantissas: Float64Array, count: number): void => {
  const steps = count - 1;
  let least = Number.POSITIVE_INFINITY;
  let sizeSum = 0;
  let changes = 0;
  let before = mantissas[0] ?? 0;
  for (let index = 1; index < count; index += 1) {
    const mantissa = mantissas[index] ?? 0;
    const step = mantissa - before;
    before = mantissa;
    if (step < least) least = step;
    if (step !== 0) changes += 1;
    sizeSum += Math.abs(step);
  }
  const total = (mantissas[steps] ?? 0) - (mantissas[0] ?? 0);
  const denseBits = parameterOf(total / steps - least);
  // A step of size s that is not 0 is written as 2s-1 or 2s-2.
  const sparseBits = parameterOf((sizeSum / changes) * 2 - 1.5);
  const isDense = steps * (denseBits + 2) + bitLength(Math.abs(least)) + 6 < steps + changes * (sparseBits + 2);
  writer.put(isDense ? 1 : 3, 2);
  if (isDense) putSigned(writer, least);
  const parameter = isDense ? denseBits : sparseBits;
  writer.put(parameter, 6);
  before = mantissas[0] ?? 0;
  for (let index = 1; index < count; index += 1) {
    const mantissa = mantissas[index] ?? 0;
    const step = mantissa - before;
    before = mantissa;
    if (isDense) putRice(writer, step - least, parameter);
    else if (step === 0) writer.put(0, 1);
    else {
      writer.put(1, 1);
      putRice(writer, step > 0 ? step * 2 - 2 : step * -2 - 1, parameter);
    }
  }
};

/** The Rice parameter for numbers of this mean: near log2 of it. Rice (1979); the factor is the best of those tried on host values. */
const parameterOf = (mean: number): number => bitLength(Math.floor(Math.max(0, mean) * 0.7));

/** Quotient by 2^parameter in ones, a zero, then the remainder; an outlier as 16 ones and the number. */
const putRice = (writer: BitWriter, value: number, parameter: number): void => {
  if (parameter <= 15 && value < 2 ** 30) {
    const quotient = value >>> parameter;
    if (quotient < escapeOnes) {
      const rest = value & ((1 << parameter) - 1);
      writer.put(((1 << quotient) - 1) | (rest << (quotient + 1)), quotient + 1 + parameter);
      return;
    }
  }
  const quotient = Math.floor(value / powerOfTwo(parameter));
  if (quotient >= escapeOnes) {
    writer.put(2 ** escapeOnes - 1, escapeOnes);
    putNumber(writer, value);
    return;
  }
  writer.put((1 << quotient) - 1, quotient + 1);
  writer.putWide(value - quotient * powerOfTwo(parameter), parameter);
};

/** The 64 bits of a value. */
const putRaw = (writer: BitWriter, value: number): void => {
  // There are many NaN, and machines do not agree on which one arithmetic makes: one stands for all.
  if (Number.isNaN(value)) {
    floatBits.setInt32(0, 0, true);
    floatBits.setInt32(4, 0x7ff80000, true);
  } else floatBits.setFloat64(0, value, true);
  for (let part = 0; part < 8; part += 2) writer.put(floatBits.getUint16(part, true), 16);
};

/** The first value; then for each row one bit, and a value when it is 1: it is another one. */
const writeRaw = (writer: BitWriter, values: Float64Array, count: number): void => {
  let before = values[0] ?? 0;
  putRaw(writer, before);
  for (let index = 1; index < count; index += 1) {
    const value = values[index] ?? 0;
    const isSame = Object.is(value, before);
    writer.put(isSame ? 0 : 1, 1);
    if (!isSame) putRaw(writer, value);
    before = value;
  }
};
