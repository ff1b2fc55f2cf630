import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorTable } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { describe, expect, test } from 'vitest';
import { metricDocs } from '../collector/src/metrics/metric-docs.ts';
import * as registry from '../collector/src/registry/items.ts';
import {
  checkKeys,
  decisionNumbers,
  foreignWords,
  linksOf,
  lockFileHosts,
  missingOrExtra,
  namesInTables,
  registryKeys,
} from './tidy/documents.ts';
import { pureFiles } from './tidy/purity.ts';
import { rules } from './tidy/rules.ts';
import { parseSource } from './tidy/source.ts';

const root = `${import.meta.dirname}/..`;
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '');
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
const files = tracked
  .filter((path) => /^(shared|agent|collector|deploy|test)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'))
  .map((path) => parseSource(path, read(path)));

describe('house rules', () => {
  test('the files that are said to be pure are there', () => {
    expect([...pureFiles].filter((path) => !tracked.includes(path))).toEqual([]);
  });

  for (const rule of rules) {
    test(rule.name, () => {
      expect(rule.check(files)).toEqual([]);
    });

    for (const { at, files: seeded } of rule.seeded) {
      test(`"${rule.name}" is broken by a seeded ${at}`, () => {
        const violations = rule.check(Object.entries(seeded).map(([path, text]) => parseSource(path, text)));
        expect(violations.filter((violation) => violation.startsWith(`${at}:`))).not.toEqual([]);
      });
    }
  }
});

describe('documents mirror the code', () => {
  test('docs/errors.md lists exactly the error codes', () => {
    expect(missingOrExtra(Object.keys(errorTable), namesInTables(read('docs/errors.md')))).toEqual({ missing: [], extra: [] });
  });

  test('a code that is not documented, or documented and gone, is seen', () => {
    const seeded = read('docs/errors.md').replace('| `LOCKED` |', '| `BOLTED` |');
    expect(missingOrExtra(Object.keys(errorTable), namesInTables(seeded))).toEqual({ missing: ['LOCKED'], extra: ['BOLTED'] });
  });

  const ownMetrics = (document: string): string[] => namesInTables(document).filter((name) => name.startsWith('jiwei_'));

  test('docs/metrics.md lists exactly the metrics of the collector', () => {
    const documented = ownMetrics(read('docs/metrics.md'));
    expect(missingOrExtra(Object.keys(metricDocs), documented)).toEqual({ missing: [], extra: [] });
  });

  test('a metric that is not documented, or documented and gone, is seen', () => {
    const [name = ''] = Object.keys(metricDocs);
    const seeded = read('docs/metrics.md').replace(`| \`${name}\` |`, '| `jiwei_forgotten` |');
    expect(missingOrExtra(Object.keys(metricDocs), ownMetrics(seeded))).toEqual({ missing: [name], extra: ['jiwei_forgotten'] });
  });

  const limitRows = (document: string): Map<string, string> =>
    new Map(
      [...document.matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)].map(([, name = '', number = '']) => [
        name,
        number.replaceAll(',', ''),
      ]),
    );

  test('docs/limits.md lists exactly the limits, with their numbers', () => {
    const inCode = Object.entries(limits).map(([name, number]) => `${name} ${number}`);
    const documented = [...limitRows(read('docs/limits.md'))].map(([name, number]) => `${name} ${number}`);
    expect(missingOrExtra(inCode, documented)).toEqual({ missing: [], extra: [] });
    const seeded = read('docs/limits.md').replace('| `agentsMax` | 20,000 |', '| `agentsMax` | 30,000 |');
    expect(limitRows(seeded).get('agentsMax')).toBe('30000');
  });

  /** Each limit's own docstring, as one line. */
  const limitReasons = (code: string): Map<string, string> =>
    new Map(
      [...code.matchAll(/ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(\w+):/g)].map(([, text = '', name = '']) => [
        name,
        text.replace(/\s*\n\s*\*\s*/g, ' ').trim(),
      ]),
    );
  const documentedReasons = (document: string): Map<string, string> =>
    new Map([...document.matchAll(/^\| `(\w+)` \| [\d,]+ \| (.*?) \| /gm)].map(([, name = '', why = '']) => [name, why]));

  test('every limit has a reason of its own, which docs/limits.md repeats', () => {
    const code = read('shared/src/limits.ts');
    const reasons = limitReasons(code);
    expect(Object.keys(limits).filter((name) => !reasons.has(name))).toEqual([]);
    expect(new Set(reasons.values()).size).toBe(reasons.size);
    expect([...reasons].filter(([, why]) => why.length < 30 || /the one above/i.test(why))).toEqual([]);
    expect(documentedReasons(read('docs/limits.md'))).toEqual(reasons);
    // A limit without a docstring does not take that of the one before it.
    expect([...limitReasons(code.replace(/ {2}\/\*\*[^\n]*\*\/\n {2}agentsMax:/, '  agentsMax:')).keys()]).not.toContain(
      'agentsMax',
    );
  });

  test('docs/limits.md gives the bounds of single files as they are, and names only metrics that exist', () => {
    const document = read('docs/limits.md');
    const bounds = [...document.matchAll(/^\| (\w+) \| `([^`]+)` \| `([^`]+)` \|/gm)];
    expect(bounds.length).toBeGreaterThan(10);
    for (const [, name, number, file = ''] of bounds) expect(read(file)).toContain(`const ${name} = ${number};`);
    const agentsOwn = read('docs/host-metrics.md') + read('docs/agent.md');
    const named = [...document.matchAll(/`(jiwei_\w+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in metricDocs) && !agentsOwn.includes(name))).toEqual([]);
  });

  const lists: Readonly<Record<string, { readonly shape: object }>> = {
    timing: registry.timingSchema,
    host: registry.hostSchema,
    zones: registry.zoneSchema,
    units: registry.unitSchema,
    assets: registry.assetSchema,
    agents: registry.agentSchema,
    maintenance: registry.maintenanceSchema,
    defaults: registry.defaultsSchema,
    routes: registry.routeSchema,
  };
  for (const [list, { shape }] of Object.entries(lists)) {
    test(`docs/registry.md names every key of ${list}`, () => {
      expect(missingOrExtra(Object.keys(shape), registryKeys(read('docs/registry.md'), list))).toEqual({
        missing: [],
        extra: [],
      });
    });
  }

  test('docs/registry.md names every key of checks', () => {
    // The kind is read before the rest, because it decides what else may stand there.
    const keys = ['kind', ...Object.keys(registry.checkSchema.shape)];
    const document = read('docs/registry.md');
    expect(missingOrExtra(keys, checkKeys(document))).toEqual({ missing: [], extra: [] });
    const seeded = document.replace('| `quorum` |', '| `crowd` |');
    expect(missingOrExtra(keys, checkKeys(seeded))).toEqual({ missing: ['quorum'], extra: ['crowd'] });
  });

  test('the Chinese page leads to all that the English one leads to', () => {
    const linksOfPage = (path: string): string[] => linksOf(read(path)).filter((link) => !link.startsWith('README'));
    expect(missingOrExtra(linksOfPage('README.md'), linksOfPage('README.zh-CN.md'))).toEqual({ missing: [], extra: [] });
  });

  test('every link of a document leads somewhere', () => {
    const documents = tracked.filter((path) => path.endsWith('.md'));
    const broken = documents.flatMap((path) =>
      linksOf(read(path))
        .filter((link) => !existsSync(join(root, dirname(path), link)))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
    expect(linksOf('see [a](docs/a.md#b), [c](https://example.org) and [d](#d)')).toEqual(['docs/a.md']);
  });

  test('decisions are numbered one by one, each once', () => {
    const decisions = tracked.filter((path) => path.startsWith('docs/decisions/'));
    expect(decisions.length).toBeGreaterThan(5);
    expect(decisionNumbers(Object.fromEntries(decisions.map((path) => [path, read(path)])))).toEqual([]);
  });

  test.each([
    { why: 'given twice', pages: { 'd/0001-a.md': '# 0001 A', 'd/0001-b.md': '# 0001 B' }, at: 'd/0001-b.md' },
    { why: 'left out', pages: { 'd/0001-a.md': '# 0001 A', 'd/0003-c.md': '# 0003 C' }, at: 'd/0003-c.md' },
    { why: 'other in the heading', pages: { 'd/0001-a.md': '# 0002 A' }, at: 'd/0001-a.md' },
  ])('a number of a decision that is $why is seen', ({ pages, at }) => {
    expect(decisionNumbers(pages)).toEqual([expect.stringContaining(`${at}: `)]);
  });
});

describe('the repository speaks of the product alone', () => {
  const texts = tracked.filter(
    (path) => /\.(ts|mjs|md|json|yaml|yml|txt|css|html|sh)$|^\.ci\//.test(path) && path !== 'package-lock.json',
  );

  test('no path of a machine and no word of a workplace', () => {
    expect(texts.flatMap((path) => foreignWords(path, read(path)))).toEqual([]);
  });

  test('lock files name no registry hosts', () => {
    expect(lockFileHosts(read('package-lock.json'))).toEqual([]);
  });

  test('both checks see a seeded violation', () => {
    expect(foreignWords('a.md', `see /${'work'}/main for it`)).toHaveLength(1);
    expect(lockFileHosts('{ "resolved": "https://example.org/x.tgz" }')).toHaveLength(1);
  });

  test('the top level holds only what it should', () => {
    const allowed = new Set([
      'agent',
      'collector',
      'shared',
      'deploy',
      'test',
      'docs',
      'package.json',
      'package-lock.json',
      'tsconfig.json',
    ]);
    const documents = /^(README(\.zh-CN)?\.md|CHANGELOG\.md|LICENSE|\..+)$/;
    const top = new Set(tracked.map((path) => path.split('/')[0] ?? ''));
    expect([...top].filter((name) => !allowed.has(name) && !documents.test(name))).toEqual([]);
  });
});
