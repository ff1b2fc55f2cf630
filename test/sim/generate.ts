import type { Plan } from './plan.ts';
import { createRandom } from './random.ts';

/** The plan of a seed. */
export const planOf = (seed: number): Plan => {
  createRandom(seed, 'plan');
  return {
    seed,
    durationMs: 300_000,
    hasFiles: false,
    collectorDriftPpm: 0,
    zones: ['north'],
    agents: [{ id: 'g1', zone: 'north', skewMs: 0, driftPpm: 0, bootsAtMs: 100 }],
    assets: [{ id: 'web', zone: 'north', parents: [], needsOnsite: false }],
    checks: [
      {
        ...{ id: 'c1', asset: 'web', intervalMs: 10_000, timeoutMs: 3_000, failures: 3, successes: 2, retryMs: 1_000 },
        ...{ critical: true, severity: 'major', from: ['g1'], quorum: null },
      },
    ],
    changes: [
      { check: 'c1', atMs: 61_234, to: 'down' },
      { check: 'c1', atMs: 140_500, to: 'up' },
    ],
    windows: [],
    acts: [],
    faults: [],
  };
};
