import { limits } from '@jiwei/shared/limits.ts';
import { type EpochMs, hourMs } from '@jiwei/shared/time.ts';
import { armIncident, presentCycle, reviseCycle } from './clocks.ts';
import { isInMaintenance } from './config-index.ts';
import type { BadFinding } from './finding.ts';
import type { Exclusion, Incident, ProblemKey, ResponseCycle, TimelineKind } from './incident.ts';
import { type IncidentRecord, incidentIdOf } from './incident-record.ts';
import { tell, tellResolved } from './notices.ts';
import { indexIncident } from './state.ts';
import { type AffectedAsset, zoneAssetIdOf, zoneOfAsset } from './subject.ts';
import { keep, type Turn, touchIncident } from './turn.ts';

/** What may repeat without end is dropped once the timeline is nearly full; openings, acts and endings never are. */
const isRepeating = (kind: TimelineKind): boolean =>
  ['updated', 'noData', 'dataBack', 'childDown', 'childUp', 'notified', 'notificationFailed', 'notificationDropped'].includes(
    kind,
  );

/** Appends to the incident's timeline. */
export const note = (
  turn: Turn,
  record: IncidentRecord,
  entry: { readonly kind: TimelineKind; readonly text: string; readonly atMs?: EpochMs; readonly actor?: string },
): void => {
  const entries = touchIncident(turn, record);
  if (isRepeating(entry.kind) && record.entryCount >= limits.timelineEntriesMax) return;
  record.entryCount += 1;
  const isLast = isRepeating(entry.kind) && record.entryCount === limits.timelineEntriesMax;
  entries.push({
    incidentId: record.incident.id,
    number: record.entryCount,
    atMs: entry.atMs ?? turn.nowMs,
    recordedAtMs: turn.nowMs,
    kind: isLast ? 'truncated' : entry.kind,
    actor: entry.actor ?? 'engine',
    text: isLast ? `from here on repeated updates are left out: ${limits.timelineEntriesMax} entries are reached` : entry.text,
  });
};

/** Stores a change of the record: look-ups, deadline, effect. `attachedBefore` is the attachment it had. */
export const save = (turn: Turn, record: IncidentRecord, attachedBefore = record.incident.attachedTo): void => {
  touchIncident(turn, record);
  indexIncident(turn.state, record, attachedBefore);
  armIncident(turn.state, record);
};

const cycleOf = (turn: Turn, asset: AffectedAsset, number: number, excluded: Exclusion | null): ResponseCycle => {
  const { timing } = turn.state.config;
  return {
    number,
    openedAtMs: turn.nowMs,
    respondDueAtMs: turn.nowMs + timing.respondMs,
    respondedAtMs: null,
    onsiteDueAtMs: asset.needsOnsite ? turn.nowMs + timing.onsiteMs : null,
    arrivedAtMs: null,
    resolvedAtMs: null,
    quietFromMs: null,
    excluded,
  };
};

const exclusionOf = (parent: IncidentRecord | undefined, isHeldBack: boolean): Exclusion | null =>
  parent !== undefined ? 'child' : isHeldBack ? 'maintenance' : null;

