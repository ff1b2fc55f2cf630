import { limits } from '@jiwei/shared/limits.ts';
import type { z } from 'zod';
import type { DeclarationError } from './declaration.ts';
import { errorsOf, shown } from './issues.ts';
import type { Path, Source } from './source.ts';

/** A checked item of a list with its place. */
export interface Placed<T> {
  readonly item: T;
  readonly path: Path;
}

/** Gathers the values of one file and everything wrong with them. */
export interface Collector {
  readonly source: Source;
  readonly errors: DeclarationError[];
}

/** Checks a value by a schema; null (and the errors are noted) when it does not fit. */
export const check = <T>(
  collector: Collector,
  schema: z.ZodType<T>,
  value: unknown,
  path: Path,
  otherKeys: readonly string[] = [],
): { readonly item: T } | null => {
  const result = schema.safeParse(value);
  if (result.success) return { item: result.data };
  collector.errors.push(...errorsOf(collector.source, path, value, result.error.issues, schema, otherKeys));
  return null;
};

/** The entries of a list; nothing when the key is left out. */
export const entriesAt = (collector: Collector, value: unknown, path: Path): Placed<unknown>[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    collector.errors.push(collector.source.errorAt(path, `is ${shown(value, path)}; needs a list`));
    return [];
  }
  return value.map((item: unknown, position) => ({ item, path: [...path, position] }));
};

/** Checks each entry of a list, so that a bad one does not hide what is wrong with the others. */
export const checkList = <T>(collector: Collector, schema: z.ZodType<T>, value: unknown, path: Path): Placed<T>[] =>
  entriesAt(collector, value, path).flatMap((entry) => {
    const checked = check(collector, schema, entry.item, entry.path);
    return checked === null ? [] : [{ item: checked.item, path: entry.path }];
  });

/** The keys of a map; empty for anything else. */
export const mapOf = (value: unknown): ReadonlyMap<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : new Map();

/** Ids written in a list, also those of entries that are wrong otherwise, so that one mistake is reported once. */
export const writtenIds = (value: unknown): ReadonlySet<string> =>
  new Set(Array.isArray(value) ? value.map((entry: unknown) => String(mapOf(entry).get('id'))) : []);

/** The errors in the order of the text, no more than help. */
export const sortedErrors = (errors: readonly DeclarationError[]): DeclarationError[] => {
  const sorted = [...errors].sort((left, right) => left.line - right.line || left.column - right.column);
  const [first] = sorted;
  if (first === undefined || sorted.length <= limits.declarationErrorsMax) return sorted;
  const rest = sorted.length - limits.declarationErrorsMax;
  return [...sorted.slice(0, limits.declarationErrorsMax), { ...first, path: '', message: `${rest} more errors are left out` }];
};
