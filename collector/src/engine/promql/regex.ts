import { limits } from '@jiwei/shared/limits.ts';
import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';

/** A pattern that is not accepted, with the reason as the end of a sentence that begins with the pattern. */
export interface RegexRefusal {
  readonly problem: string;
}

const patternCharactersMax = 1_000;
/**
 * Instructions of the compiled pattern. Matching takes at most instructions × characters steps: with the longest label value some two
 * million. A pattern of 1,000 characters without counted repetitions fits; `x{1000}` does too, ten of them one after the other do not.
 */
const programSizeMax = 1_200;
/** Values whose outcome is remembered for one pattern: the same ones come with every evaluation. One for each agent there may be. */
const outcomesMax = limits.agentsMax;

/**
 * A whole-value test with the meaning Prometheus gives the pattern: RE2's syntax, `.` matching line breaks. The engine is RE2's as well,
 * in JavaScript: its time is linear in the value, whatever the pattern, where JavaScript's own tries every way there is.
 * Source: https://github.com/google/re2/wiki/Syntax
 */
export const compileRegex = (pattern: string): ((value: string) => boolean) | RegexRefusal => {
  if (pattern.length > patternCharactersMax) return { problem: `has more than ${patternCharactersMax} characters` };
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return { problem: syntaxProblem(error) };
    if (error instanceof RE2JSException) return { problem: `is not a regular expression of RE2 (${error.message})` };
    throw error;
  }
  if (regex.programSize() > programSizeMax) {
    return { problem: `is too large: ${regex.programSize()} steps for each character, at most ${programSizeMax}; repeat less` };
  }
  return remembered((value) => regex.testExact(value));
};

const syntaxProblem = (error: RE2JSSyntaxException): string => {
  const where = error.getPattern();
  return `is not a regular expression of RE2 (${error.getDescription()}${where === null || where === '' ? '' : `: ${where.slice(0, 100)}`})`;
};

const remembered = (test: (value: string) => boolean): ((value: string) => boolean) => {
  const outcomes = new Map<string, boolean>();
  return (value) => {
    const known = outcomes.get(value);
    if (known !== undefined) return known;
    const outcome = test(value);
    if (outcomes.size >= outcomesMax) outcomes.clear();
    outcomes.set(value, outcome);
    return outcome;
  };
};
