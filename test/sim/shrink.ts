import type { Plan } from './plan.ts';

/** Lists of a plan from which parts can be taken away; the first ones take most with them. */
const lists = ['agents', 'assets', 'checks', 'heartbeats', 'faults', 'changes', 'calls', 'windows', 'acts'] as const;
type List = (typeof lists)[number];

/** Takes out what refers to something that is gone. */
const consistent = (plan: Plan): Plan => {
  const has = (items: readonly { readonly id: string }[], id: string): boolean => items.some((item) => item.id === id);
  const assets = plan.assets.map((asset) => ({ ...asset, parents: asset.parents.filter((id) => has(plan.assets, id)) }));
  const checks = plan.checks
    .filter((check) => has(plan.assets, check.asset))
    .map((check) => ({
      ...check,
      from: typeof check.from === 'number' ? check.from : check.from.filter((id) => has(plan.agents, id)),
    }))
    .filter((check) => typeof check.from === 'number' || check.from.length > 0)
    .map((check) => ({
      ...check,
      quorum:
        check.quorum === null ? null : Math.min(check.quorum, typeof check.from === 'number' ? check.from : check.from.length),
    }));
  const heartbeats = plan.heartbeats.filter((heartbeat) => has(assets, heartbeat.asset));
  return {
    ...plan,
    assets,
    checks,
    heartbeats,
    calls: plan.calls.filter(({ heartbeat }) => has(heartbeats, heartbeat)),
    changes: plan.changes.filter(({ check }) => has(checks, check)),
    windows: plan.windows
      .map((window) => ({ ...window, assets: window.assets.filter((id) => has(assets, id)) }))
      .filter((window) => window.assets.length > 0),
    faults: plan.faults.filter((fault) => !('agent' in fault) || has(plan.agents, fault.agent)),
  };
};

const sizeOf = (plan: Plan): number => lists.reduce((sum, list) => sum + plan[list].length, 0);

/**
 * Delta debugging: takes away ever smaller parts as long as the rest still fails.
 * Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002).
 * @param fails whether a plan still shows the failure
 * @param isOver asked before each try; then what was reached is given back
 */
export const shrink = async (plan: Plan, fails: (plan: Plan) => Promise<boolean>, isOver: () => boolean): Promise<Plan> => {
  let best = plan;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (isOver() || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let sizeBefore = Number.POSITIVE_INFINITY; sizeOf(best) < sizeBefore && !isOver(); ) {
    sizeBefore = sizeOf(best);
    for (const list of lists) await shrinkList(() => best, list, attempt);
    for (const share of [0.5, 0.7, 0.85, 0.95]) {
      while (await attempt({ ...best, durationMs: Math.floor(best.durationMs * share) }));
    }
  }
  const inTime = consistent({ ...best, ...withoutLater(best) });
  await attempt(inTime);
  return best;
};

/** What is planned for after the end never happens. */
const withoutLater = ({ durationMs, faults, changes, acts, calls }: Plan): Partial<Plan> => ({
  calls: calls.filter(({ atMs }) => atMs < durationMs),
  faults: faults.filter(({ atMs }) => atMs < durationMs),
  changes: changes.filter(({ atMs }) => atMs < durationMs),
  acts: acts.filter(({ atMs }) => atMs < durationMs),
});

const shrinkList = async (present: () => Plan, list: List, attempt: (plan: Plan) => Promise<boolean>): Promise<void> => {
  for (let size = present()[list].length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < present()[list].length; ) {
      const kept = present()[list].toSpliced(from, size);
      if (!(await attempt(consistent({ ...present(), [list]: kept })))) from += size;
    }
  }
};
