import { createContext, Script } from 'node:vm';
import { ProbeFault } from './fault.ts';

/** A match: where it lies in the text, as UTF-16 offsets, half-open. */
export interface PatternMatch {
  readonly from: number;
  readonly to: number;
}

/** Runs regular expressions of the configuration, each call within a time limit. */
export interface PatternRunner {
  /**
   * First match of `pattern` (ECMAScript, flag u) in each text, null where there is none. All texts share one time limit.
   * @throws ProbeFault PROBE_ERROR when the pattern needs longer: it backtracks without end on this text
   */
  findAll(pattern: string, texts: readonly string[]): readonly (PatternMatch | null)[];
  /** The same for one text. */
  find(pattern: string, text: string): PatternMatch | null;
}

/**
 * Time one try may take, ms: the event loop stands still meanwhile. A sane pattern takes under 20 ms on 10 MiB, a catastrophic one
 * (`(a+)+$`) doubles its time with every character.
 */
export const patternMsMax = 250;

/** The watchdog counts real time: a machine that was suspended or starved meanwhile gets a second try before the pattern is blamed. */
const triesMax = 2;

const source = `texts.map((text) => {
  const match = new RegExp(pattern, 'u').exec(text);
  return match === null ? null : [match.index, match[0].length];
})`;

/** What the script sees as its globals. */
interface Scope {
  pattern: string;
  texts: readonly string[];
}

/**
 * V8 can be stopped inside a regular expression only by the watchdog of node:vm, which therefore runs them all. The text is bounded by
 * the caller as well (`bodyBytesMax` and the like).
 */
export const createPatternRunner = (): PatternRunner => {
  let script: Script | null = null;
  let scope: Scope | null = null;
  const findAll = (pattern: string, texts: readonly string[]): readonly (PatternMatch | null)[] => {
    // Made when first needed (a realm costs about 1 ms and 0.5 MiB), then used again.
    script ??= new Script(source);
    scope ??= prepareScope();
    scope.pattern = pattern;
    scope.texts = texts;
    try {
      for (let tryCount = 1; tryCount <= triesMax; tryCount += 1) {
        const matches = runOnce(script, scope);
        if (matches !== null) return matches;
      }
    } finally {
      scope.texts = [];
    }
    throw new ProbeFault('PROBE_ERROR', `the pattern ${pattern} took longer than ${patternMsMax} ms; write a simpler one`);
  };
  return { findAll, find: (pattern, text) => findAll(pattern, [text])[0] ?? null };
};

const prepareScope = (): Scope => {
  const scope: Scope = { pattern: '', texts: [] };
  createContext(scope);
  return scope;
};

/** Null when the time was over. */
const runOnce = (script: Script, scope: Scope): readonly (PatternMatch | null)[] | null => {
  try {
    return toMatches(script.runInContext(scope, { timeout: patternMsMax }));
  } catch (error) {
    if (isTimeout(error)) return null;
    throw error;
  }
};

/** The watchdog's error belongs to the script's realm, so that `instanceof Error` is false. */
const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/** The script's answer comes from another realm: it is copied into values of ours. */
const toMatches = (raw: unknown): readonly (PatternMatch | null)[] => {
  // `as`: the shape is that of `source` above and nothing else can produce it.
  const rows = raw as readonly (readonly [number, number] | null)[];
  return Array.from(rows, (row) => (row === null ? null : { from: row[0], to: row[0] + row[1] }));
};
