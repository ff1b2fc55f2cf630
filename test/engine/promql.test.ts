import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PromqlError } from '../../collector/src/engine/promql/error.ts';
import { evaluate } from '../../collector/src/engine/promql/evaluate.ts';
import { metricNamesOf } from '../../collector/src/engine/promql/metric-names.ts';
import { parseExpr } from '../../collector/src/engine/promql/parse.ts';
import { compileRegex } from '../../collector/src/engine/promql/regex.ts';
import { EvaluationError, elementText } from '../../collector/src/engine/promql/vector.ts';
import { createSampleIndex, storeSamples, vectorSourceOf } from '../../collector/src/engine/rules/sample-index.ts';

const answersSchema = z.object({
  series: z.array(z.object({ name: z.string(), labels: z.array(z.tuple([z.string(), z.string()])), value: z.string() })),
  answers: z.array(z.object({ expr: z.string(), elements: z.array(z.string()).nullable() })),
});
const recorded = answersSchema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/promql-answers.json'), 'utf8')),
);
const valueOfText = (text: string) => Number(text.replace('Inf', 'Infinity'));

const index = createSampleIndex(new Set(recorded.series.map((series) => series.name)));
storeSamples(
  index,
  recorded.series.map(({ name, labels, value }) => ({ name, labels, value: valueOfText(value), observedAtMs: 0 })),
);

const answerOf = (text: string): string[] => {
  const result = evaluate(parseExpr(text), vectorSourceOf(index), 0);
  if (typeof result === 'number') return [`{} ${result}`];
  return result.map((element) => `${elementText(element)} ${element.value}`).sort();
};

describe('expressions answer as a real Prometheus did', () => {
  for (const { expr, elements } of recorded.answers) {
    if (elements === null) test(`${expr} fails`, () => expect(() => answerOf(expr)).toThrow(EvaluationError));
    else test(expr, () => expect(answerOf(expr)).toEqual(elements));
  }
});

describe('what cannot be computed exactly is refused by name and place', () => {
  const refusals: readonly { readonly expr: string; readonly offset: number; readonly says: string }[] = [
    { expr: 'rate(a[5m]) > 1', offset: 0, says: '"rate(a[5m])" is a function call' },
    { expr: 'a > sum by (x) (b)', offset: 4, says: '"sum by (x) (b)" is an aggregation' },
    { expr: 'b[5m]', offset: 0, says: '"b[5m]" is a range vector' },
    { expr: 'a[5m:1m]', offset: 0, says: '"a[5m:1m]" is a subquery' },
    { expr: 'a offset 5m', offset: 0, says: '"a offset 5m" is an offset modifier' },
    { expr: 'a @ 1000', offset: 0, says: '"a @ 1000" is an @ modifier' },
    { expr: 'a atan2 b', offset: 2, says: '"atan2" is the operator atan2' },
    { expr: '"text"', offset: 0, says: '"text" is a string' },
    { expr: '{job="x"}', offset: 0, says: 'has no metric name' },
    { expr: '{__name__=~"a.*"}', offset: 1, says: 'chooses series by a pattern of names' },
    { expr: 'a{x=~"(?=b)"}', offset: 5, says: 'unsupported Perl syntax: (?=' },
    { expr: 'a{x=~"(b)\\\\1"}', offset: 5, says: 'invalid escape sequence: \\1' },
    { expr: 'a{x=~"(b{900}){2}"}', offset: 5, says: 'invalid repeat count' },
    { expr: 'a{x="b', offset: 6, says: 'something is missing' },
    { expr: 'a{x="\\q"}', offset: 4, says: 'is not a complete string' },
    { expr: '1 > 2', offset: 0, says: 'compares two numbers, which needs bool' },
    { expr: 'a and 1', offset: 0, says: 'applies and to a number' },
    { expr: 'a + bool b', offset: 0, says: 'has bool, which only comparisons take' },
    { expr: 'a and on(x) group_left b', offset: 0, says: 'has a group modifier' },
    { expr: 'a + on(x) 1', offset: 0, says: 'has vector matching beside a number' },
    { expr: 'a + on(x) group_left(x) b', offset: 4, says: 'names the label x in both on and group' },
    { expr: 'a b', offset: 2, says: '"b" is not expected here' },
    { expr: '', offset: 0, says: 'something is missing' },
    { expr: `${'('.repeat(300)}a${')'.repeat(300)}`, offset: 0, says: 'nests deeper than' },
    { expr: `a${' '.repeat(4_000)}`, offset: 0, says: 'at most 4000 are taken' },
  ];
  for (const { expr, offset, says } of refusals) {
    test(`${expr.slice(0, 40)} → ${says}`, () => {
      const refusal = (() => {
        try {
          parseExpr(expr);
        } catch (error) {
          return error;
        }
        return null;
      })();
      if (!(refusal instanceof PromqlError)) throw new Error('it was accepted, or failed otherwise', { cause: refusal });
      expect(refusal.message).toContain(says);
      expect(refusal.offset).toBe(offset);
    });
  }
});

test('any text parses or is refused with a PromqlError, nothing else', () => {
  const pieces = fc.constantFrom(
    ...['a', 'b{', '}', '=~', '"', "'", '`', '(', ')', '[5m]', '+', '-', '^', '== bool', 'on(', 'group_left', 'and', 'unless'],
    ...['1', '0x', 'Inf', '\\', ',', '#', '\n', '@', 'sum', 'offset', 'é', '\ud800', '{{', 'x="y"', ' '],
  );
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', size: 'medium' }),
    fc.array(pieces, { maxLength: 25 }).map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        metricNamesOf(parseExpr(text));
      } catch (error) {
        if (!(error instanceof PromqlError)) throw error;
      }
    }),
    { numRuns: 400 },
  );
});

