import { type BitReader, type BitWriter, bitLength, powerOfTwo } from './bits.ts';
import { invalid } from './varint.ts';

// The values of one series in the rows of a frame. See PROTOCOL.md, "Columns": what is written here bit by bit is explained there.

/**
 * How a value comes from its mantissa, an integer: times 1024, as it is, or divided by a power of ten (IEEE division, so every language
 * gets the same float64). Ascending: what a class can hold the following ones mostly can too, with larger mantissas.
 */
const classDivisors = [1 / 1024, 1, 100, 1_000, 1_000_000, 1_000_000_000] as const;
/** No mantissa at all but the 64 bits of the value. 6 is not used. */
const rawClass = 7;
const scaledClassMax = classDivisors.length - 1;
const mantissaMax = Number.MAX_SAFE_INTEGER;
/** The class before the first column. */
export const firstClass = 1;
/** Larger steps send the column to the raw class, so that no sum or difference of steps leaves the exact integers. */
const stepMax = 2 ** 46;
/** So many one bits in place of a quotient announce a number written plainly. */
const escapeOnes = 16;
const parameterMax = 48;
const nanBits = 0x7ff8000000000000n;
/** Most bits one value can take: escape, length, number. */
const valueBitsMax = escapeOnes + 6 + 53;
/** Most bits a column takes beyond its values: class, first value, base, parameter, flags. */
const columnBitsMax = 4 + 75 + 75 + 8;

/** Room for the work on one column; made once per frame. */
export interface ColumnScratch {
  /** The values of the column, `count` of them. */
  readonly values: Float64Array;
  readonly mantissas: Float64Array;
}

/** @param count most values of a column */
export const columnScratch = (count: number): ColumnScratch => ({
  values: new Float64Array(count),
  mantissas: new Float64Array(count),
});

/** Where a float64 is taken apart. Shared by all calls, because making one costs as much as twenty values; nothing stays in it. */
const floatBits = new DataView(new ArrayBuffer(8));

/**
 * Writes the first `count` values of the scratch (at least one).
 * @param classBefore class of the column before, firstClass for the first
 * @returns the class of this one
 */
export const writeColumn = (writer: BitWriter, scratch: ColumnScratch, count: number, classBefore: number): number => {
  writer.reserve(columnBitsMax + count * valueBitsMax);
  const { values, mantissas } = scratch;
  let columnClass = classify(values, mantissas, count, classBefore);
  if (columnClass !== rawClass && count > 1 && !areStepsSmall(mantissas, count)) columnClass = rawClass;
  if (columnClass === classBefore) writer.put(1, 1);
  else writer.put(columnClass << 1, 4);
  if (columnClass === rawClass) writeRaw(writer, scratch, count);
  else {
    putSigned(writer, mantissas[0] ?? 0);
    if (count > 1) writeSteps(writer, mantissas, count);
  }
  return columnClass;
};

/** Reads a column of `count` values into the scratch; returns its class. @throws FRAME_INVALID */
export const readColumn = (reader: BitReader, scratch: ColumnScratch, count: number, classBefore: number): number => {
  const columnClass = reader.get(1) === 1 ? classBefore : reader.get(3);
  const { values } = scratch;
  if (columnClass === rawClass) {
    readRaw(reader, scratch, count);
    return columnClass;
  }
  const divisor = classDivisors[columnClass];
  if (divisor === undefined) throw invalid(`a column has the class ${columnClass}, which is not known`);
  values[0] = getSigned(reader);
  if (count > 1) readSteps(reader, values, count);
  if (divisor !== 1) for (let index = 0; index < count; index += 1) values[index] = (values[index] ?? 0) / divisor;
  return columnClass;
};

/** Finds the least class that holds every value, and fills in the mantissas. */
const classify = (values: Float64Array, mantissas: Float64Array, count: number, classBefore: number): number => {
  // Nothing but zeros, which every class holds: the one before costs least.
  if (classBefore !== rawClass && areZeros(values, count)) {
    mantissas.fill(0, 0, count);
    return classBefore;
  }
  let columnClass = 0;
  while (columnClass <= scaledClassMax && !fillMantissas(values, mantissas, count, columnClass)) columnClass += 1;
  return columnClass <= scaledClassMax ? columnClass : rawClass;
};

/** Whether all are 0, and none is -0. */
const areZeros = (values: Float64Array, count: number): boolean => {
  for (let index = 0; index < count; index += 1) if (!Object.is(values[index], 0)) return false;
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
    // A mantissa cannot tell -0 from 0.
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
  // The highest bit is a one: it is not written.
  if (length > 1) writer.putWide(value - powerOfTwo(length - 1), length - 1);
};

