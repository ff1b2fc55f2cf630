// Breaks the product in one place after the other and looks whether a test notices. Run: npm run mutate, or npm run mutate -- ID …
// The score stands in docs/reliability.md. It exits with 1 when fewer than nine tenths are noticed, or nothing could be run at all.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { refuse } from '../support/arguments.ts';
import { catalogue } from './catalogue.ts';
import { areas, type Fault } from './fault.ts';

const root = join(import.meta.dirname, '../..');
/** A fault may make the tests hang; that too is noticed. Far above what all tests of an area take. */
const runMsMax = 180_000;
const scoreMin = 0.9;
const atOnce = 2;

type Verdict = 'noticed' | 'hangs' | 'survived';
interface Trial {
  readonly fault: Fault;
  readonly tests: readonly string[];
}

const runTests = ({ fault, tests }: Trial): Promise<Verdict> =>
  new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/mutation/vitest.config.ts', ...tests],
      { cwd: root, stdio: 'ignore', env: { ...process.env, JIWEI_FAULT: fault.id }, detached: true },
    );
    let isHanging = false;
    const cancel = setTimeout(() => {
      isHanging = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, runMsMax);
    child.on('close', (code) => {
      clearTimeout(cancel);
      resolve(isHanging ? 'hangs' : code === 0 ? 'survived' : 'noticed');
    });
  });

const soundProduct: Fault = { id: '', rule: 'the product as it is passes', file: '', find: '', replace: '' };
const wanted = process.argv.slice(2);
const trials: Trial[] = areas.flatMap((area) => {
  const { faults, tests } = catalogue[area];
  return faults.filter(({ id }) => wanted.length === 0 || wanted.includes(id)).map((fault) => ({ fault, tests }));
});
const unknown = wanted.filter((id) => !trials.some(({ fault }) => fault.id === id));
if (unknown.length > 0) refuse('mutate', `no fault has the id ${unknown.join(' or ')}`);
const allTests = [...new Set(trials.flatMap(({ tests }) => tests))];
if ((await runTests({ fault: soundProduct, tests: allTests })) !== 'survived') {
  console.error('mutate: the tests fail without any fault; mend that first');
  process.exit(1);
}

const survivors: Fault[] = [];
const next = trials[Symbol.iterator]();
const work = async (): Promise<void> => {
  for (const trial of next) {
    const verdict = await runTests(trial);
    if (verdict === 'survived') survivors.push(trial.fault);
    console.log(`${verdict.padEnd(9)} ${trial.fault.id}: ${trial.fault.rule}`);
  }
};
await Promise.all(Array.from({ length: atOnce }, work));
const noticed = trials.length - survivors.length;
console.log(`\n${noticed} of ${trials.length} faults noticed (${((100 * noticed) / trials.length).toFixed(1)} %)`);
for (const { id, rule, file } of survivors) console.log(`survived: ${id} (${file}): ${rule}`);
process.exit(noticed / trials.length >= scoreMin ? 0 : 1);