test('an operand is never lost: a parenthesised chain of numbers is what JavaScript makes of it', () => {
  const number = fc.integer({ min: 0, max: 99 });
  const operator = fc.constantFrom('+', '-', '*', '/');
  fc.assert(
    fc.property(number, fc.array(fc.tuple(operator, number), { maxLength: 12 }), (first, rest) => {
      const text = rest.reduce((before, [sign, value]) => `(${before} ${sign} ${value})`, String(first));
      const expected = rest.reduce((before, [sign, value]) => {
        if (sign === '+') return before + value;
        if (sign === '-') return before - value;
        return sign === '*' ? before * value : before / value;
      }, first);
      expect(evaluate(parseExpr(text), vectorSourceOf(index), 0)).toBe(expected);
    }),
  );
});

test('the names a rule needs are those of all its selectors', () => {
  expect([...metricNamesOf(parseExpr('a / b < 0.1 and on(x) {"c"} unless -{__name__="d"} > 1'))].sort()).toEqual([
    'a',
    'b',
    'c',
    'd',
  ]);
});

describe('patterns mean what RE2 means by them', () => {
  const cases: readonly { readonly pattern: string; readonly fits: readonly string[]; readonly fitsNot: readonly string[] }[] = [
    { pattern: 'a|b', fits: ['a', 'b'], fitsNot: ['ab', 'xa', 'bx', ''] },
    { pattern: '', fits: [''], fitsNot: ['a'] },
    { pattern: '.*', fits: ['', 'a\nb', '中文'], fitsNot: [] },
    { pattern: '(?i)ERROR', fits: ['error', 'Error'], fitsNot: ['errors'] },
    { pattern: '(?P<name>x)y', fits: ['xy'], fitsNot: ['x'] },
    { pattern: '[[:alpha:]_]+', fits: ['ab_C'], fitsNot: ['a1'] },
    { pattern: '\\s', fits: [' ', '\t'], fitsNot: ['\u00a0', '\v'] },
    { pattern: '/dev/sd\\-a\\_', fits: ['/dev/sd-a_'], fitsNot: ['/dev/sda'] },
    { pattern: 'a{,2}', fits: ['a{,2}'], fitsNot: ['aa'] },
    { pattern: 'x{2,3}', fits: ['xx', 'xxx'], fitsNot: ['x', 'xxxx'] },
    { pattern: '[]a]', fits: [']', 'a'], fitsNot: ['b'] },
    { pattern: '\\x41\\x{4e2d}', fits: ['A中'], fitsNot: ['A'] },
    { pattern: '\\pL\\p{Han}', fits: ['z中'], fitsNot: ['1中'] },
    { pattern: '^a$', fits: ['a'], fitsNot: ['aa', 'a\n'] },
    { pattern: 'a\\z', fits: ['a'], fitsNot: ['a\n'] },
    { pattern: '(?-s).', fits: ['a'], fitsNot: ['\n'] },
    { pattern: '(?m)^a$', fits: ['a'], fitsNot: ['a\n'] },
    { pattern: '(?i:a)b', fits: ['Ab', 'ab'], fitsNot: ['aB'] },
    { pattern: '(a|b)*', fits: ['', 'abba'], fitsNot: ['abc'] },
    { pattern: '(a+)+', fits: ['aaa'], fitsNot: ['', 'aab'] },
    { pattern: '\\Qa.b\\E', fits: ['a.b'], fitsNot: ['axb'] },
    { pattern: '[[:^digit:]]', fits: ['a', '中'], fitsNot: ['1'] },
    { pattern: '\\d\\w\\b', fits: ['1a'], fitsNot: ['中a', '1中'] },
    { pattern: '.', fits: ['😀', '中'], fitsNot: ['ab'] },
    { pattern: '(eth|en).*', fits: ['eth0', 'ens3'], fitsNot: ['lo'] },
  ];
  for (const { pattern, fits, fitsNot } of cases) {
    test(JSON.stringify(pattern), () => {
      const regex = compileRegex(pattern);
      if (typeof regex !== 'function') throw new Error(regex.problem);
      expect(fits.filter((text) => !regex(text))).toEqual([]);
      expect(fitsNot.filter(regex)).toEqual([]);
    });
  }

  const refused: readonly { readonly pattern: string; readonly says: string }[] = [
    { pattern: 'a(?!b)', says: 'unsupported Perl syntax: (?!' },
    { pattern: '(?<=a)b', says: '(?<=a)b' },
    { pattern: '(a)\\1', says: 'invalid escape sequence: \\1' },
    { pattern: '(?<n>a)\\k<n>', says: 'invalid escape sequence: \\k' },
    { pattern: '\\C', says: 'invalid escape sequence: \\C' },
    { pattern: '[a', says: 'missing closing ]' },
    { pattern: 'a)', says: 'unexpected )' },
    { pattern: 'a)|(b', says: 'unexpected )' },
    { pattern: 'a\\', says: 'trailing backslash' },
    { pattern: 'a**', says: 'nested repetition' },
    { pattern: 'x{1001}', says: 'invalid repeat count' },
    { pattern: '(x{100}){100}', says: 'invalid repeat count' },
    { pattern: '\\p{Klingon}', says: 'invalid character class range' },
    { pattern: 'x{1000}y{1000}', says: 'too large' },
    { pattern: 'a'.repeat(1_001), says: 'more than 1000 characters' },
  ];
  for (const { pattern, says } of refused) {
    test(`${pattern.slice(0, 20)} is refused: ${says}`, () => {
      const regex = compileRegex(pattern);
      expect(typeof regex === 'function' ? 'accepted' : regex.problem).toContain(says);
    });
  }
});
