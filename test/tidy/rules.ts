import { purity } from './purity.ts';
import { resolveImport } from './resolve.ts';
import type { Rule, Violation } from './rule.ts';
import type { SourceFile } from './source.ts';

const isProduct = (file: SourceFile): boolean => /^(shared|agent|collector)\/src\//.test(file.path);

/** What each room may import of ours, besides itself. */
const arrows: readonly { readonly room: string; readonly may: readonly string[] }[] = [
  { room: 'shared/src/', may: [] },
  { room: 'agent/src/', may: ['shared/src/'] },
  { room: 'collector/src/engine/', may: ['shared/src/'] },
  { room: 'collector/src/', may: ['shared/src/'] },
];

const importArrows: Rule = {
  name: 'imports point one way: agent and collector to shared, the engine to nothing else of the collector',
  check: (files) =>
    files.flatMap((file) => {
      const arrow = arrows.find(({ room }) => file.path.startsWith(room));
      if (arrow === undefined) return [];
      return file.imports.flatMap((one) => {
        const target = resolveImport(file.path, one.specifier);
        const isAllowed =
          target === null ||
          target.endsWith('/package.json') ||
          [arrow.room, ...arrow.may].some((room) => target.startsWith(room));
        return isAllowed ? [] : [`${file.path}:${one.line}: must not import ${target}`];
      });
    }),
  seeded: [
    { at: 'agent/src/a.ts', files: { 'agent/src/a.ts': "import { x } from '@jiwei/collector/engine/step.ts';\nx();\n" } },
    { at: 'shared/src/b.ts', files: { 'shared/src/b.ts': "import { x } from '../../agent/src/a.ts';\nx();\n" } },
    {
      at: 'collector/src/engine/c.ts',
      files: { 'collector/src/engine/c.ts': "import { x } from '../store/sqlite.ts';\nx();\n" },
    },
  ],
};

const clockAndEnvironment: Rule = {
  name: 'only clock.ts asks the machine for the time, only main.ts reads environment and arguments',
  check: (files) =>
    files.filter(isProduct).flatMap((file) =>
      file.globals.flatMap(({ name, line }) => {
        const isTime = /^(Date\.now|Date|new Date\(\)|Temporal\.Now|performance\.now|setTimeout|setInterval)$/.test(name);
        if (isTime && file.path !== 'shared/src/clock.ts') return [`${file.path}:${line}: uses ${name}; take a Clock`];
        const isEnvironment = /^process\.(env|argv)$/.test(name);
        return isEnvironment && !file.path.endsWith('/main.ts')
          ? [`${file.path}:${line}: uses ${name}; main.ts passes it in`]
          : [];
      }),
    ),
  seeded: [
    { at: 'collector/src/http/a.ts', files: { 'collector/src/http/a.ts': 'export const at = Date.now();\n' } },
    { at: 'agent/src/b.ts', files: { 'agent/src/b.ts': 'export const home = process.env.HOME;\n' } },
    { at: 'agent/src/c.ts', files: { 'agent/src/c.ts': 'setTimeout(() => undefined, 5);\n' } },
  ],
};

