import type { AssetId, ZoneId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { setDeadline } from './deadlines.ts';
import type { BadFinding, Finding } from './finding.ts';
import { worseSeverity } from './findings.ts';
import type { IncidentRecord, ZoneState } from './incident-record.ts';
import { note, save } from './incidents.ts';
import { tell } from './notices.ts';
import { type EngineState, openRecord, standingRecord } from './state.ts';
import { zoneAssetIdOf } from './subject.ts';
import { keep, type Turn } from './turn.ts';
import { nameSome } from './zones.ts';

/**
 * Until when the storm of the zone takes in what fails; null when it takes in nothing any more. For zones stored by builds that did not keep it:
 * when these looked at the storm for the last time.
 */
export const takesInUntilMs = (zone: ZoneState | undefined): EpochMs | null => {
  if (zone === undefined || zone.takesInUntilMs !== undefined) return zone?.takesInUntilMs ?? null;
  const last = zone.openings.at(-1);
  return last === undefined ? null : last.atMs + limits.stormWindowMs;
};

const putZone = (turn: Turn, zone: ZoneState): void => {
  turn.state.zones.set(zone.id, zone);
  setDeadline(turn.state.deadlines, `zone|${zone.id}`, takesInUntilMs(zone));
  keep(turn, 'zone', zone.id);
};

/** The open storm of the zone, while it takes in what fails: what begins later has nothing to do with it, however long it lasts. */
export const stormTakingIn = (state: EngineState, zoneId: ZoneId): IncidentRecord | undefined => {
  const untilMs = takesInUntilMs(state.zones.get(zoneId));
  return untilMs !== null && state.nowMs < untilMs ? openRecord(state, zoneAssetIdOf(zoneId), 'storm') : undefined;
};

/**
 * Notes that people were told of a new incident of the zone. One of each asset counts: ten faults of one device are no storm.
 * @returns whether so many assets failed within the window that it is a storm, or another wave of the one that is there
 */
export const noteOpening = (turn: Turn, record: IncidentRecord): boolean => {
  const { state, nowMs } = turn;
  const { zoneId, id, assetId } = record.incident;
  if (zoneId === null) return false;
  const { incidentStormCount } = state.config.timing;
  const known = state.zones.get(zoneId);
  const ofOthers = (known?.openings ?? []).filter(
    (opening) => opening.atMs > nowMs - limits.stormWindowMs && state.incidents.get(opening.id)?.incident.assetId !== assetId,
  );
  const openings = [...ofOthers, { id, atMs: nowMs }].slice(-incidentStormCount);
  const isWave = openings.length >= incidentStormCount && stormTakingIn(state, zoneId) === undefined;
  putZone(turn, { id: zoneId, openings, takesInUntilMs: isWave ? nowMs + limits.stormWindowMs : takesInUntilMs(known) });
  return isWave;
};

/** Problem `storm` as it begins, or as another wave of it comes: as grave as the gravest of those that make it. */
export const waveFinding = (state: EngineState, zoneId: ZoneId): BadFinding => {
  const openings = state.zones.get(zoneId)?.openings ?? [];
  const incidents = openings.flatMap(({ id }) => state.incidents.get(id)?.incident ?? []);
  const assetIds = incidents.map(({ assetId }) => assetId).sort();
  return {
    kind: 'bad',
    severity: incidents.map(({ severity }) => severity).reduce(worseSeverity, 'minor'),
    reason: 'ZONE_STORM',
    summary: `${nameOfZone(state, zoneId)}: ${assetIds.length} assets failed within a minute`,
    details: { assets: nameSome(namesOf(state, assetIds)), incidents: openings.map(({ id }) => id).join(', ') },
    faultFromMs: openings[0]?.atMs ?? state.nowMs,
    failing: assetIds,
    seenAtMs: state.nowMs,
  };
};

/** Problem `storm`: once there it lasts while it may take in more, or what it took in fails. */
export const stormFinding = (state: EngineState, zoneId: ZoneId): Finding => {
  const record = standingRecord(state, zoneAssetIdOf(zoneId), 'storm');
  const untilMs = takesInUntilMs(state.zones.get(zoneId));
  const isTakingIn = untilMs !== null && state.nowMs < untilMs;
  const isLeft = record !== undefined && state.attachedTo.has(record.incident.id);
  return isTakingIn || isLeft
    ? { kind: 'between' }
    : { kind: 'good', faultToMs: state.nowMs, text: 'the incidents of the storm are over' };
};

/** The storm takes in nothing any more: people are told once of what it took in and what still fails, which nothing else tells them of. */
export const closeStorm = (turn: Turn, zoneId: ZoneId): void => {
  const { state } = turn;
  const zone = state.zones.get(zoneId);
  const untilMs = takesInUntilMs(zone);
  if (zone === undefined || untilMs === null || state.nowMs < untilMs) return;
  putZone(turn, { ...zone, takesInUntilMs: null });
  const record = openRecord(state, zoneAssetIdOf(zoneId), 'storm');
  if (record === undefined) return;
  const taken = [...(state.attachedTo.get(record.incident.id) ?? [])].flatMap((id) => state.incidents.get(id)?.incident ?? []);
  const assetIds = [...new Set(taken.filter(({ isInMaintenance }) => !isInMaintenance).map(({ assetId }) => assetId))].sort();
  if (assetIds.length === 0) return;
  const attached = nameSome(namesOf(state, assetIds));
  const summary = `${nameOfZone(state, zoneId)}: many assets failed at once; told of here alone: ${attached}`;
  record.incident = { ...record.incident, summary, details: { ...record.incident.details, attached } };
  note(turn, record, { kind: 'updated', text: summary });
  save(turn, record);
  tell(turn, record, 'firing', `-${untilMs.toString(36)}`);
};

const nameOfZone = (state: EngineState, zoneId: ZoneId): string => state.config.zones.get(zoneId)?.name ?? zoneId;

const namesOf = (state: EngineState, assetIds: readonly AssetId[]): readonly string[] =>
  assetIds.map((id) => state.config.assets.get(id)?.name ?? id);