const getNumber = (reader: BitReader): number => readNumber(reader, reader.get(6));

const readNumber = (reader: BitReader, length: number): number => {
  if (length <= 1) return length;
  if (length > 53) throw invalid(`a number has ${length} bits; at most 53 are allowed`);
  return reader.getWide(length - 1) + powerOfTwo(length - 1);
};

const negativeMark = 63;

/** A number; before a negative one the length 63 stands as its sign. */
const putSigned = (writer: BitWriter, value: number): void => {
  if (value < 0) writer.put(negativeMark, 6);
  putNumber(writer, Math.abs(value));
};

const getSigned = (reader: BitReader): number => {
  const length = reader.get(6);
  return length === negativeMark ? -getNumber(reader) : readNumber(reader, length);
};

/** Steps from value to value: none, or one of two forms, whichever is estimated to be shorter. */
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
  if (changes === 0) {
    writer.put(0, 1);
    return;
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

const readSteps = (reader: BitReader, values: Float64Array, count: number): void => {
  let value = values[0] ?? 0;
  if (reader.get(1) === 0) {
    values.fill(value, 1, count);
    return;
  }
  const isDense = reader.get(1) === 0;
  const least = isDense ? getSigned(reader) : 0;
  const parameter = reader.get(6);
  if (parameter > parameterMax) throw invalid(`a column has the parameter ${parameter}; at most ${parameterMax} is allowed`);
  for (let index = 1; index < count; index += 1) {
    if (isDense) value += least + getRice(reader, parameter);
    else if (reader.get(1) === 1) {
      const folded = getRice(reader, parameter);
      value += folded % 2 === 0 ? folded / 2 + 1 : -(folded + 1) / 2;
    }
    if (value > mantissaMax || value < -mantissaMax) throw invalid('a column leaves the integers that float64 can tell apart');
    values[index] = value;
  }
};

/** The Rice parameter for numbers of this mean: near log2 of it. Rice (1979); the factor is the best of those tried on host values. */
const parameterOf = (mean: number): number => bitLength(Math.floor(Math.max(0, mean) * 0.7));

/** Quotient by 2^parameter in ones, a zero, then the remainder; an outlier as 16 ones and the number. */
const putRice = (writer: BitWriter, value: number, parameter: number): void => {
  const quotient = value < 2 ** 31 && parameter < 31 ? value >>> parameter : Math.floor(value / powerOfTwo(parameter));
  if (quotient >= escapeOnes) {
    writer.put(2 ** escapeOnes - 1, escapeOnes);
    putNumber(writer, value);
    return;
  }
  writer.put((1 << quotient) - 1, quotient + 1);
  if (parameter > 0) writer.putWide(parameter <= 24 ? value & ((1 << parameter) - 1) : value % powerOfTwo(parameter), parameter);
};

const getRice = (reader: BitReader, parameter: number): number => {
  const quotient = reader.ones(escapeOnes);
  if (quotient === escapeOnes) return getNumber(reader);
  return quotient * powerOfTwo(parameter) + (parameter > 0 ? reader.getWide(parameter) : 0);
};

/** 64 bits of the first value; then for each row one bit, and the 64 bits again when it is 1: the value is another one. */
const writeRaw = (writer: BitWriter, { values }: ColumnScratch, count: number): void => {
  let before = 0;
  for (let index = 0; index < count; index += 1) {
    const value = values[index] ?? 0;
    // Object.is: NaN is the same as NaN, and -0 is another value than 0.
    if (index > 0) {
      const isSame = Object.is(value, before);
      writer.put(isSame ? 0 : 1, 1);
      if (isSame) continue;
    }
    before = value;
    floatBits.setFloat64(0, value, true);
    // There are many NaN, and machines do not agree on which one arithmetic makes: one stands for all.
    if (Number.isNaN(value)) floatBits.setBigUint64(0, nanBits, true);
    for (let part = 0; part < 8; part += 2) writer.put(floatBits.getUint16(part, true), 16);
  }
};

const readRaw = (reader: BitReader, { values }: ColumnScratch, count: number): void => {
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && reader.get(1) === 0) {
      values[index] = values[index - 1] ?? 0;
      continue;
    }
    for (let part = 0; part < 8; part += 2) floatBits.setUint16(part, reader.get(16), true);
    values[index] = floatBits.getFloat64(0, true);
  }
};
