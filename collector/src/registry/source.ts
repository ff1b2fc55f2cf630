import { limits } from '@jiwei/shared/limits.ts';
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node } from 'yaml';
import { composeYaml, tooDeep } from './compose-yaml.ts';
import type { DeclarationError } from './declaration.ts';
import { addressShown } from './mask.ts';

/** Steps from the root of a file to a value. */
export type Path = readonly (string | number)[];

/** `checks[2].interval`; a key that is no plain word is quoted: `labels["a.b"]`. */
export const pathText = (path: Path): string =>
  path
    .map((step, position) => {
      if (typeof step === 'number') return `[${step}]`;
      // A forgotten space makes a key of an address with all that is in it.
      if (!/^[A-Za-z_][\w-]*$/.test(step)) return `[${JSON.stringify(addressShown(step) ?? '…')}]`;
      return position === 0 ? step : `.${step}`;
    })
    .join('');

/** One YAML file with the places of its values. */
export interface Source {
  /** Plain value; null for an empty file. */
  readonly value: unknown;
  /** What makes it no proper YAML; then the value is null. */
  readonly errors: readonly DeclarationError[];
  /** An error at the value of the path, or at the nearest thing above it that is written in the file. */
  errorAt(path: Path, message: string): DeclarationError;
  /** An error at the key itself. */
  errorAtKey(path: Path, message: string): DeclarationError;
}

interface Step {
  readonly key: Node | null;
  readonly value: Node | null;
}

const stepInto = (document: Document, node: Node, step: string | number): Step | null => {
  const resolved = isAlias(node) ? node.resolve(document) : node;
  if (resolved === undefined) return null;
  if (isSeq(resolved)) {
    const item = typeof step === 'number' ? resolved.items[step] : undefined;
    return isNode(item) ? { key: null, value: item } : null;
  }
  if (!isMap(resolved)) return null;
  for (const pair of resolved.items) {
    if (isScalar(pair.key) && String(pair.key.value) === String(step)) {
      return { key: pair.key, value: isNode(pair.value) ? pair.value : null };
    }
  }
  return null;
};

/** Offset of the value (or key) the path leads to, as far as it exists. */
const offsetOf = (document: Document, path: Path, wantsKey: boolean): number => {
  let node = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [position, step] of path.entries()) {
    const found: Step | null = node === null ? null : stepInto(document, node, step);
    if (found === null) return offset;
    const isLast = position === path.length - 1;
    const place = wantsKey && isLast ? found.key : (found.value ?? found.key);
    offset = place?.range?.[0] ?? offset;
    node = found.value;
  }
  return offset;
};

/** The document as a plain value, or why it cannot be one. */
const plainValueOf = (document: Document): { readonly value: unknown } | { readonly problem: string } => {
  try {
    return { value: document.toJS({ maxAliasCount: limits.declarationAliasesMax }) };
  } catch (error) {
    if (error instanceof RangeError) return { problem: tooDeep };
    // yaml says both too many and unknown aliases by a ReferenceError.
    if (!(error instanceof ReferenceError)) throw error;
    return {
      problem: `aliases stand for too much or for nothing; at most ${limits.declarationAliasesMax} values may come from aliases`,
    };
  }
};

/** Reads a YAML 1.2 text: duplicate keys, keys that are no texts, several documents and unknown tags are errors. Never throws for what the text holds. */
export const openSource = (text: string, file: string): Source => {
  const fail = (message: string): Source => {
    const error: DeclarationError = { file, line: 1, column: 1, path: '', message };
    return { value: null, errors: [error], errorAt: () => error, errorAtKey: () => error };
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.declarationBytesMax) return fail(`has ${bytes} bytes; at most ${limits.declarationBytesMax} are read`);
  const lines = new LineCounter();
  const composed = composeYaml(text, lines);
  if (typeof composed === 'string') return fail(composed);
  const { document } = composed;
  const errorAtOffset = (offset: number, path: Path, message: string): DeclarationError => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), path: pathText(path), message };
  };
  const errors = composed.faults.map(({ offset, message, path }) =>
    path === undefined ? errorAtOffset(offset, [], `YAML: ${message}`) : errorAtOffset(offset, path, message),
  );
  let value: unknown = null;
  if (errors.length === 0) {
    const plain = plainValueOf(document);
    if ('value' in plain) value = plain.value;
    else errors.push(errorAtOffset(0, [], plain.problem));
  }
  return {
    value,
    errors,
    errorAt: (path, message) => errorAtOffset(offsetOf(document, path, false), path, message),
    errorAtKey: (path, message) => errorAtOffset(offsetOf(document, path, true), path, message),
  };
};
