/** How long to wait between tries. */
export interface BackoffPolicy {
  /** Upper bound of the first wait, ms. */
  readonly firstMs: number;
  /** Upper bound of every wait, ms. */
  readonly mostMs: number;
}

/**
 * Full jitter: a uniform draw from [0, min(mostMs, firstMs * 2^attempt)).
 * @param attempt 0 for the wait after the first failure
 * @param random from [0, 1), given by the caller so that the function stays pure
 * @returns whole ms, at least 0
 * Source: AWS Architecture Blog, "Exponential Backoff and Jitter" (2015): of the variants measured, full jitter does the least work.
 */
export const fullJitterMs = (policy: BackoffPolicy, attempt: number, random: number): number => {
  // Doubling stops at 2^30: past that the bound is reached for any sensible policy, and the power would overflow.
  const ceilingMs = Math.min(policy.mostMs, policy.firstMs * 2 ** Math.min(attempt, 30));
  return Math.floor(ceilingMs * random);
};
