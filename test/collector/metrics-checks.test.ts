import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { Status } from '@jiwei/shared/status.ts';
import { expect, test } from 'vitest';
import { createCheckFamilies } from '../../collector/src/metrics/check-families.ts';
import { districtParts } from '../support/district-fixture.ts';
import { viewOf } from '../support/live-view.ts';
import { resultOf } from '../support/store-samples.ts';

const checkId = asId<'check'>('portal-tcp');
const agentId = asId<'agent'>('a1');

/** What is exposed of a check whose latest result is this one, by series. */
const exposedOf = async (result: CheckResult | null, status: Status): Promise<Readonly<Record<string, readonly number[]>>> => {
  const lane = { agentId, status, sinceMs: 0, lastResult: result, lastUnusable: null };
  const check = {
    ...{ id: checkId, assetId: asId<'asset'>('portal'), status, sinceMs: 0, reason: null, isSuspect: false },
    lanes: [lane],
  };
  const families = await createCheckFamilies()(viewOf({ ...districtParts, checkViews: [check] }));
  return Object.fromEntries([...families].map(([name, { samples }]) => [name, samples.map(({ value }) => value)]));
};
const failed = { outcome: 'down', reason: 'TIMEOUT', latencyMs: null, run: { ofDown: 1, ofUp: 0 } } as const;

const cases: readonly { why: string; result: CheckResult | null; status: Status; exposed: Record<string, readonly number[]> }[] =
  [
    {
      why: 'with an answer it is the latency',
      result: resultOf({ latencyMs: 12.5 }),
      status: 'up',
      exposed: { probe_success: [1], probe_duration_seconds: [0.0125] },
    },
    {
      why: 'without one it is how long the agent waited',
      result: resultOf({ ...failed, values: { probe_duration_seconds: 5.0001 } }),
      status: 'down',
      exposed: { probe_success: [0], probe_duration_seconds: [5.0001] },
    },
    {
      why: 'told twice it is exposed once, as the latency',
      result: resultOf({ latencyMs: 40, values: { probe_duration_seconds: 9 } }),
      status: 'up',
      exposed: { probe_success: [1], probe_duration_seconds: [0.04] },
    },
    {
      why: 'an agent that does not tell leaves it out: missing, not 0 and not the timeout',
      result: resultOf(failed),
      status: 'down',
      exposed: { probe_success: [0] },
    },
    {
      why: 'no latency is not a latency of nothing',
      result: resultOf({ latencyMs: 0 }),
      status: 'up',
      exposed: { probe_success: [1], probe_duration_seconds: [0] },
    },
    { why: 'of a check nobody knows anything of at present there is none', result: resultOf(), status: 'unknown', exposed: {} },
    { why: 'nor of one that never ran', result: null, status: 'unknown', exposed: {} },
  ];
for (const { why, result, status, exposed } of cases) {
  test(`the duration of a probe: ${why}`, async () => expect(await exposedOf(result, status)).toEqual(exposed));
}