/** Opens a new incident; attached to `parent` when one is given. Tells nobody yet. */
export const openIncident = (
  turn: Turn,
  asset: AffectedAsset,
  problem: ProblemKey,
  finding: BadFinding,
  parent: IncidentRecord | undefined,
): IncidentRecord => {
  const { config, index } = turn.state;
  const zone = asset.zoneId === null ? undefined : config.zones.get(asset.zoneId);
  const inMaintenance = isInMaintenance(index, asset.id, turn.nowMs);
  const incident: Incident = {
    id: incidentIdOf(asset.id, problem, turn.nowMs),
    assetId: asset.id,
    unitId: asset.unitId,
    zoneId: asset.zoneId,
    crew: zone?.crew ?? '',
    problem,
    severity: finding.severity,
    state: 'open',
    reason: finding.reason,
    summary: finding.summary,
    details: finding.details,
    faultFromMs: finding.faultFromMs,
    openedAtMs: turn.nowMs,
    faultToMs: null,
    resolvedAtMs: null,
    cycles: [cycleOf(turn, asset, 1, exclusionOf(parent, inMaintenance))],
    isNoData: false,
    isFlapping: false,
    isInMaintenance: inMaintenance,
    attachedTo: parent?.incident.id ?? null,
    isTold: false,
  };
  const record: IncidentRecord = {
    incident,
    failing: finding.failing,
    entryCount: 0,
    toldRoutes: [],
    reopenedAtMs: [],
    warnedCycle: 0,
    overdueCycle: 0,
    onsiteOverdueCycle: 0,
    goodSinceMs: null,
    isHeld: false,
    freshAfterMs: null,
    toldSeverity: null,
  };
  turn.state.incidents.set(incident.id, record);
  note(turn, record, { kind: 'opened', text: finding.summary });
  if (parent !== undefined) noteAttached(turn, record, parent);
  save(turn, record, null);
  return record;
};

const noteAttached = (turn: Turn, record: IncidentRecord, parent: IncidentRecord): void => {
  note(turn, record, { kind: 'attached', text: `belongs to ${parent.incident.id}` });
  note(turn, parent, { kind: 'childDown', text: record.incident.summary });
};

/** Opens a resolved incident again: a new cycle with its own clocks. Often enough within an hour it is flapping. Tells nobody yet. */
export const reopenIncident = (
  turn: Turn,
  asset: AffectedAsset,
  record: IncidentRecord,
  finding: BadFinding,
  parent: IncidentRecord | undefined,
): void => {
  const { config, index } = turn.state;
  const attachedBefore = record.incident.attachedTo;
  const inMaintenance = isInMaintenance(index, asset.id, turn.nowMs);
  const recent = record.reopenedAtMs.filter((atMs) => atMs > turn.nowMs - hourMs);
  record.reopenedAtMs = [...recent, turn.nowMs].slice(-config.timing.flapCount);
  record.failing = finding.failing;
  record.isHeld = false;
  record.freshAfterMs = null;
  const cycle = cycleOf(turn, asset, record.incident.cycles.length + 1, exclusionOf(parent, inMaintenance));
  record.incident = {
    ...record.incident,
    severity: finding.severity,
    state: 'open',
    reason: finding.reason,
    summary: finding.summary,
    details: finding.details,
    faultFromMs: finding.faultFromMs,
    faultToMs: null,
    resolvedAtMs: null,
    cycles: [...record.incident.cycles, cycle],
    isInMaintenance: inMaintenance,
    isFlapping: record.reopenedAtMs.length >= config.timing.flapCount,
    attachedTo: parent?.incident.id ?? null,
  };
  note(turn, record, { kind: 'reopened', text: finding.summary });
  if (record.incident.isFlapping) {
    note(turn, record, { kind: 'flapping', text: `reopened ${record.reopenedAtMs.length} times within an hour` });
  }
  if (parent !== undefined) noteAttached(turn, record, parent);
  save(turn, record, attachedBefore);
};

/** Tells of an incident that has just opened, reopened, or come to stand for itself. */
export const tellOpened = (turn: Turn, record: IncidentRecord): void =>
  tell(turn, record, record.incident.isFlapping ? 'flapping' : 'firing');

/** Puts an open incident under another one: its present cycle no longer counts and tells nobody anything but its end. */
export const attachIncident = (turn: Turn, record: IncidentRecord, parent: IncidentRecord): void => {
  const before = record.incident.attachedTo;
  record.incident = { ...record.incident, attachedTo: parent.incident.id };
  record.freshAfterMs = null;
  // A promise that was already kept stays kept; an exclusion only takes pressure away.
  if (presentCycle(record).excluded === null && presentCycle(record).respondedAtMs === null)
    reviseCycle(record, { excluded: 'child' });
  noteAttached(turn, record, parent);
  save(turn, record, before);
};

/**
 * An incident nobody was told of (it belonged to another one, or to a maintenance window) now stands for itself: a new cycle begins, whose
 * clocks start now, and people are told, unless a window is running.
 * @returns whether a new cycle began
 */
