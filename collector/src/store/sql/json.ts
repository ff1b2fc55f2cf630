import assert from 'node:assert/strict';

/** JSON text of a value for a TEXT column; `undefined` is no value and a bug. */
export const toJson = (value: unknown): string => {
  const text = JSON.stringify(value);
  assert.ok(text !== undefined, 'undefined cannot be stored');
  return text;
};

/** The value a column holds. The caller names the type it was written with: the columns are written by this folder alone, through toJson. */
export const fromJson = <T>(text: string): T => JSON.parse(text) as T;
