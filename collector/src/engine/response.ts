import type { EpochMs } from '@jiwei/shared/time.ts';
import type { ResponseCycle } from './incident.ts';

/** How a promise of a response cycle stands. `excluded`: it does not count; `open`: it is neither kept nor due. */
export type PromiseResult = 'hit' | 'miss' | 'excluded' | 'open';

/**
 * How a promise stands at the instant. Kept at the due instant itself is kept. One that was never kept is missed once its due instant has
 * passed while the cycle ran; a cycle that was over earlier needed nobody any more, and does not count. A flapping one is over when it was
 * last seen to become good, though that is sure only after its quiet time; until then the promise stays open.
 */
const resultOf = (
  cycle: ResponseCycle,
  promise: { readonly dueAtMs: EpochMs; readonly keptAtMs: EpochMs | null },
  asOfMs: EpochMs,
): PromiseResult => {
  if (cycle.excluded !== null) return 'excluded';
  if (promise.keptAtMs !== null && promise.keptAtMs <= promise.dueAtMs) return 'hit';
  const overAtMs = cycle.quietFromMs ?? cycle.resolvedAtMs;
  if (overAtMs !== null && overAtMs <= promise.dueAtMs) return cycle.resolvedAtMs === null ? 'open' : 'excluded';
  return promise.keptAtMs !== null || (overAtMs ?? asOfMs) > promise.dueAtMs ? 'miss' : 'open';
};

/** How the promise that somebody acknowledges stands at the instant: `#hit / (#hit + #miss)` is the response rate. */
export const responseResultOf = (cycle: ResponseCycle, asOfMs: EpochMs): PromiseResult =>
  resultOf(cycle, { dueAtMs: cycle.respondDueAtMs, keptAtMs: cycle.respondedAtMs }, asOfMs);

/** How the promise that somebody is on site stands at the instant; null when nobody needs to go there. */
export const onsiteResultOf = (cycle: ResponseCycle, asOfMs: EpochMs): PromiseResult | null =>
  cycle.onsiteDueAtMs === null ? null : resultOf(cycle, { dueAtMs: cycle.onsiteDueAtMs, keptAtMs: cycle.arrivedAtMs }, asOfMs);
