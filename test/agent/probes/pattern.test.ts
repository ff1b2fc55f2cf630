import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProbeFault } from '../../../agent/src/probes/fault.ts';
import { createPatternRunner } from '../../../agent/src/probes/pattern.ts';

test('finds where a pattern matches, as RegExp does (property)', () => {
  const patterns = createPatternRunner();
  const pieces = fc.constantFrom('a', 'b', '.', 'a+', '[^a]', '(ab)?', '\\d', '监', '^', '$', '|');
  fc.assert(
    fc.property(
      fc.array(pieces, { minLength: 1, maxLength: 6 }),
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 5 }),
      (some, texts) => {
        const pattern = some.join('').replace(/\^\+|\$\+/g, '');
        const expected = texts.map((text) => {
          const match = new RegExp(pattern, 'u').exec(text);
          return match === null ? null : { from: match.index, to: match.index + match[0].length };
        });
        expect(patterns.findAll(pattern, texts)).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test('a catastrophic pattern is stopped, and the runner works on', () => {
  const patterns = createPatternRunner();
  expect(() => patterns.find('^(a+)+$', `${'a'.repeat(60)}!`)).toThrow(ProbeFault);
  expect(patterns.find('b', 'ab')).toEqual({ from: 1, to: 2 });
});

test('runs on no text at all', () => {
  expect(createPatternRunner().findAll('x', [])).toEqual([]);
});
