import { type BindingRestElement, type ParamPattern, parseSync, Visitor } from 'oxc-parser';

/** One TypeScript file as the house rules see it. Paths are relative to the repository, with '/'. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Names exported here, each with the text of the docstring in front of it (null: none). */
  readonly exports: readonly { readonly name: string; readonly line: number; readonly docstring: string | null }[];
  /** `Date.now`, `process.env`, `setTimeout` …: members of globals and global calls the code uses, also taken apart (`const { now } = Date`). */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Names the file gives to values: variables, parameters of functions and of their types, members of types and classes. */
  readonly names: readonly { readonly name: string; readonly line: number }[];
  readonly functions: readonly { readonly name: string; readonly line: number; readonly lineCount: number }[];
  readonly syntax: readonly { readonly what: string; readonly line: number }[];
}

interface Import {
  /** As written: `./step.ts`, `node:fs`, `@jiwei/shared/ids.ts`. */
  readonly specifier: string;
  readonly isReExport: boolean;
  /** Types alone are taken, so that nothing of the other file runs or is reached. */
  readonly isTypeOnly: boolean;
  /** What is taken, by its name over there; `*` for all of it. */
  readonly names: readonly string[];
  readonly line: number;
}

const globalObjects = new Set(['Date', 'Math', 'Temporal', 'process', 'performance', 'crypto', 'globalThis', 'console']);
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
      isTypeOnly: one.entries.length > 0 && one.entries.every(({ isType }) => isType),
      names: one.entries.filter(({ isType }) => !isType).map(({ importName }) => importName.name ?? '*'),
      line: lineOf(one.start),
    })),
    ...parsed.module.staticExports.flatMap((one) =>
      one.entries.flatMap((entry) =>
        entry.moduleRequest === null
          ? []
          : [
              {
                specifier: entry.moduleRequest.value,
                isReExport: true,
                isTypeOnly: entry.isType,
                names: [entry.importName.name ?? '*'],
                line: lineOf(one.start),
              },
            ],
      ),
    ),
    ...parsed.module.dynamicImports.map((one) => ({
      specifier: specifierAt(one.moduleRequest.start, one.moduleRequest.end),
      isReExport: false,
      isTypeOnly: false,
      names: ['*'],
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
  /** All names that a pattern binds: `a`, `a = 1`, `...a`, `[a]`, `{ b: a }`. */
  const bound = (pattern: ParamPattern | BindingRestElement): void => {
    switch (pattern.type) {
      case 'Identifier':
        return named(pattern);
      case 'AssignmentPattern':
        return bound(pattern.left);
      case 'RestElement':
        return bound(pattern.argument);
      case 'TSParameterProperty':
        return bound(pattern.parameter);
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element !== null) bound(element);
        return;
      case 'ObjectPattern':
        for (const property of pattern.properties) bound(property.type === 'RestElement' ? property : property.value);
        return;
      default:
        pattern satisfies never;
    }
  };
  const takes = (node: { readonly params: readonly ParamPattern[] }): void => node.params.forEach(bound);
  const used = (
    object: string,
    key: { type: string; name?: unknown; value?: unknown; start: number },
    isComputed: boolean,
  ): void => {
    const name = key.type === 'Identifier' && !isComputed ? key.name : key.value;
    // A key that is itself computed could be any.
    globals.push({ name: `${object}.${typeof name === 'string' ? name : '*'}`, line: lineOf(key.start) });
  };
  const measured = (node: { start: number; end: number }, name: string): void => {
    functions.push({ name, line: lineOf(node.start), lineCount: lineOf(node.end) - lineOf(node.start) + 1 });
  };
  new Visitor({
    MemberExpression: (node) => {
      if (node.object.type === 'Identifier' && globalObjects.has(node.object.name))
        used(node.object.name, node.property, node.computed);
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
      bound(node.id);
      const { id, init } = node;
      if (id.type === 'ObjectPattern' && init?.type === 'Identifier' && globalObjects.has(init.name))
        for (const one of id.properties) if (one.type === 'Property') used(init.name, one.key, one.computed);
      if (node.init?.type === 'ArrowFunctionExpression' && node.id.type === 'Identifier') measured(node.init, node.id.name);
    },
    TSPropertySignature: (node) => named(node.key),
    TSMethodSignature: (node) => {
      named(node.key);
      takes(node);
    },
    TSCallSignatureDeclaration: takes,
    TSConstructSignatureDeclaration: takes,
    TSFunctionType: takes,
    TSConstructorType: takes,
    PropertyDefinition: (node) => named(node.key),
    FunctionDeclaration: (node) => {
      takes(node);
      measured(node, node.id?.name ?? 'function');
    },
    TSDeclareFunction: takes,
    // Methods of classes and of objects as well.
    FunctionExpression: takes,
    TSEmptyBodyFunctionExpression: takes,
    MethodDefinition: (node) => {
      named(node.key);
      measured(node.value, node.key.type === 'Identifier' ? node.key.name : 'method');
    },
    ArrowFunctionExpression: takes,
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
