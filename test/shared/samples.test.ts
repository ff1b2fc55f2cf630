import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../shared/src/errors.ts';
import { limits } from '../../shared/src/limits.ts';
import { decodeFrame, encodeFrame } from '../../shared/src/protocol/frame.ts';
import { decodeSamples, encodeSamples, type SampleRow } from '../../shared/src/protocol/samples.ts';
import { hostRecording } from '../support/host-recording.ts';

const bits = new DataView(new ArrayBuffer(8));
const float64 = (hex: string): number => {
  bits.setBigUint64(0, BigInt(`0x${hex}`));
  return bits.getFloat64(0);
};
const row = (atMs: number, indexes: readonly number[], values: readonly number[]): SampleRow => ({
  atMs,
  indexes: Uint32Array.from(indexes),
  values: Float64Array.from(values),
});
const plain = (rows: readonly SampleRow[]) =>
  rows.map(({ atMs, indexes, values }) => ({ atMs, indexes: [...indexes], values: [...values] }));
/** Through bytes and back. toStrictEqual tells -0 from 0 and takes NaN for NaN. */
const expectExact = (rows: readonly SampleRow[]): void => {
  expect(plain(decodeSamples(encodeSamples(rows)))).toStrictEqual(plain(rows));
};
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError && error.code === 'FRAME_INVALID') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('values arrive exactly', () => {
  const cases: readonly { why: string; values: readonly number[] }[] = [
    { why: 'zero', values: [0, 0, 0] },
    { why: 'zero of both signs', values: [0, -0, 0, -0, -0] },
    { why: 'not a number', values: [Number.NaN, 1, Number.NaN, Number.NaN] },
    { why: 'infinities', values: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0] },
    { why: 'the largest and the smallest', values: [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -Number.MIN_VALUE] },
    { why: 'integers up to 2^53', values: [2 ** 53, 2 ** 53 - 1, 2 ** 53 - 2, 1, -(2 ** 53), 1 - 2 ** 53] },
    { why: 'integers around 2^53 that stay there', values: [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 53 - 1] },
    { why: 'integers beyond 2^53', values: [2 ** 53 + 2, 2 ** 60, 2 ** 63, 2 ** 64, -(2 ** 70)] },
    { why: 'multiples of 1024', values: [1024, 4096, 25_276_514_304, 0, -2048] },
    { why: 'a multiple of 1024 and one that is none', values: [4096, 4097, 4096] },
    { why: 'hundredths', values: [1700.57, 1700.58, 1715.12, 0.01, -0.01] },
    { why: 'thousandths', values: [75.915, 75.915, 76.001] },
    { why: 'millionths', values: [18.185534, 18.185535, 0] },
    { why: 'thousand millionths', values: [0.000000001, 1.000000002] },
    { why: 'a fraction of which only one row has more digits', values: [1.25, 1.5, 1.123_456_7, 2] },
    { why: 'numbers no decimal fraction fits', values: [Math.PI, Math.E, 30.541113000000003, 1 / 3] },
    { why: 'hundredths too large for a mantissa', values: [90_071_992_547_409.94, 0.25, 1e15 + 0.5] },
    { why: 'a counter that starts again', values: [9_000_000_000, 9_000_000_100, 3, 120] },
    { why: 'a counter at a constant rate', values: [1000, 1500, 2000, 2500, 3000] },
    { why: 'a step at the limit of steps', values: [0, 2 ** 46, 0, -(2 ** 46)] },
    { why: 'a step beyond the limit of steps', values: [0, 2 ** 46 + 1, 0] },
    { why: 'one outlier among small steps', values: [1, 2, 3, 4, 5, 6, 7, 2 ** 45, 8, 9, 10, 11] },
    { why: 'subnormal numbers', values: [5e-324, 2.225e-308, 1e-310] },
  ];
  for (const { why, values } of cases) {
    test(`${why}, in one column`, () => {
      expectExact(values.map((value, index) => row(1_793_577_600_000 + index * 15_000, [7], [value])));
    });
    test(`${why}, in one row`, () => {
      expectExact([
        row(
          0,
          values.map((_, index) => index),
          values,
        ),
      ]);
    });
  }

  test('every NaN becomes the one NaN', () => {
    const rows = [row(1, [0, 1, 2], [0, 0, 0])];
    const view = new DataView(rows[0]?.values.buffer ?? new ArrayBuffer(0));
    for (const [index, hex] of ['7ff0000000000001', 'fff8000000000000', '7ff0000000000002'].entries()) {
      view.setBigUint64(index * 8, BigInt(`0x${hex}`), true);
    }
    const [back] = decodeSamples(encodeSamples(rows));
    const values = new DataView(back?.values.slice().buffer ?? new ArrayBuffer(0));
    for (const index of [0, 1, 2]) expect(values.getBigUint64(index * 8, true).toString(16)).toBe('7ff8000000000000');
  });

  test('rows without values, of different series, going back in time', () => {
    expectExact([row(5, [], [])]);
    expectExact([row(5, [], []), row(4, [3, 19_999], [1, -0]), row(2 ** 50, [0, 3], [0.5, 7]), row(0, [], [])]);
  });

  test('rows that share the array of indexes', () => {
    const indexes = Uint32Array.of(0, 1, 5);
    expectExact([1, 2, 3].map((atMs) => ({ atMs, indexes, values: Float64Array.of(atMs, 0, -atMs) })));
  });

  test('a window of a larger array', () => {
    const values = Float64Array.of(9, 1, 2, 9).subarray(1, 3);
    expectExact([{ atMs: 1, indexes: Uint32Array.of(9, 1, 2, 9).subarray(1, 3), values }]);
  });

  test('the largest frame, of values that pack worst, and a small one after it', () => {
    const count = limits.seriesPerAgentMax;
    const indexes = Uint32Array.from({ length: count }, (_, index) => index);
    const large = Array.from({ length: limits.samplesPerFrameMax / count }, (_, atMs) => ({
      atMs,
      indexes,
      values: Float64Array.from(indexes, (index) => Math.sqrt(index + atMs + 2) * 1e-7),
    }));
    expectExact(large);
    expectExact(large.slice(0, 1));
    expectExact([row(1, [0, 1], [2.5, -3])]);
  });

  test('a refused frame leaves nothing in the next one', () => {
    refusal(() => encodeSamples([row(1, [0], [7]), row(2 ** 52, [0], [7])]));
    expectExact([row(1, [0], [2.5])]);
  });

  test('any bits, any rows', () => {
    const anyBits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((number) => float64(number.toString(16).padStart(16, '0')));
    const value = fc.oneof(
      anyBits,
      fc.double(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => number / 100),
      fc.constantFrom(0, -0, 1, 2 ** 53, 4096),
    );
    const anyRow = fc
      .tuple(
        fc.nat({ max: 2 ** 50 }),
        fc.uniqueArray(fc.tuple(fc.nat({ max: 30 }), value), { selector: ([index]) => index, size: 'max', maxLength: 20 }),
      )
      .map(([atMs, cells]) => {
        const sorted = cells.toSorted(([left], [right]) => left - right);
        return row(
          atMs,
          sorted.map(([index]) => index),
          sorted.map(([, one]) => one),
        );
      });
    fc.assert(fc.property(fc.array(anyRow, { minLength: 1, maxLength: 12, size: 'max' }), expectExact), { numRuns: 300 });
  });

  test('any column of any bits, each close to the one before', () => {
    const step = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer(), fc.constant(0), fc.constant(2 ** 47));
    const column = fc.tuple(
      fc.maxSafeInteger(),
      fc.constantFrom(1, 1024, 1 / 100, 1 / 1000),
      fc.array(step, { maxLength: 60, size: 'max' }),
    );
    fc.assert(
      fc.property(column, ([first, scale, steps]) => {
        let last = first;
        const values = [first, ...steps.map((one) => (last += one))].map((one) => one * scale);
        expectExact(values.map((one, index) => row(index, [0], [one])));
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is not a samples body is refused', () => {
  const cases: readonly { why: string; body: string; says: RegExp }[] = [
    { why: 'nothing', body: '', says: /ends within the count of rows/ },
    { why: 'no rows', body: '00', says: /0 rows/ },
    { why: 'too many rows', body: 'd904', says: /601 rows/ },
    { why: 'rows announced that are not there', body: 'd804', says: /ends within the time of a row/ },
    { why: 'a count written with more bytes than it needs', body: '8100', says: /more bytes than it needs/ },
    { why: 'a number above 2^53', body: '01ffffffffffffffff01', says: /larger than 2\^53/ },
    { why: 'a time before 1970', body: '0200010000', says: /at -1/ },
    { why: 'a range past the last index', body: '01050100a09c01', says: /index 20000/ },
    { why: 'more series than a row may have, in many ranges', body: '0105a19c01', says: /20001/ },
    { why: 'ranges that touch', body: '0105020000000000', says: /touch/ },
    { why: 'a form that is not known', body: '010501000002', says: /form of the rows is 2/ },
    { why: 'a series that no row has', body: '01050100000100', says: /no row has/ },
    { why: 'bits after the table of present values', body: '010501000001ff', says: /bits after its end/ },
    { why: 'a class that is not known (6)', body: '0105010000000c00', says: /class 6/ },
    { why: 'a length that is not known (62)', body: '0105010000007d00', says: /62 bits/ },
    { why: 'a byte too many', body: '01050100000001' + '00', says: /bits after the last column/ },
    { why: 'a bit too many', body: '01050100000081', says: /bits after the last column/ },
  ];
  for (const { why, body, says } of cases) {
    test(why, () => expect(refusal(() => decodeSamples(Buffer.from(body, 'hex')))).toMatch(says));
  }

  test('a small body that would unpack to more than the limit', () => {
    const zeros = new Float64Array(1000);
    const indexes = Uint32Array.from(zeros, (_, index) => index);
    const rows = Array.from({ length: 100 }, (_, atMs) => ({ atMs, indexes, values: zeros }));
    expect(encodeSamples(rows).length).toBeLessThan(2000);
    // 101 rows, at 1, 2, 3 …; one range of 1,000 indexes from 0.
    const bomb = Buffer.from(`6501${'02'.repeat(100)}0100e707`, 'hex');
    expect(refusal(() => decodeSamples(bomb))).toMatch(/101 rows of 1000 series/);
  });

  test('every beginning of a body', () => {
    const { rows } = hostRecording();
    const body = encodeSamples([...rows.slice(0, 3), row(1, [2, 40], [1, 2.5])]);
    for (let length = 0; length < body.length; length += 1) refusal(() => decodeSamples(body.subarray(0, length)));
  });

  test('any bytes end in rows or in a refusal', () => {
    const { rows } = hostRecording();
    const body = encodeSamples(rows.slice(0, 2));
    const damaged = fc
      .array(fc.tuple(fc.nat({ max: body.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const copy = Uint8Array.from(body);
        for (const [place, byte] of changes) copy[place] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200, size: 'max' }), damaged), (bytes) => {
        try {
          const total = decodeSamples(bytes).reduce((sum, { values }) => sum + values.length, 0);
          return total <= limits.samplesPerFrameMax;
        } catch (error) {
          return error instanceof AppError && error.code === 'FRAME_INVALID';
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what cannot be written is refused', () => {
  const many = Uint32Array.from({ length: 1001 }, (_, index) => index);
  const cases: readonly { why: string; rows: readonly SampleRow[]; says: RegExp }[] = [
    { why: 'no rows', rows: [], says: /0 rows/ },
    { why: 'too many rows', rows: Array.from({ length: 601 }, () => row(1, [], [])), says: /601 rows/ },
    { why: 'more values than indexes', rows: [row(1, [0], [1, 2])], says: /1 indexes and 2 values/ },
    { why: 'indexes out of order', rows: [row(1, [1, 0], [1, 2])], says: /0 after 1/ },
    { why: 'an index twice, in a later row', rows: [row(1, [0], [1]), row(2, [3, 3], [1, 2])], says: /3 after 3/ },
    { why: 'an index past the last', rows: [row(1, [20_000], [1])], says: /index 20000/ },
    { why: 'half a millisecond', rows: [row(1.5, [0], [1])], says: /at 1\.5/ },
    { why: 'a time before 1970', rows: [row(-1, [0], [1])], says: /at -1/ },
    { why: 'rows too far apart', rows: [row(0, [0], [1]), row(2 ** 52, [0], [1])], says: /apart/ },
    {
      why: 'more values than a frame may have',
      rows: Array.from({ length: 100 }, (_, atMs) => ({ atMs, indexes: many, values: new Float64Array(1001) })),
      says: /100 rows of 1001 series/,
    },
  ];
  for (const { why, rows, says } of cases) test(why, () => expect(refusal(() => encodeSamples(rows))).toMatch(says));
});

describe('size on real host values', () => {
  const { rows } = hostRecording();
  const bytesPerSample = (some: readonly SampleRow[]): number =>
    encodeFrame({ kind: 'samples', bootId: 1_793_577_600_000, seq: 100_000, body: encodeSamples(some) }).length /
    some.reduce((sum, { values }) => sum + values.length, 0);

  test('a one-row frame takes at most 3.6 bytes per sample, envelope included', () => {
    for (const one of rows) expect(bytesPerSample([one])).toBeLessThanOrEqual(3.6);
  });

  test('eight rows and more take at most 1.9', () => {
    for (const count of [8, 20, 40]) expect(bytesPerSample(rows.slice(-count))).toBeLessThanOrEqual(1.9);
  });

  test('each row comes back as it was recorded', () => {
    const frame = decodeFrame(encodeFrame({ kind: 'samples', bootId: 1, seq: 2, body: encodeSamples(rows) }));
    if (frame.kind !== 'samples') throw new Error(`a ${frame.kind} frame came back`);
    expect(plain(decodeSamples(frame.body))).toStrictEqual(plain(rows));
  });
});
