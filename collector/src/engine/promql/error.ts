/** What an expression may be made of, as errors say it. */
export const supportedText =
  'vector selectors with label matchers, numbers, + - * / % ^, comparisons (with bool), and/or/unless, ' +
  'on/ignoring/group_left/group_right, and parentheses';

const foundCharactersMax = 40;

/** An expression that is malformed or not supported. `message` names the place, what was found there and what is needed. */
export class PromqlError extends Error {
  /** Character of the expression it begins at, from 0. */
  readonly offset: number;
  /** What stands there, cut to 40 characters; empty at the end of the text. */
  readonly found: string;
  constructor(text: string, from: number, to: number, problem: string) {
    const whole = text.slice(from, Math.max(from, to));
    const found = whole.length > foundCharactersMax ? `${whole.slice(0, foundCharactersMax)}…` : whole;
    // A string literal brings its own quotes.
    const quoted = /^["'`]/.test(found) ? found : `"${found}"`;
    super(`at character ${from + 1}: ${found === '' ? '' : `${quoted} `}${problem}`);
    this.name = 'PromqlError';
    this.offset = from;
    this.found = found;
  }
}

/** The error for a construct of PromQL that this engine does not compute. */
export const unsupported = (text: string, from: number, to: number, what: string): PromqlError =>
  new PromqlError(text, from, to, `is ${what}, which is not supported; supported are ${supportedText}`);
