import { limits } from '@jiwei/shared/limits.ts';
import type { AgentMessage } from '@jiwei/shared/protocol/control.ts';

/** What one heartbeat proves of agent's clock minus ours, ms. However long it or what the agent heard before was on its way, the truth lies between. */
export interface SkewBounds {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/** What is known of the difference between one agent's clock and ours. */
export interface ClockSkew {
  /** Of the last heartbeats, newest last; they do not contradict each other. */
  readonly bounds: readonly SkewBounds[];
  /** Agent's clock minus ours, ms: as much of a difference as is proved, and no more. */
  readonly skewMs: number;
  /** What is added to the agent's instants; 0 while its clock is within tolerance. */
  readonly offsetMs: number;
}

const heartbeatsKept = 8;
/** An offset in force moves only by more than this, so that jitter of the network does not move recorded instants. */
const hysteresisMs = 250;
/** Instants are whole milliseconds, so what two of them prove is off by as much; two clocks drift apart by less between heartbeats. */
const roundingMs = 2;

export const unknownSkew: ClockSkew = { bounds: [], skewMs: 0, offsetMs: 0 };

/**
 * Takes in one heartbeat. A message can only be delayed, never hurried: what the agent sent proves how far its clock is ahead at least, what it
 * heard how far at most. When heartbeats contradict each other a clock was set, and those before no longer say anything.
 * @param receivedAtMs our clock when it came
 */
export const observeSkew = (
  skew: ClockSkew,
  heartbeat: Pick<Extract<AgentMessage, { type: 'heartbeat' }>, 'sentAtMs' | 'heardTimeMs' | 'heardAgoMs'>,
  receivedAtMs: number,
): ClockSkew => {
  const newest = boundsOf(heartbeat, receivedAtMs);
  const all = [...skew.bounds, newest].slice(-heartbeatsKept);
  const bounds = isContradictory(all) ? [newest] : all;
  const skewMs = leastOf(bounds);
  if (Math.abs(skewMs) <= limits.clockToleranceMs) return { bounds, skewMs, offsetMs: 0 };
  const isSettled = skew.offsetMs !== 0 && Math.abs(-skewMs - skew.offsetMs) <= hysteresisMs;
  return { bounds, skewMs, offsetMs: isSettled ? skew.offsetMs : -skewMs };
};

const boundsOf = (heartbeat: Parameters<typeof observeSkew>[1], receivedAtMs: number): SkewBounds => {
  const atLeastMs = heartbeat.sentAtMs - receivedAtMs;
  const atMostMs = heartbeat.sentAtMs - heartbeat.heardAgoMs - heartbeat.heardTimeMs;
  // Our own clock was set since the agent heard of it: only what was sent now is about the clock as it is.
  return isContradictory([{ atLeastMs, atMostMs }]) ? { atLeastMs, atMostMs: atLeastMs } : { atLeastMs, atMostMs };
};

const isContradictory = (bounds: readonly SkewBounds[]): boolean => highest(bounds) > lowest(bounds) + roundingMs;

/** The smallest difference that explains all of them: a clock is taken to be right as far as nothing proves otherwise. */
const leastOf = (bounds: readonly SkewBounds[]): number => {
  const [atLeastMs, atMostMs] = [highest(bounds), lowest(bounds)];
  if (atLeastMs > 0) return atLeastMs;
  return atMostMs < 0 ? atMostMs : 0;
};

const highest = (bounds: readonly SkewBounds[]): number => Math.max(...bounds.map(({ atLeastMs }) => atLeastMs));
const lowest = (bounds: readonly SkewBounds[]): number => Math.min(...bounds.map(({ atMostMs }) => atMostMs));
