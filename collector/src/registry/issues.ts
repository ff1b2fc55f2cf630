import { z } from 'zod';
import type { DeclarationError } from './declaration.ts';
import { addressShown, isSecretKey } from './mask.ts';
import type { Path, Source } from './source.ts';
import { suggestion } from './suggest.ts';

type Issue = z.core.$ZodIssue;
const shownCharactersMax = 60;

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

/** The value as errors show it: short, on one line, not at all when it is a secret, and of an address only whose it is. */
export const shown = (value: unknown, path: Path): string => {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map of keys';
  if (path.some((step) => typeof step === 'string' && isSecretKey(step))) return '(a secret)';
  const address = typeof value === 'string' ? addressShown(value) : null;
  if (typeof value === 'string' && address === null) return '(an address that may hold a secret)';
  const text = JSON.stringify(address ?? value) ?? 'nothing';
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
};

/** What a bound asks for: of numbers, texts, lists. */
const boundText = (origin: string, bound: string, count: number | bigint): string => {
  if (origin === 'string') return `needs ${bound} ${count} character${count === 1 ? '' : 's'}`;
  if (origin === 'array' || origin === 'set') return `needs ${bound} ${count} entr${count === 1 ? 'y' : 'ies'}`;
  return `needs ${bound} ${count}`;
};

/** Second half of the sentence: what is needed. */
const needOf = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `needs ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `needs ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return boundText(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return boundText(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'invalid_union': {
      // A union that says itself what it needs; otherwise it is any of what its alternatives need.
      if (issue.message.startsWith('needs ')) return issue.message;
      const needs = issue.errors.flatMap((alternatives) => alternatives.map(needOf));
      return [...new Set(needs)].map((need, position) => (position === 0 ? need : need.replace(/^needs /, ''))).join(' or ');
    }
    case 'invalid_key':
      return issue.issues.map(needOf).join(', ');
    case 'invalid_format':
      if (issue.format === 'email') return 'needs a mail address such as duty@example.org';
      if (issue.format === 'url') return 'needs an address such as https://example.org/';
      return issue.message.startsWith('Invalid') ? `needs the form ${issue.pattern ?? issue.format}` : issue.message;
    default:
      return issue.message;
  }
};

const valueAt = (value: unknown, path: Path): unknown => {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.entries(found).find(([key]) => key === String(step))?.[1];
  }
  return found;
};

/** Keys an object schema has at a path inside it; none where it leads to something else. */
const keysAt = (schema: unknown, path: Path): string[] => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return keysAt(schema.unwrap(), path);
  const [step, ...rest] = path;
  if (schema instanceof z.ZodArray) return step === undefined ? [] : keysAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  return step === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[step], rest);
};

/** The error at a key nobody knows. */
export const unknownKey = (source: Source, path: Path, known: readonly string[]): DeclarationError => {
  const key = String(path.at(-1));
  return source.errorAtKey(path, `is not a known key${suggestion(key, known) || `; known are ${known.join(', ')}`}`);
};

const isPath = (path: readonly PropertyKey[]): path is (string | number)[] => path.every((step) => typeof step !== 'symbol');

/**
 * Errors of one value that a schema refused.
 * @param at where the value stands in the file
 * @param schema tells which keys are right where an unknown one stands
 * @param otherKeys keys that are right at the value itself besides those of the schema
 */
export const errorsOf = (
  source: Source,
  at: Path,
  value: unknown,
  issues: readonly Issue[],
  schema: z.ZodType,
  otherKeys: readonly string[] = [],
): DeclarationError[] =>
  issues.flatMap((issue) => {
    const inner = isPath(issue.path) ? issue.path : [];
    const path = [...at, ...inner];
    if (issue.code === 'unrecognized_keys') {
      const known = [...keysAt(schema, inner), ...(inner.length === 0 ? otherKeys : [])];
      return issue.keys.map((key) => unknownKey(source, [...path, key], known));
    }
    const found = valueAt(value, inner);
    const isChoice = issue.code === 'invalid_value' && typeof found === 'string';
    const need = `${needOf(issue)}${isChoice ? suggestion(found, issue.values.map(String)) : ''}`;
    if (found === undefined) return [source.errorAt(path, `is missing; ${need}`)];
    return [source.errorAt(path, `is ${shown(found, path)}; ${need}`)];
  });
