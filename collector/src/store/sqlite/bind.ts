import assert from 'node:assert/strict';

/** What may be bound to a parameter. */
export type Bound = null | number | string | Uint8Array;

/**
 * Refuses what the driver would store as something else without a word: `undefined`, NaN and a lone Date become NULL, integers beyond 2^53
 * cannot be read back, booleans and objects have no column type. Each is a bug of the caller, so it stops the process.
 */
export const assertBound = (values: readonly unknown[], sql: string): readonly Bound[] => {
  for (let index = 0; index < values.length; index += 1) {
    if (!isBound(values[index])) assert.fail(`parameter ${index + 1} is ${describe(values[index])} in: ${sql.slice(0, 200)}`);
  }
  // Every element was just found to be one of the driver's own kinds; a copy with the narrower type would cost the hot path its gain.
  return values as readonly Bound[];
};

const isBound = (value: unknown): value is Bound => {
  if (typeof value === 'string' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return value instanceof Uint8Array;
};

const describe = (value: unknown): string =>
  typeof value === 'number' ? String(value) : value instanceof Date ? 'a Date' : `of type ${typeof value}`;
