import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';

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

/** Where in its interval a check of an agent is due: always the same, and evenly spread over agents and checks. */
export const phaseMs = (agentId: AgentId | string, checkId: CheckId | string, intervalMs: number): number =>
  Math.floor(evenShare(`${agentId}\n${checkId}`) * intervalMs);

/** The first instant after `afterMs` that is a whole number of intervals, plus the phase, since the epoch: so nothing drifts. */
export const nextTickMs = (afterMs: number, intervalMs: number, phase: number): number =>
  (Math.floor((afterMs - phase) / intervalMs) + 1) * intervalMs + phase;
