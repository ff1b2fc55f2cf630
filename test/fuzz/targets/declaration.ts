import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@jiwei/shared/limits.ts';
import { notifierSchemas } from '../../../collector/src/notify/registry.ts';
import { compile } from '../../../collector/src/registry/compile.ts';
import { windowsAsDeclared } from '../../../collector/src/registry/declared-windows.ts';
import { DeclarationRefused, readDeclaration } from '../../../collector/src/runtime/declaring.ts';
import type { FuzzTarget } from '../target.ts';

const root = join(import.meta.dirname, '../../..');
const fixtures = join(root, 'test/fixtures/registry');
const files = [
  ...readdirSync(fixtures, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(fixtures, name)),
  join(root, 'deploy/local.yaml'),
];
const district = readFileSync(join(root, 'deploy/examples/district.yaml'), 'utf8').replace(/^ruleFiles:[\s\S]*?(?=^\S)/m, '');

/** A registry as people write it, YAML up to the engine's configuration, rules included. */
export const target: FuzzTarget = {
  name: 'declaration',
  corpus: [district, ...files.sort().map((file) => readFileSync(file, 'utf8'))].map((text) => Buffer.from(text)),
  words: [
    ...[
      'zones:\n',
      'units:\n',
      'assets:\n',
      'checks:\n',
      'agents:\n',
      'maintenance:\n',
      'notifiers:\n',
      'routes:\n',
      'groups:\n',
      'rules:\n',
    ],
    ...[
      '\n  - id: a',
      '\n    kind: http',
      ' &a ',
      ' *a',
      '<<: *a',
      '!!binary ',
      '? ',
      '- - - ',
      '[[[[[[[[',
      '{a: {a: {a: ',
      '|\n',
      "''",
      '"\\u0000"',
    ],
    ...[
      'expr: up == 0',
      'for: 5m',
      'cron: "* * * * *"',
      'url: http://a/',
      '5m',
      '1y',
      'parents: [a]',
      '# ',
      '---\n',
      '%YAML 1.1\n',
    ],
  ],
  inputBytesMax: 6_000,
  refusals: ['CONFIG_INVALID'],
  // One more says how many are left out.
  workMax: limits.declarationErrorsMax + 1,
  boundedInputs: 150,
  run: (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    try {
      const { declaration } = readDeclaration(text, 'fuzz.yaml', { notifierSchemas });
      const windows = windowsAsDeclared([], declaration.maintenance, { version: 1, appliedAtMs: 0 });
      const config = compile(declaration, [], windows, 1).config;
      assert.ok(config.checks.size <= bytes.length);
      return 0;
    } catch (error) {
      if (!(error instanceof DeclarationRefused)) throw error;
      for (const one of error.errors)
        assert.ok(one.line >= 1 && one.column >= 1 && one.message.length < 10_000, 'an error without a place');
      return error.errors.length;
    }
  },
};
