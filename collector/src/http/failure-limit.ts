import type { Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { sourceOf } from './source.ts';

/** Counts something per address, such as failed authentications, so that tokens cannot be guessed at the speed of the network. */
export interface FailureLimit {
  /** @returns 0 when the address may try, else the ms until it may again */
  waitMs(address: string): number;
  /** Takes one try from the address. */
  failed(address: string): void;
}

interface Bucket {
  tries: number;
  readonly filledAtMs: number;
}

/** What an address may do. */
export interface Allowance {
  /** At once … */
  readonly triesMax: number;
  /** … and one more after each such time. */
  readonly refillMs: number;
}

const failuresAllowed: Allowance = { triesMax: limits.authFailuresMax, refillMs: limits.authFailureRefillMs };

/**
 * A token bucket per address; by default that of failed authentications: `authFailuresMax` at once, one more each `authFailureRefillMs`. At most `authAddressesMax` addresses are
 * remembered; past it the longest known is forgotten, which gives an attacker with that many addresses no more than they have anyway.
 */
export const createFailureLimit = (clock: Clock, { triesMax, refillMs }: Allowance = failuresAllowed): FailureLimit => {
  const buckets = new Map<string, Bucket>();
  const triesOf = (key: string): number => {
    const bucket = buckets.get(key);
    if (bucket === undefined) return triesMax;
    const refilled = (clock.monotonicMs() - bucket.filledAtMs) / refillMs;
    return Math.min(triesMax, bucket.tries + refilled);
  };
  return {
    waitMs: (address) => {
      const tries = triesOf(sourceOf(address));
      return tries >= 1 ? 0 : Math.ceil((1 - tries) * refillMs);
    },
    failed: (address) => {
      const key = sourceOf(address);
      const tries = Math.max(0, triesOf(key) - 1);
      buckets.delete(key);
      buckets.set(key, { tries, filledAtMs: clock.monotonicMs() });
      if (buckets.size <= limits.authAddressesMax) return;
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    },
  };
};
