import type { CheckAssignment, CheckResult } from '@jiwei/shared/check.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { Outcome } from '@jiwei/shared/status.ts';

/** Share of the interval that a result may wait: far below the two intervals after which the collector takes silence for unknown. */
const holdShare = 1 / 4;

/**
 * How long a result may wait for company before it is written and sent, ms. One that tells nothing new (up, as the one before and beyond what
 * confirms a recovery) does no harm by it; every other goes at once.
 * @param before the outcome of the check's last result; null when there is none
 */
export const holdMsOf = (
  result: Pick<CheckResult, 'outcome' | 'run'>,
  { schedule, confirm }: Pick<CheckAssignment, 'schedule' | 'confirm'>,
  before: Outcome | null,
): number => {
  const isNew = result.outcome !== 'up' || before !== 'up' || result.run.ofUp <= confirm.successes;
  if (isNew) return 0;
  if ('cron' in schedule) return limits.resultHoldMsMax;
  return Math.min(limits.resultHoldMsMax, Math.floor(schedule.intervalMs * holdShare));
};
