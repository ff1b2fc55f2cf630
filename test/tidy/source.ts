import { parseSync, Visitor } from 'oxc-parser';

/** One TypeScript file as the house rules see it. Paths are relative to the repository, with '/'. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Names exported here, each with the text of the docstring in front of it (null: none). */
  readonly exports: readonly { readonly name: string; readonly line: number; readonly docstring: string | null }[];
  /** `Date.now`, `process.env`, `setTimeout` …: members of globals and global calls the code uses. */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Names the file gives to values: variables, parameters, properties of types and objects. */
  readonly names: readonly { readonly name: string; readonly line: number }[];
  readonly functions: readonly { readonly name: string; readonly line: number; readonly lineCount: number }[];
  readonly syntax: readonly { readonly what: string; readonly line: number }[];
}

interface Import {
  /** As written: `./step.ts`, `node:fs`, `@jiwei/shared/ids.ts`. */
  readonly specifier: string;
  readonly isReExport: boolean;
  readonly line: number;
}

const globalObjects = new Set(['Date', 'Math', 'process', 'performance', 'crypto', 'globalThis', 'console']);
const globalFunctions = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'Date',
  'structuredClone',
]);

/** Parses one file; a syntax error is a failure of the caller's test. */
export const parseSource = (path: string, text: string): SourceFile => {
  const parsed = parseSync(path, text);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)];
  const lineOf = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const specifierAt = (start: number, end: number): string => text.slice(start + 1, end - 1);

  const imports: Import[] = [
    ...parsed.module.staticImports.map((one) => ({
      specifier: one.moduleRequest.value,
      isReExport: false,
      line: lineOf(one.start),
    })),
    ...parsed.module.staticExports.flatMap((one) =>
      one.entries.flatMap((entry) =>
        entry.moduleRequest === null ? [] : [{ specifier: entry.moduleRequest.value, isReExport: true, line: lineOf(one.start) }],
      ),
    ),
    ...parsed.module.dynamicImports.map((one) => ({
      specifier: specifierAt(one.moduleRequest.start, one.moduleRequest.end),
      isReExport: false,
      line: lineOf(one.start),
    })),
  ];

  const docstringBefore = (offset: number): string | null => {
    const comment = parsed.comments.findLast((one) => one.end <= offset);
    const isNext = comment !== undefined && text.slice(comment.end, offset).trim() === '';
    return isNext && comment.type === 'Block' && comment.value.startsWith('*') ? comment.value : null;
  };
  const exports = parsed.module.staticExports.flatMap((one) =>
    one.entries
      .filter((entry) => entry.moduleRequest === null)
      .map((entry) => ({
        name: entry.exportName.name ?? 'default',
        line: lineOf(one.start),
        docstring: docstringBefore(one.start),
      })),
  );

  const globals: { name: string; line: number }[] = [];
  const names: { name: string; line: number }[] = [];
  const functions: { name: string; line: number; lineCount: number }[] = [];
  const syntax: { what: string; line: number }[] = [];
  const named = (node: { type: string; name?: unknown; start: number }): void => {
    if (node.type === 'Identifier' && typeof node.name === 'string') names.push({ name: node.name, line: lineOf(node.start) });
  };
  const measured = (node: { start: number; end: number }, name: string): void => {
    functions.push({ name, line: lineOf(node.start), lineCount: lineOf(node.end) - lineOf(node.start) + 1 });
  };
  new Visitor({
    MemberExpression: (node) => {
      if (node.object.type === 'Identifier' && globalObjects.has(node.object.name) && node.property.type === 'Identifier') {
        globals.push({ name: `${node.object.name}.${node.property.name}`, line: lineOf(node.start) });
      }
    },
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && globalFunctions.has(node.callee.name))
        globals.push({ name: node.callee.name, line: lineOf(node.start) });
    },
    NewExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0) {
        globals.push({ name: 'new Date()', line: lineOf(node.start) });
      }
    },
    VariableDeclarator: (node) => {
      named(node.id);
      if (node.init?.type === 'ArrowFunctionExpression' && node.id.type === 'Identifier') measured(node.init, node.id.name);
    },
    TSPropertySignature: (node) => named(node.key),
    PropertyDefinition: (node) => named(node.key),
    FunctionDeclaration: (node) => measured(node, node.id?.name ?? 'function'),
    MethodDefinition: (node) => measured(node.value, node.key.type === 'Identifier' ? node.key.name : 'method'),
    ArrowFunctionExpression: (node) => {
      for (const parameter of node.params) if (parameter.type === 'Identifier') named(parameter);
    },
    CatchClause: (node) => {
      if (node.body.body.length === 0) syntax.push({ what: 'an empty catch', line: lineOf(node.start) });
    },
    TSAnyKeyword: (node) => {
      syntax.push({ what: 'any', line: lineOf(node.start) });
    },
    ExportDefaultDeclaration: (node) => {
      syntax.push({ what: 'a default export', line: lineOf(node.start) });
    },
    ExportAllDeclaration: (node) => {
      syntax.push({ what: 'a barrel (export *)', line: lineOf(node.start) });
    },
  }).visit(parsed.program);
  return { path, text, imports, exports, globals, names, functions, syntax };
};
