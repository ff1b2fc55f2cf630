import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { planOf } from './sim/generate.ts';
import { type Plan, planSchema } from './sim/plan.ts';
import { judge, shrinkFailure } from './sim/seeds.ts';
import { numberIn, readOrRefuse } from './support/arguments.ts';

/**
 * `npm run sim`: worlds without end.
 *   --seeds N      so many seeds (200), --from F the first of them (1), --minutes M no longer than this
 *   --seed N       this one alone; --file F a scenario file instead; --trace shows it step by step
 *   --shrink S     seconds to spend on making a failure small (120); 0 leaves it as it is
 * A seed that fails is shrunk into a scenario file under test/sim/found and ends the run with exit code 1.
 */
const { values, numbers } = await readOrRefuse('sim', () => {
  const parsed = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '1440' },
      seed: { type: 'string' },
      file: { type: 'string' },
      trace: { type: 'boolean', default: false },
      shrink: { type: 'string', default: '120' },
    },
  }).values;
  const seeds = { least: 0, most: 2 ** 48 };
  return {
    values: parsed,
    numbers: {
      seeds: numberIn('--seeds', parsed.seeds, { least: 1, most: 2 ** 32 }),
      from: numberIn('--from', parsed.from, seeds),
      minutes: numberIn('--minutes', parsed.minutes, { least: 0.01, most: 525_600, isFraction: true }),
      seed: parsed.seed === undefined ? null : numberIn('--seed', parsed.seed, seeds),
      shrinkSeconds: numberIn('--shrink', parsed.shrink, { least: 0, most: 86_400 }),
    },
  };
});

const show = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const fail = async (plan: Plan, error: Error, name: string): Promise<void> => {
  show(`\n${name} FAILED: ${error.stack ?? error.message}`);
  show(`replay: npm run sim -- --seed ${plan.seed} --trace`);
  process.exitCode = 1;
  const seconds = numbers.shrinkSeconds;
  if (seconds === 0) return;
  show(`shrinking for at most ${seconds} s …`);
  const small = await shrinkFailure(plan, error, seconds * 1_000);
  const file = join(import.meta.dirname, 'sim', 'found', `seed-${plan.seed}.json`);
  await writeFile(file, `${JSON.stringify(small, null, 2)}\n`);
  show(`${small.agents.length} agents, ${small.checks.length} checks, ${small.faults.length} faults, ${small.durationMs} ms`);
  show(`replay: npm run sim -- --file ${file} --trace`);
};

const runOne = async (plan: Plan, name: string): Promise<void> => {
  const verdict = await judge(plan, values.trace ? { trace: show } : {});
  if (verdict.kind === 'held') show(`${name} holds: ${JSON.stringify(verdict.report)}`);
  else if (values.trace) {
    show(`\n${name} FAILED: ${verdict.error.stack ?? verdict.error.message}`);
    process.exitCode = 1;
  } else await fail(plan, verdict.error, name);
};

const runMany = async (): Promise<void> => {
  const startedAtMs = performance.now();
  const fromSeed = numbers.from;
  let virtualMs = 0;
  let shownAtMs = startedAtMs;
  for (let seed = fromSeed; seed < fromSeed + numbers.seeds; seed += 1) {
    const plan = planOf(seed);
    const verdict = await judge(plan);
    if (verdict.kind === 'failed') return fail(plan, verdict.error, `seed ${seed}`);
    virtualMs += verdict.report.virtualMs;
    const nowMs = performance.now();
    const isLast = seed === fromSeed + numbers.seeds - 1 || nowMs - startedAtMs > numbers.minutes * 60_000;
    if (isLast || nowMs - shownAtMs > 10_000) {
      shownAtMs = nowMs;
      const seconds = (nowMs - startedAtMs) / 1_000;
      const count = seed - fromSeed + 1;
      show(
        `${count} seeds hold (up to ${seed}), ${(count / seconds).toFixed(1)} a second, ` +
          `${(virtualMs / 3_600_000).toFixed(1)} hours of simulated time in ${seconds.toFixed(0)} s`,
      );
    }
    if (isLast) return;
  }
};

const planIn = async (file: string): Promise<Plan> => planSchema.parse(JSON.parse(await readFile(file, 'utf8')));

if (values.file !== undefined) {
  const { file } = values;
  await runOne(await readOrRefuse(`sim: --file ${file}`, () => planIn(file)), file);
} else if (numbers.seed !== null) await runOne(planOf(numbers.seed), `seed ${numbers.seed}`);
else await runMany();
