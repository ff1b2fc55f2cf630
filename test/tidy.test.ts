import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorTable } from '@jiwei/shared/errors.ts';
import { describe, expect, test } from 'vitest';
import { foreignWords, lockFileHosts, missingOrExtra } from './tidy/documents.ts';
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
    const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1] ?? '');
    expect(missingOrExtra(Object.keys(errorTable), documented)).toEqual({ missing: [], extra: [] });
  });

  test('a code that is not documented, or documented and gone, is seen', () => {
    expect(missingOrExtra(['A', 'B'], ['B', 'C'])).toEqual({ missing: ['A'], extra: ['C'] });
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
