import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { provideComponents } from './support/components.ts';

/** All of `npm test`: types, lint and dead code, then every test. Ends with the runner's own summary. */
const root = dirname(import.meta.dirname);
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const steps: readonly { readonly name: string; readonly command: string; readonly args: readonly string[] }[] = [
  { name: 'types', command: process.execPath, args: [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit'] },
  {
    name: 'lint',
    command: process.execPath,
    args: [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
  },
  { name: 'dead code and dependencies', command: bin('knip'), args: ['--no-progress'] },
];

const run = (command: string, args: readonly string[], environment: NodeJS.ProcessEnv): number =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit', env: environment }).status ?? 1;

// With arguments (`npm test -- test/engine`) only those tests run: the quick way while working on one part.
const chosen = process.argv.slice(2);
const environment = { ...process.env, ...provideComponents(root) };
if (chosen.length === 0) {
  for (const { name, command, args } of steps) {
    console.log(`── ${name}`);
    const code = run(command, args, environment);
    if (code !== 0) {
      console.error(`npm test: ${name} failed (exit code ${code}); the tests were not run`);
      process.exit(code);
    }
  }
}
console.log('── tests');
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.ts', ...chosen];
process.exit(run(process.execPath, vitest, environment));
