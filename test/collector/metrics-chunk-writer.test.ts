import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkWriter } from '../../collector/src/metrics/chunk-writer.ts';

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

test('a chunk that was taken is not written into again', () => {
  const writer = new ChunkWriter(8);
  writer.text('集维 one');
  const chunk = writer.take();
  writer.text('two two two two two');
  expect(chunk?.toString()).toBe('集维 one');
  expect(writer.take()?.toString()).toBe('two two two two two');
  expect(writer.take()).toBeNull();
});