export const releaseIncident = (turn: Turn, asset: AffectedAsset, record: IncidentRecord, text: string): boolean => {
  const before = record.incident.attachedTo;
  const number = record.incident.cycles.length + 1;
  const wasExcluded = presentCycle(record).excluded !== null;
  record.freshAfterMs = null;
  record.incident = { ...record.incident, attachedTo: null };
  if (wasExcluded) {
    reviseCycle(record, { resolvedAtMs: turn.nowMs });
    record.incident = {
      ...record.incident,
      state: 'open',
      cycles: [...record.incident.cycles, cycleOf(turn, asset, number, exclusionOf(undefined, record.incident.isInMaintenance))],
    };
  }
  if (before !== null) note(turn, record, { kind: 'detached', text });
  save(turn, record, before);
  if (wasExcluded) tellOpened(turn, record);
  return wasExcluded;
};

/** How and why an incident ends. */
export interface Ending {
  /** When the fault itself ended; null when that is not known (a person's word, a retired asset). */
  readonly faultToMs: EpochMs | null;
  readonly actor: string;
  readonly text: string;
  readonly excluded?: Exclusion;
}

/** Ends an open incident, calls off what was told, and lets those attached to it stand on their own feet. */
export const resolveIncident = (turn: Turn, record: IncidentRecord, ending: Ending): void => {
  const { state, nowMs } = turn;
  const cycle = presentCycle(record);
  // A flapping one was good already when its quiet time began; who looked at it only afterwards was not late.
  const wasUnanswered = cycle.respondedAtMs === null || cycle.respondedAtMs > cycle.respondDueAtMs;
  const isSelfHealed = ending.actor === 'engine' && wasUnanswered && (cycle.quietFromMs ?? nowMs) < cycle.respondDueAtMs;
  reviseCycle(record, {
    resolvedAtMs: nowMs,
    excluded: cycle.excluded ?? ending.excluded ?? (isSelfHealed ? 'autoRecovered' : null),
  });
  record.goodSinceMs = null;
  record.freshAfterMs = null;
  record.incident = {
    ...record.incident,
    state: 'resolved',
    // A history that was told anew may know nothing of the fault any more; then it took no time.
    faultToMs: ending.faultToMs === null ? null : Math.max(ending.faultToMs, record.incident.faultFromMs),
    resolvedAtMs: nowMs,
    isNoData: false,
    isFlapping: false,
  };
  note(turn, record, { kind: 'resolved', text: ending.text, actor: ending.actor });
  save(turn, record);
  tellResolved(turn, record);
  const { zoneId, assetId } = record.incident;
  // The storm or outage it belonged to may be over with it.
  if (zoneId !== null && zoneOfAsset(assetId) === null) turn.assess.add(zoneAssetIdOf(zoneId));
  const parent = record.incident.attachedTo === null ? undefined : state.incidents.get(record.incident.attachedTo);
  if (parent !== undefined && parent.incident.state !== 'resolved') {
    note(turn, parent, { kind: 'childUp', text: `${record.incident.assetId}: ${ending.text}` });
  }
  expectFreshEvidence(turn, record);
};

/**
 * What an incident explained must from now on show for itself that it still fails: answers from before say nothing of that. After the outage
 * of a zone its agents come back one by one, as their waits between two tries end; until then being away says nothing.
 */
export const expectFreshEvidence = (turn: Turn, parent: IncidentRecord): void => {
  const isOutage = parent.incident.problem === 'zone';
  for (const childId of [...(turn.state.attachedTo.get(parent.incident.id) ?? [])].sort()) {
    const child = turn.state.incidents.get(childId);
    if (child === undefined) continue;
    const isReconnecting = isOutage && child.incident.problem === 'agent';
    child.freshAfterMs = turn.nowMs + (isReconnecting ? limits.reconnectMsMax : 0);
    keep(turn, 'incident', childId);
    turn.assess.add(child.incident.assetId);
  }
};
