import type { AgentId, ZoneId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { isInMaintenance } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { Finding } from './finding.ts';
import type { IncidentRecord, ZoneState } from './incident-record.ts';
import { type EngineState, standingRecord } from './state.ts';
import { zoneAssetIdOf } from './subject.ts';
import { keep, type Turn } from './turn.ts';

/** Lost agents of the zone; those of hosts under maintenance are expected to be lost. */
const lostIn = (state: EngineState, zoneId: ZoneId): AgentId[] =>
  [...(state.lostOf.get(zoneId) ?? [])]
    .filter((id) => {
      const assetId = state.config.agents.get(id)?.assetId;
      return assetId !== undefined && !isInMaintenance(state.index, assetId, state.nowMs);
    })
    .sort();

/** Those of them whose losses lie within one storm of the instant. */
const lostAround = (state: EngineState, zoneId: ZoneId, atMs: EpochMs): AgentId[] =>
  lostIn(state, zoneId).filter(
    (id) => Math.abs((state.agents.get(id)?.loss?.atMs ?? Number.NaN) - atMs) <= state.config.timing.agentStormMs,
  );

/**
 * Problem `zone`: many agents of the zone were lost within seconds, so it is the zone, not the agents.
 * @param lostAtMs loss of the agent whose grace has just ended; null when nothing new was lost
 */
export const zoneFinding = (state: EngineState, zoneId: ZoneId, lostAtMs: EpochMs | null): Finding => {
  const { timing } = state.config;
  const name = state.config.zones.get(zoneId)?.name ?? zoneId;
  // Once there it lasts until fewer are lost than would have opened it; those few then stand for themselves.
  const isThere = standingRecord(state, zoneAssetIdOf(zoneId), 'zone') !== undefined;
  const lost = isThere || lostAtMs === null ? lostIn(state, zoneId) : lostAround(state, zoneId, lostAtMs);
  if (lost.length >= timing.agentStormCount && (isThere || lostAtMs !== null)) {
    const losses = lost.map((id) => state.agents.get(id)?.loss?.atMs ?? 0);
    return {
      kind: 'bad',
      severity: 'catastrophic',
      reason: 'ZONE_OUTAGE',
      summary: `${name}: ${lost.length} agents were lost at once`,
      details: { agents: lost.join(', ') },
      faultFromMs: Math.min(...losses),
      failing: lost,
      seenAtMs: Math.max(...losses),
    };
  }
  return { kind: 'good', faultToMs: state.nowMs, text: 'its agents are back' };
};

const openingsWithin = (state: EngineState, zoneId: ZoneId, nowMs: EpochMs): ZoneState['openings'] =>
  (state.zones.get(zoneId)?.openings ?? []).filter(({ atMs }) => atMs > nowMs - limits.stormWindowMs);

/** Notes that people were told of a new incident of the zone. @returns whether there were so many that a storm must open */
export const noteOpening = (turn: Turn, record: IncidentRecord): boolean => {
  const { state, nowMs } = turn;
  const { zoneId } = record.incident;
  if (zoneId === null) return false;
  const { incidentStormCount } = state.config.timing;
  const openings = [...openingsWithin(state, zoneId, nowMs), { id: record.incident.id, atMs: nowMs }].slice(-incidentStormCount);
  state.zones.set(zoneId, { id: zoneId, openings });
  setDeadline(state.deadlines, `zone|${zoneId}`, nowMs + limits.stormWindowMs);
  keep(turn, 'zone', zoneId);
  return openings.length >= incidentStormCount;
};

/** Problem `storm`: it lasts while incidents belong to it or new ones keep coming. */
export const stormFinding = (state: EngineState, zoneId: ZoneId, nowMs: EpochMs): Finding => {
  const name = state.config.zones.get(zoneId)?.name ?? zoneId;
  const record = standingRecord(state, zoneAssetIdOf(zoneId), 'storm');
  const openings = openingsWithin(state, zoneId, nowMs);
  const attachedCount = record === undefined ? 0 : (state.attachedTo.get(record.incident.id)?.size ?? 0);
  if (attachedCount === 0 && openings.length < state.config.timing.incidentStormCount) {
    return { kind: 'good', faultToMs: nowMs, text: 'the incidents of the storm are over' };
  }
  return {
    kind: 'bad',
    severity: 'critical',
    reason: 'ZONE_STORM',
    summary: `${name}: many incidents within a minute`,
    details: { incidents: openings.map(({ id }) => id).join(', ') },
    faultFromMs: openings[0]?.atMs ?? nowMs,
    failing: [],
    seenAtMs: nowMs,
  };
};
