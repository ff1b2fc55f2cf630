import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkWriter, prepare } from '../../collector/src/metrics/chunk-writer.ts';

const written = (value: number): string => {
  const writer = new ChunkWriter(1);
  writer.value(value);
  return writer.take()?.toString() ?? '';
};

const cases: readonly { value: number; expected: string }[] = [
  { value: 0, expected: '0' },
  { value: -0, expected: '0' },
  { value: 1700.57, expected: '1700.57' },
  { value: -0.25, expected: '-0.25' },
  { value: 0.000001, expected: '0.000001' },
  { value: 0.0000001, expected: '1e-7' },
  { value: 1.9999999, expected: '1.9999999' },
  { value: 999_999_999, expected: '999999999' },
  { value: 1_000_000_000, expected: '1000000000' },
  { value: -1_000_000_000_000_000, expected: '-1000000000000000' },
  { value: 2 ** 53 - 1, expected: '9007199254740991' },
  { value: 2 ** 53 + 2, expected: '9007199254740994' },
  { value: 1e21, expected: '1e+21' },
  { value: Number.NaN, expected: 'NaN' },
  { value: Number.POSITIVE_INFINITY, expected: '+Inf' },
  { value: Number.NEGATIVE_INFINITY, expected: '-Inf' },
];
for (const { value, expected } of cases) test(`${value} is written ${expected}`, () => expect(written(value)).toBe(expected));

test('every finite number reads back as itself', () => {
  const decimal = fc
    .tuple(fc.maxSafeInteger(), fc.constantFrom(1, 10, 100, 1_000, 1e6, 1e9))
    .map(([part, scale]) => part / scale);
  fc.assert(
    fc.property(fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), decimal, fc.integer()), (value) => {
      return Number(written(value)) === value;
    }),
    { numRuns: 3_000 },
  );
});

test('a chunk that was taken stays until the next write, and holds nothing of the one before', () => {
  const writer = new ChunkWriter(8);
  writer.text('集维 one');
  const chunk = writer.take();
  expect(chunk?.toString()).toBe('集维 one');
  expect(writer.take()).toBeNull();
  expect(chunk?.toString()).toBe('集维 one');
  writer.text('two');
  expect(writer.take()?.toString()).toBe('two');
});

test('prepared bytes are copied whole, of every length, next to each other', () => {
  const text = 'a{b="集"} c{d="e"} ';
  const bytes = Buffer.from(text);
  for (let length = 0; length <= bytes.length; length += 1) {
    const source = prepare(bytes.subarray(0, length), bytes.subarray(length));
    const writer = new ChunkWriter(1);
    writer.reserve(bytes.length * 2);
    writer.copy(source, 0, length);
    writer.copy(source, length, bytes.length - length);
    writer.byte(10);
    writer.value(length);
    expect(writer.take()?.toString()).toBe(`${text}\n${length}`);
  }
});
