import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import { dayMs } from '@jiwei/shared/time.ts';

/**
 * An even share of [0, 1) from a text: FNV-1a over its UTF-16 units, then the finisher of MurmurHash3, without which texts that differ in
 * the last character alone (check-1, check-2 …) lie close together.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/ ; fmix32 of https://github.com/aappleby/smhasher (public domain)
 */
export const evenShare = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
};

/**
 * Where an agent's own grid lies, ms: everything it does at an interval it does at instants that are this much past a whole number of intervals
 * since the epoch. Made of its name, so that agents are spread evenly over every interval, and the same for all intervals of one agent, so
 * that those which divide each other meet: a process that wakes once does for all of them what it would else wake for again and again.
 */
export const gridOffsetMs = (agentId: AgentId | string): number => Math.floor(evenShare(agentId) * dayMs);

/** Checks of one interval that are asked one after the other, on average: the burst of an agent that has more is spread over several slots. */
export const singlePerSlotMax = 16;
/**
 * The same of checks that one process asks together: as many as keep it below the 100 it takes, although chance makes some slots fuller than
 * others (by 8, the standard deviation for 64).
 */
export const batchedPerSlotMax = 64;
/** After the row of host metrics and the heartbeat of the same instant, whose work would else be taken for latency, ms. */
const checksAfterMs = 10;

/** Slots of an interval for so many checks: a power of two, so that a check keeps its slot or moves within it when others come and go. */
export const slotCountOf = (checkCount: number, perSlotMax: number): number =>
  2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, checkCount) / perSlotMax)));

/**
 * Where in its interval a check of an agent is due: always the same for the same number of slots. Agents are spread evenly over the interval;
 * the checks of one agent share the instants of its slots.
 */
export const phaseMs = (
  agentId: AgentId | string,
  checkId: CheckId | string,
  { intervalMs, slotCount }: { readonly intervalMs: number; readonly slotCount: number },
): number => {
  const slotMs = Math.floor((slotOf(agentId, checkId, slotCount) * intervalMs) / slotCount);
  return (gridOffsetMs(agentId) + checksAfterMs + slotMs) % intervalMs;
};

/**
 * How long after it was learnt of a check is asked for the first time, ms, within `spreadMs`: each by itself, or those of a slot together, at
 * a place within the slot that is the agent's own, so that a target that many agents learn of is not asked by all of them at once.
 */
export const firstDelayMs = (
  agentId: AgentId | string,
  checkId: CheckId | string,
  { spreadMs, slotCount }: { readonly spreadMs: number; readonly slotCount: number | null },
): number => {
  if (slotCount === null) return Math.floor(evenShare(`${agentId}\n${checkId}`) * spreadMs);
  return Math.floor(((slotOf(agentId, checkId, slotCount) + evenShare(agentId)) * spreadMs) / slotCount);
};

const slotOf = (agentId: AgentId | string, checkId: CheckId | string, slotCount: number): number =>
  Math.floor(evenShare(`${agentId}\n${checkId}`) * slotCount);

/** The first instant after `afterMs` that is a whole number of intervals, plus the phase, since the epoch: so nothing drifts. */
export const nextTickMs = (afterMs: number, intervalMs: number, phase: number): number =>
  (Math.floor((afterMs - phase) / intervalMs) + 1) * intervalMs + phase;
