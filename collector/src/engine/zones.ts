import type { AgentId, ZoneId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { isInMaintenance } from './config-index.ts';
import type { Finding } from './finding.ts';
import { type EngineState, standingRecord } from './state.ts';
import { zoneAssetIdOf } from './subject.ts';

/** So many are named in an incident; the rest is a number. */
const namedMax = 20;

/** Names for people, however many there are. */
export const nameSome = (names: readonly string[]): string => {
  const named = names.slice(0, namedMax).join(', ');
  return names.length > namedMax ? `${named} and ${names.length - namedMax} more` : named;
};

/** A lost agent whose loss means something: those of hosts under maintenance are expected to be lost. */
const isMissed = (state: EngineState, id: AgentId): boolean => {
  const assetId = state.config.agents.get(id)?.assetId;
  return assetId !== undefined && !isInMaintenance(state.index, assetId, state.nowMs);
};

/** Whether at least so many of the agents are missed. Looks at no more of them than it must: a zone may have thousands. */
const areMissed = (state: EngineState, ids: Iterable<AgentId> | undefined, count: number): boolean => {
  let found = 0;
  for (const id of ids ?? []) {
    if (isMissed(state, id)) found += 1;
    if (found >= count) return true;
  }
  return false;
};

const areLost = (state: EngineState, zoneId: ZoneId, count: number): boolean => areMissed(state, state.lostOf.get(zoneId), count);

const areOverdue = (state: EngineState, zoneId: ZoneId, count: number): boolean =>
  areMissed(state, state.overdueOf.get(zoneId), count);

/** Lost agents of the zone whose losses lie within one storm of the instant, and whose time to come back ends by then. */
const lostAround = (state: EngineState, zoneId: ZoneId, atMs: EpochMs, graceEndsByMs: EpochMs): AgentId[] =>
  [...(state.lostOf.get(zoneId) ?? [])].filter((id) => {
    const loss = state.agents.get(id)?.loss ?? null;
    const isAround = loss !== null && Math.abs(loss.atMs - atMs) <= state.config.timing.agentStormMs;
    return isAround && loss.graceEndsAtMs <= graceEndsByMs && isMissed(state, id);
  });

/**
 * Until when an agent that did not come back waits for others of its zone: so many were lost around the same time, or are overdue and may be
 * lost next, that it may be an outage of the zone, which tells of all of them at once. null when it can be none.
 */
export const outageSettledAtMs = (state: EngineState, zoneId: ZoneId, lostAtMs: EpochMs): EpochMs | null => {
  const { agentStormCount, agentGraceMs } = state.config.timing;
  const graceEnds = lostAround(state, zoneId, lostAtMs, state.nowMs + agentGraceMs).map(
    (id) => state.agents.get(id)?.loss?.graceEndsAtMs ?? state.nowMs,
  );
  const settledAtMs = graceEnds.sort((a, b) => a - b)[agentStormCount - 1];
  if (settledAtMs !== undefined) return settledAtMs;
  return areOverdue(state, zoneId, agentStormCount - graceEnds.length) ? state.nowMs + limits.outageWaitMsMax : null;
};

/**
 * Problem `zone`: many agents of the zone were lost within seconds and did not come back in time, so it is the zone, not the agents.
 * @param lostAtMs loss of the agent whose grace has just ended; null when nothing new was lost
 */
export const zoneFinding = (state: EngineState, zoneId: ZoneId, lostAtMs: EpochMs | null): Finding => {
  const { agentStormCount } = state.config.timing;
  const over = { kind: 'good', faultToMs: state.nowMs, text: 'its agents are back' } as const;
  // Once there it lasts until fewer are lost than would have opened it; those few then stand for themselves.
  const isThere = standingRecord(state, zoneAssetIdOf(zoneId), 'zone') !== undefined;
  if (isThere) return areLost(state, zoneId, agentStormCount) ? { kind: 'between' } : over;
  const lost = lostAtMs === null ? [] : lostAround(state, zoneId, lostAtMs, state.nowMs).sort();
  if (lost.length < agentStormCount) return over;
  const losses = lost.map((id) => state.agents.get(id)?.loss?.atMs ?? state.nowMs);
  return {
    kind: 'bad',
    severity: 'catastrophic',
    reason: 'ZONE_OUTAGE',
    summary: `${state.config.zones.get(zoneId)?.name ?? zoneId}: ${lost.length} agents were lost at once`,
    details: { agents: nameSome(lost) },
    faultFromMs: losses.reduce((first, atMs) => Math.min(first, atMs)),
    // Which agents it is changes all the time; what counts is how many.
    failing: [],
    seenAtMs: state.nowMs,
  };
};
