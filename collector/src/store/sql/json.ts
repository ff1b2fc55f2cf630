import assert from 'node:assert/strict';
import { AppError } from '@jiwei/shared/errors.ts';
import type { z } from 'zod';

/** JSON text of a value for a TEXT column; `undefined` is no value and a bug. */
export const toJson = (value: unknown): string => {
  const text = JSON.stringify(value);
  assert.ok(text !== undefined, 'undefined cannot be stored');
  return text;
};

const whatCharactersMax = 100;

const damaged = (what: string, problem: string): AppError =>
  new AppError(
    'STORE_CORRUPT',
    `store: what is stored as ${what.slice(0, whatCharactersMax)} was not written by this program (${problem}); restore the last backup (collector restore)`,
  );

/**
 * Narrows a stored value to what was written. Checksums find what turned by itself; this finds what somebody else wrote, or wrote before
 * there were checksums: it is refused here, not where it makes no sense.
 * @param what names it for people: `incident inc-1`
 * @throws STORE_CORRUPT
 */
export const assertShape: <T>(value: unknown, shape: z.ZodType<T>, what: string) => asserts value is T = (value, shape, what) => {
  const checked = shape.safeParse(value);
  if (checked.success) return;
  const [issue] = checked.error.issues;
  throw damaged(what, `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'does not fit'}`);
};

/**
 * The value a column holds, as it was written: the shape only checks it.
 * @throws STORE_CORRUPT when it is no JSON, or not of this shape
 */
export const fromJson = <T>(text: string, shape: z.ZodType<T>, what: string): T => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Without its cause, whose message quotes the text: secrets are stored as JSON too, and logs print causes.
    throw damaged(what, 'it is no JSON');
  }
  assertShape(value, shape, what);
  return value;
};
