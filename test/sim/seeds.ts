import { planOf } from './generate.ts';
import type { Plan } from './plan.ts';
import { shrink } from './shrink.ts';
import { type Looking, type RunReport, runWorld } from './world/world.ts';

/** What a plan came to. */
export type Verdict = { readonly kind: 'held'; readonly report: RunReport } | { readonly kind: 'failed'; readonly error: Error };

/** Runs a plan. */
export const judge = async (plan: Plan, looking: Looking = {}): Promise<Verdict> => {
  try {
    return { kind: 'held', report: await runWorld(plan, looking) };
  } catch (thrown) {
    return { kind: 'failed', error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
};

/** Same failures say the same once numbers and names are left out. */
const kindOf = (error: Error): string =>
  error.message
    .split('\n')[0]
    ?.replace(/[0-9]+|[a-z]+~\S+/g, '')
    .slice(0, 60) ?? '';

/** The smallest plan found within the time that fails in the same way. */
export const shrinkFailure = (plan: Plan, error: Error, withinMs: number, looking: Looking = {}): Promise<Plan> => {
  const endsAtMs = performance.now() + withinMs;
  const kind = kindOf(error);
  return shrink(
    plan,
    async (candidate) => {
      const verdict = await judge(candidate, looking);
      return verdict.kind === 'failed' && kindOf(verdict.error) === kind;
    },
    () => performance.now() > endsAtMs,
  );
};

/** Runs the plan of a seed. @throws with the command that shows it step by step */
export const mustHold = async (seed: number): Promise<RunReport> => {
  const verdict = await judge(planOf(seed));
  if (verdict.kind === 'held') return verdict.report;
  throw new Error(`seed ${seed}: ${verdict.error.message}\nreplay: npm run sim -- --seed ${seed} --trace`, {
    cause: verdict.error,
  });
};
