import { resolveImport } from './resolve.ts';
import type { Rule } from './rule.ts';
import type { SourceFile } from './source.ts';

const isEngine = (path: string): boolean => path.startsWith('collector/src/engine/');

const impureGlobals =
  /^(Date\.(now|\*)|Date|new Date\(\)|Temporal\.(Now|\*)|Math\.(random|\*)|process\..*|performance\..*|crypto\..*|console\..*|globalThis\..*|setTimeout|setInterval|setImmediate|queueMicrotask|fetch)$/;

/** Parts of Node that do nothing but compute, and what may be taken of them (null: all). */
const pureNodeParts: ReadonlyMap<string, readonly string[] | null> = new Map([
  ['node:assert', null],
  ['node:assert/strict', null],
  ['node:net', ['isIP', 'isIPv4', 'isIPv6']],
  ['node:zlib', ['crc32']],
  // Signatures are by Ed25519, which takes no randomness.
  ['node:crypto', ['createHash', 'createPublicKey', 'sign', 'verify']],
]);
/** The grammar of rule expressions, and regular expressions in linear time: both read a text and give a value. */
const enginePackages: ReadonlySet<string> = new Set(['@prometheus-io/lezer-promql', 're2js']);
/** What the engine may reach through shared files besides: the schemas that both sides agree on. */
const reachedPackages: ReadonlySet<string> = new Set([...enginePackages, 'zod']);

/** Files that only compute, by their own word: each decides over data and time that it is given. */
const isPure = (path: string): boolean => isEngine(path) || pureFiles.has(path);
/** Besides the engine. */
export const pureFiles: ReadonlySet<string> = new Set([
  'agent/src/link/machine.ts',
  'agent/src/link/retry.ts',
  'agent/src/schedule/confirm.ts',
  'agent/src/schedule/phase.ts',
  'collector/src/ingest/allowance.ts',
  'collector/src/ingest/session.ts',
  'shared/src/backoff.ts',
]);

/** What of an import reaches outside, or null. Types are erased and reach nothing. */
const outsideOf = (one: SourceFile['imports'][number], target: string | null, packages: ReadonlySet<string>): string | null => {
  if (one.isTypeOnly || target !== null) return null;
  if (!one.specifier.startsWith('node:'))
    return packages.has(one.specifier)
      ? null
      : `the package ${one.specifier}, which is not on the list of those that only compute`;
  const names = pureNodeParts.get(one.specifier);
  if (names === null) return null;
  const other = one.names.filter((name) => names === undefined || !names.includes(name));
  return names !== undefined && other.length === 0 ? null : `${one.specifier} ${other.join(', ')}`.trim();
};

/** Why a file is not pure by itself: each global and each import that reaches outside. */
const touches = (file: SourceFile, packages: ReadonlySet<string>): { readonly line: number; readonly what: string }[] => [
  ...file.globals.filter(({ name }) => impureGlobals.test(name)).map(({ name, line }) => ({ line, what: `uses ${name}` })),
  ...file.imports.flatMap((one) => {
    const outside = outsideOf(one, resolveImport(file.path, one.specifier), packages);
    return outside === null ? [] : [{ line: one.line, what: `imports ${outside}` }];
  }),
];

/** Purity with all that is imported: a file that only computes must not reach one that does more, by whatever way. */
export const purity: Rule = {
  name: 'the engine and what decides are pure, with all they import: no clock, randomness, environment or I/O, and packages of a list alone',
  check: (files) => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const known = new Map<string, string | null>();
    /** How a file gets outside: `a.ts → b.ts uses Date.now`; null when it does not. */
    const wayOut = (path: string): string | null => {
      const cached = known.get(path);
      if (cached !== undefined) return cached;
      known.set(path, null);
      const file = byPath.get(path);
      let way: string | null = null;
      if (file !== undefined) {
        const [own] = touches(file, reachedPackages);
        const onward =
          own === undefined
            ? valuesFrom(file)
                .map(({ target }) => wayOut(target))
                .find((one) => one !== null)
            : undefined;
        if (own !== undefined) way = `${path} ${own.what}`;
        else if (onward !== undefined) way = `${path} → ${onward}`;
      }
      known.set(path, way);
      return way;
    };
    return files
      .filter((file) => isPure(file.path))
      .flatMap((file) => [
        ...touches(file, isEngine(file.path) ? enginePackages : reachedPackages).map(
          ({ line, what }) => `${file.path}:${line}: ${what}`,
        ),
        ...valuesFrom(file)
          // What is pure by its own word is judged where it stands.
          .filter(({ target }) => !isPure(target))
          .flatMap(({ target, line }) => {
            const way = wayOut(target);
            return way === null ? [] : [`${file.path}:${line}: reaches outside by ${way}`];
          }),
      ]);
  },
  seeded: [
    { at: 'collector/src/engine/a.ts', files: { 'collector/src/engine/a.ts': 'export const now = () => Date.now();\n' } },
    { at: 'collector/src/engine/a.ts', files: { 'collector/src/engine/a.ts': 'export const { random } = Math;\n' } },
    { at: 'collector/src/engine/a.ts', files: { 'collector/src/engine/a.ts': "export const roll = Math['random'];\n" } },
    { at: 'collector/src/engine/a.ts', files: { 'collector/src/engine/a.ts': 'export const at = Temporal.Now.instant();\n' } },
    {
      at: 'collector/src/engine/b.ts',
      files: { 'collector/src/engine/b.ts': "import { readFileSync } from 'node:fs';\nreadFileSync('x');\n" },
    },
    {
      at: 'collector/src/engine/b.ts',
      files: { 'collector/src/engine/b.ts': "import { connect, isIP } from 'node:net';\nconnect(isIP('x'));\n" },
    },
    { at: 'collector/src/engine/b.ts', files: { 'collector/src/engine/b.ts': "import pino from 'pino';\npino();\n" } },
    {
      at: 'collector/src/engine/c.ts',
      files: {
        'collector/src/engine/c.ts': "import { systemClock } from '@jiwei/shared/clock.ts';\nsystemClock.nowMs();\n",
        'shared/src/clock.ts': 'export const systemClock = { nowMs: () => Date.now() };\n',
      },
    },
    {
      at: 'collector/src/engine/d.ts',
      files: {
        'collector/src/engine/d.ts': "import { b } from '@jiwei/shared/b.ts';\nb();\n",
        'shared/src/b.ts': "import { c } from './c.ts';\nexport const b = () => c();\n",
        'shared/src/c.ts': "import { hostname } from 'node:os';\nexport const c = () => hostname();\n",
      },
    },
    {
      at: 'collector/src/engine/e.ts',
      files: {
        'collector/src/engine/e.ts': "import { b } from '@jiwei/shared/b.ts';\nb();\n",
        'shared/src/b.ts': "import { Level } from 'level';\nexport const b = () => new Level('x');\n",
      },
    },
    {
      at: 'agent/src/link/machine.ts',
      files: {
        'agent/src/link/machine.ts': "import { waitMs } from './wait.ts';\nexport const nextMs = () => waitMs();\n",
        'agent/src/link/wait.ts': 'export const waitMs = () => Math.random() * 1_000;\n',
      },
    },
  ],
};
/** Files of ours that a file takes more than types from. */
const valuesFrom = (file: SourceFile): { readonly target: string; readonly line: number }[] =>
  file.imports.flatMap((one) => {
    const target = resolveImport(file.path, one.specifier);
    return one.isTypeOnly || target === null ? [] : [{ target, line: one.line }];
  });