const noCycles: Rule = {
  name: 'no import cycles',
  check: (files) => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const done = new Set<string>();
    const violations: Violation[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        violations.push(`${path}: imports itself by ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
        return;
      }
      if (done.has(path)) return;
      for (const { specifier } of byPath.get(path)?.imports ?? []) {
        const target = resolveImport(path, specifier);
        if (target !== null && byPath.has(target)) visit(target, [...trail, path]);
      }
      done.add(path);
    };
    for (const file of files) visit(file.path, []);
    return violations;
  },
  seeded: [
    {
      at: 'shared/src/a.ts',
      files: {
        'shared/src/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
        'shared/src/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
      },
    },
  ],
};

const isEntry = (path: string): boolean =>
  /\/src\/main\.ts$|^test\/.*\.test\.ts$|^test\/bench\/.*\.ts$|^test\/(run|vitest\.config|sim)\.ts$|^deploy\//.test(path);

const noDeadFiles: Rule = {
  name: 'every product file is reached from a main.ts, not only from a test',
  check: (files) => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const { specifier } of byPath.get(path)?.imports ?? []) visit(resolveImport(path, specifier) ?? specifier);
    };
    for (const file of files) if (isEntry(file.path) && !file.path.startsWith('test/')) visit(file.path);
    return files
      .filter((file) => isProduct(file) && !reached.has(file.path))
      .map((file) => `${file.path}: no main.ts leads to it`);
  },
  seeded: [
    {
      at: 'collector/src/forgotten.ts',
      files: {
        'collector/src/main.ts': 'export const main = 1;\n',
        'collector/src/forgotten.ts': 'export const x = 1;\n',
        'test/collector/forgotten.test.ts': "import { x } from '../../collector/src/forgotten.ts';\nx;\n",
      },
    },
  ],
};

const unitless =
  /^(timeout|interval|delay|duration|period|size|percent|percentage|elapsed|ttl|age|lag|latency|uptime|downtime)$|(Timeout|Interval|Delay|Duration|Period|Size|Percent|Percentage|Elapsed|Ttl|Age|Lag|Latency|Uptime|Downtime)$/;

const unitsInNames: Rule = {
  name: 'a quantity says its unit at the end: intervalMs, usedBytes, lossRatio',
  check: (files) =>
    files
      .filter(isProduct)
      .flatMap((file) =>
        file.names
          .filter(({ name }) => unitless.test(name) && !/^(is|has|was|on)[A-Z]/.test(name))
          .map(({ name, line }) => `${file.path}:${line}: "${name}" has no unit`),
      ),
  seeded: [
    { at: 'agent/src/a.ts', files: { 'agent/src/a.ts': 'export interface Options {\n  readonly timeout: number;\n}\n' } },
    { at: 'agent/src/b.ts', files: { 'agent/src/b.ts': 'export const run = (retryInterval: number) => retryInterval;\n' } },
    ...[
      'export function run(timeout: number) {\n  return timeout;\n}\n',
      'export class Runner {\n  run(delay: number) {\n    return delay;\n  }\n}\n',
      'export class Runner {\n  readonly period = 5;\n}\n',
      'export const runner = {\n  run(elapsed: number) {\n    return elapsed;\n  },\n};\n',
      'export const run = ({ timeout }: Options) => timeout;\n',
      'export const run = ({ timeoutMs: timeout = 5 }: Options) => timeout;\n',
      'export const run = (first: number, interval = 5) => first + interval;\n',
      'export const run = (...[ttl]: readonly number[]) => ttl;\n',
      'export const run = (options: Options) => {\n  const { size } = options;\n  return size;\n};\n',
      'export interface Runner {\n  run(duration: number): void;\n}\n',
      'export interface Runner {\n  latency(): number;\n}\n',
      'export type Run = (batchSize: number) => void;\n',
      'export type Options = { readonly percent: number };\n',
    ].map((text) => ({ at: 'agent/src/c.ts', files: { 'agent/src/c.ts': text } })),
  ],
};

const forbiddenSyntax: Rule = {
  name: 'no any, no empty catch, no default export, no barrel; imports end in .ts',
  check: (files) =>
    files
      .filter(isProduct)
      .flatMap((file) => [
        ...file.syntax.map(({ what, line }) => `${file.path}:${line}: ${what}`),
        ...file.imports
          .filter(({ isReExport }) => isReExport)
          .map(({ line }) => `${file.path}:${line}: re-exports another module`),
        ...file.imports
          .filter(
            ({ specifier }) =>
              /^(\.|@jiwei\/)/.test(specifier) && !specifier.endsWith('.ts') && !specifier.endsWith('/package.json'),
          )
          .map(({ specifier, line }) => `${file.path}:${line}: "${specifier}" does not end in .ts`),
      ]),
  seeded: [
    { at: 'shared/src/a.ts', files: { 'shared/src/a.ts': 'export const a = (x: any) => x;\n' } },
    { at: 'shared/src/b.ts', files: { 'shared/src/b.ts': 'try {\n  JSON.parse("x");\n} catch {}\n' } },
    { at: 'shared/src/c.ts', files: { 'shared/src/c.ts': "export * from './a.ts';\n" } },
    { at: 'shared/src/d.ts', files: { 'shared/src/d.ts': "export { a } from './a.ts';\n" } },
    { at: 'shared/src/e.ts', files: { 'shared/src/e.ts': 'export default 1;\n' } },
  ],
};

const linesMax = 400;
const functionLinesMax = 70;

const sizes: Rule = {
  name: `a file has at most ${linesMax} lines and a function at most ${functionLinesMax}`,
  check: (files) =>
    files.filter(isProduct).flatMap((file) => {
      const lineCount = file.text.split('\n').length - 1;
      return [
        ...(lineCount > linesMax ? [`${file.path}: ${lineCount} lines`] : []),
        ...file.functions
          .filter((one) => one.lineCount > functionLinesMax && !/^(create|open|build|start)[A-Z]/.test(one.name))
          .map((one) => `${file.path}:${one.line}: ${one.name} has ${one.lineCount} lines`),
      ];
    }),
  seeded: [
    { at: 'shared/src/a.ts', files: { 'shared/src/a.ts': 'export const a = 1;\n'.repeat(1) + '// filler\n'.repeat(linesMax) } },
    {
      at: 'shared/src/b.ts',
      files: { 'shared/src/b.ts': `export const b = () => {\n${'  b();\n'.repeat(functionLinesMax)}};\n` },
    },
  ],
};

const docstrings: Rule = {
  name: 'every exported function says what it does',
  check: (files) =>
    files.filter(isProduct).flatMap((file) => {
      const functions = new Set(file.functions.map(({ name }) => name));
      return file.exports
        .filter(({ name, docstring }) => functions.has(name) && docstring === null)
        .map(({ name, line }) => `${file.path}:${line}: ${name} has no docstring`);
    }),
  seeded: [{ at: 'shared/src/a.ts', files: { 'shared/src/a.ts': 'export const a = () => 1;\n' } }],
};

const noShell: Rule = {
  name: 'no shell, and one place alone that starts programs',
  check: (files) =>
    files.filter(isProduct).flatMap((file) => {
      const starts = file.imports.filter(({ specifier }) => /^(node:)?child_process$/.test(specifier));
      const shells = file.text
        .split('\n')
        .flatMap((text, index) => (/\bshell:(?!\s*false\b)|\bexec(Sync)?\(/.test(text) && starts.length > 0 ? [index + 1] : []));
      return [
        ...starts
          .filter(() => !programStarters.has(file.path))
          .map(({ line }) => `${file.path}:${line}: starts programs; use ${[...programStarters][0]}`),
        ...shells.map((line) => `${file.path}:${line}: a shell takes part of a name for a command`),
      ];
    }),
  seeded: [
    { at: 'agent/src/a.ts', files: { 'agent/src/a.ts': "import { exec } from 'node:child_process';\nexec('ping x');\n" } },
    {
      at: 'agent/src/probes/icmp/run-tool.ts',
      files: {
        'agent/src/probes/icmp/run-tool.ts': "import { spawn } from 'node:child_process';\nspawn('ping', [], { shell: true });\n",
      },
    },
  ],
};
/** Files that may start a program, always with its arguments as a list. */
const programStarters = new Set([
  'agent/src/probes/icmp/run-tool.ts',
  // These start the product itself once more.
  'agent/src/host/inventory-process.ts',
  'collector/src/store/sqlite/verify.ts',
]);

const limitsPath = 'shared/src/limits.ts';

const limitsInUse: Rule = {
  name: 'every limit of limits.ts bounds something',
  check: (files) => {
    const users = files.filter((file) => isProduct(file) && file.path !== limitsPath).map(({ text }) => text);
    const used = new Set(users.flatMap((text) => [...text.matchAll(/\blimits\.(\w+)/g)].map(([, name = '']) => name)));
    const lines = files.find(({ path }) => path === limitsPath)?.text.split('\n') ?? [];
    return lines.flatMap((line, index) => {
      const name = /^ {2}(\w+): /.exec(line)?.[1];
      return name === undefined || used.has(name) ? [] : [`${limitsPath}:${index + 1}: nothing keeps to ${name}`];
    });
  },
  seeded: [
    {
      at: `${limitsPath}:3`,
      files: {
        [limitsPath]: 'export const limits = {\n  rowsMax: 10,\n  guestsMax: 3,\n};\n',
        'shared/src/rows.ts': 'export const isLong = (rows: readonly number[]) => rows.length > limits.rowsMax;\n',
      },
    },
  ],
};

const noneLeftOut: Rule = {
  name: 'a test is left out for what the machine lacks alone (lacks of components.ts, which fails in CI), and none is singled out',
  check: (files) =>
    files
      .filter((file) => file.path.endsWith('.test.ts'))
      .flatMap(({ path, text }) =>
        text.split('\n').flatMap((line, index) => {
          const isLeftOut = /\b(?:test|it|describe)\.(?:skip|only|todo|fails|runIf)\b|\.skipIf\((?!lacks\()/.test(line);
          return isLeftOut ? [`${path}:${index + 1}: leaves out or singles out a test`] : [];
        }),
      ),
  seeded: [
    { at: 'test/a.test.ts:1', files: { 'test/a.test.ts': "test.skip('a', () => {});\n" } },
    { at: 'test/b.test.ts:1', files: { 'test/b.test.ts': "describe.only('b', () => {});\n" } },
    { at: 'test/c.test.ts:1', files: { 'test/c.test.ts': "test.skipIf(process.platform === 'win32')('c', () => {});\n" } },
  ],
};

/** All rules about code. */
export const rules: readonly Rule[] = [
  noShell,
  importArrows,
  purity,
  clockAndEnvironment,
  noCycles,
  noDeadFiles,
  unitsInNames,
  forbiddenSyntax,
  sizes,
  docstrings,
  limitsInUse,
  noneLeftOut,
];
