import { type Profiler, Session } from 'node:inspector';
import { limits } from '@jiwei/shared/limits.ts';
import { afterAll, describe, expect, test } from 'vitest';

// V8 counts how often each piece of the engine's code runs; it must be told before it compiles that code.
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const { compileRegex } = await import('../../collector/src/engine/promql/regex.ts');
afterAll(() => session.disconnect());

/** Pieces of code run in the regular expression engine since the last call. */
const stepsTaken = (): number => {
  let steps = 0;
  session.post('Profiler.takePreciseCoverage', (_error, { result }: Profiler.TakePreciseCoverageReturnType) => {
    for (const { url, functions } of result) {
      if (!url.includes('/re2js/')) continue;
      for (const { ranges } of functions) for (const { count } of ranges) steps += count;
    }
  });
  return steps;
};

/** Steps that the comparison of one value takes, the first time it is seen. */
const stepsFor = (pattern: string, value: string): number => {
  const regex = compileRegex(pattern);
  if (typeof regex !== 'function') throw new Error(regex.problem);
  stepsTaken();
  regex(value);
  return stepsTaken();
};

/** Letters a and b in no order: neither a run nor a period that an engine could use. */
const noise = (characters: number): string => {
  let state = 1;
  return Array.from({ length: characters }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state & 0x1_0000 ? 'a' : 'b';
  }).join('');
};

const lengthMax = limits.labelValueBytesMax;
/** Pieces of code for one instruction at one character: measured are up to 6. */
const stepsMax = 12 * 1_200 * lengthMax;
/** Patterns for which a backtracking engine takes exponential or polynomial time, and those that are worst for an automaton. */
const patterns: readonly { readonly pattern: string; readonly value: (characters: number) => string }[] = [
  { pattern: '(a+)+c', value: (characters) => 'a'.repeat(characters) },
  { pattern: '(a|aa)+c', value: (characters) => 'a'.repeat(characters) },
  { pattern: '.*.*.*.*.*.*.*.*=.*', value: noise },
  { pattern: `${'a*'.repeat(400)}c`, value: (characters) => 'a'.repeat(characters) },
  { pattern: '(?:a?){390}a{390}', value: (characters) => 'a'.repeat(characters) },
  { pattern: '(a{0,23}){0,23}', value: (characters) => 'a'.repeat(characters) },
  { pattern: '.*a.{900}c', value: noise },
  { pattern: '(.*a.{30}){2}c', value: noise },
];

describe('a pattern of a rule takes steps in proportion to the value and to its own size', () => {
  for (const { pattern, value } of patterns) {
    test(pattern.slice(0, 30), () => {
      const [half, whole] = [stepsFor(pattern, value(lengthMax / 2)), stepsFor(pattern, value(lengthMax))];
      expect(half).toBeGreaterThan(0);
      // Twice the characters would be four times the steps if each met each; where states are made as they are met it is not quite twice.
      expect(whole).toBeLessThan(half * 3);
      expect(whole).toBeLessThan(stepsMax);
    });
  }
});
