import { limits } from '@jiwei/shared/limits.ts';

/** What is known of the difference between one agent's clock and ours. */
export interface ClockSkew {
  /** Newest last: agent's clock minus ours at each heartbeat, each too small by that message's way here. */
  readonly observedMs: readonly number[];
  /** Agent's clock minus ours, best estimate, ms. */
  readonly skewMs: number;
  /** What is added to the agent's instants; 0 while its clock is within tolerance. */
  readonly offsetMs: number;
}

const heartbeatsKept = 8;
/** An offset in force moves only by more than this, so that jitter of the network does not move recorded instants. */
const hysteresisMs = 250;

export const unknownSkew: ClockSkew = { observedMs: [], skewMs: 0, offsetMs: 0 };

/**
 * Takes in one heartbeat. A message can only be delayed, never hurried, so the largest difference of the last few is the closest to the truth.
 * A jump backwards of the agent's clock is believed at once: the earlier heartbeats then no longer say anything.
 * @param sentAtMs agent's clock when it sent
 * @param receivedAtMs our clock when it came
 */
export const observeSkew = (skew: ClockSkew, sentAtMs: number, receivedAtMs: number): ClockSkew => {
  const differenceMs = sentAtMs - receivedAtMs;
  const jumped = differenceMs < skew.skewMs - limits.clockToleranceMs;
  const observedMs = jumped ? [differenceMs] : [...skew.observedMs, differenceMs].slice(-heartbeatsKept);
  const skewMs = Math.max(...observedMs);
  if (Math.abs(skewMs) <= limits.clockToleranceMs) return { observedMs, skewMs, offsetMs: 0 };
  const isSettled = skew.offsetMs !== 0 && Math.abs(-skewMs - skew.offsetMs) <= hysteresisMs;
  return { observedMs, skewMs, offsetMs: isSettled ? skew.offsetMs : -skewMs };
};
