import { type AssetId, asId, type CheckId, type ZoneId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { agentFinding } from './agent-finding.ts';
import { causeOf, explainsOthers, isBeyondStorm, isExplainable, waitUntilMs } from './cause.ts';
import { beginQuiet, endQuiet, isQuietOver } from './clocks.ts';
import { cloneFinding } from './clones.ts';
import { descendantsOf, isInMaintenance } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { BadFinding, Finding, GoodFinding } from './finding.ts';
import { assetDownFinding, checkDownFinding, degradedFinding, worseSeverity } from './findings.ts';
import { hostFactOf, type ProblemKey } from './incident.ts';
import { type IncidentRecord, problemIdOf } from './incident-record.ts';
import {
  attachIncident,
  expectFreshEvidence,
  note,
  openIncident,
  releaseIncident,
  reopenIncident,
  resolveIncident,
  save,
  tellOpened,
} from './incidents.ts';
import { tellGraver } from './notices.ts';
import { type EngineState, latestRecord, openRecord, standingRecord } from './state.ts';
import { closeStorm, noteOpening, stormFinding, waveFinding } from './storms.ts';
import { type AffectedAsset, affectedAsset, zoneAssetIdOf, zoneOfAsset } from './subject.ts';
import { keep, type Turn } from './turn.ts';
import { zoneFinding } from './zones.ts';

/** Looks at every asset something happened to, parents first, and brings its incidents in line with what is known. */
export const assessAll = (turn: Turn): void => {
  const { state } = turn;
  const depthOf = (id: AssetId): number => state.index.depthOf.get(id) ?? -1;
  // Sorted once per round, not once per asset: thousands may have changed at once. What comes up meanwhile waits for the next round.
  while (turn.assess.size > 0) {
    const round = [...turn.assess].sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1));
    for (const next of round) {
      turn.assess.delete(next);
      assessAsset(turn, next);
    }
  }
};

const assessAsset = (turn: Turn, assetId: AssetId): void => {
  const { state, nowMs } = turn;
  const asset = affectedAsset(state.config, assetId);
  if (asset === null) return;
  const isStanding = (problem: ProblemKey): boolean => standingRecord(state, assetId, problem) !== undefined;
  const zoneId = zoneOfAsset(assetId);
  if (zoneId !== null) {
    if (isStanding('zone')) decide(turn, asset, 'zone', zoneFinding(state, zoneId, null));
    closeStorm(turn, zoneId);
    if (isStanding('storm')) decide(turn, asset, 'storm', stormFinding(state, zoneId));
    lookAgainAtWaiting(turn, zoneId);
    return;
  }
  // The host before what runs on it: its being gone explains the rest.
  if (state.index.agentsOn.has(assetId) || isStanding('agent')) {
    decide(turn, asset, 'agent', agentFinding(state, asset, nowMs));
  }
  if (state.clones.size > 0 || isStanding('cloned')) decide(turn, asset, 'cloned', cloneFinding(state, asset));
  const failing = (problem: ProblemKey): readonly string[] => standingRecord(state, assetId, problem)?.failing ?? [];
  decide(turn, asset, 'down', assetDownFinding(state, asset, failing('down'), nowMs));
  decide(turn, asset, 'degraded', degradedFinding(state, asset, failing('degraded'), nowMs));
  for (const check of state.index.checksOf.get(assetId) ?? []) {
    if (!check.critical) decide(turn, asset, checkProblemOf(check.id), checkDownFinding(state, asset, check, nowMs));
  }
};

/** An agent of the zone came, went or spoke again: whether there is still something to wait for is asked anew of those that do. */
const lookAgainAtWaiting = (turn: Turn, zoneId: ZoneId): void => {
  for (const { assetId, problem } of turn.state.waits.values()) {
    const agents = problem === 'agent' ? (turn.state.index.agentsOn.get(assetId) ?? []) : [];
    if (agents.some((agent) => agent.zoneId === zoneId)) turn.assess.add(assetId);
  }
};

/** Problem of a check that is not critical. */
export const checkProblemOf = (checkId: CheckId): ProblemKey => `check:${checkId}`;

/** Brings one problem of one asset in line with what is known about it. */
export const decide = (turn: Turn, asset: AffectedAsset, problem: ProblemKey, finding: Finding): void => {
  const open = openRecord(turn.state, asset.id, problem);
  if (finding.kind === 'bad') {
    if (open === undefined) begin(turn, asset, problem, finding);
    else goOn(turn, asset, open, finding);
    return;
  }
  stopWaiting(turn, asset.id, problem);
  if (finding.kind === 'good') releaseHold(turn, asset.id, problem);
  if (open === undefined || finding.kind === 'between') return;
  if (finding.kind === 'unknown') markNoData(turn, open);
  else end(turn, open, finding);
};

/** A person resolved it while it was failing; now it was seen good, so the next failure opens it again, and what it had explained is over. */
const releaseHold = (turn: Turn, assetId: AssetId, problem: ProblemKey): void => {
  const latest = latestRecord(turn.state, assetId, problem);
  if (latest === undefined || !latest.isHeld) return;
  latest.isHeld = false;
  keep(turn, 'incident', latest.incident.id);
  expectFreshEvidence(turn, latest);
};

const stopWaiting = (turn: Turn, assetId: AssetId, problem: ProblemKey): void => {
  if (turn.state.waits.size === 0) return;
  const id = problemIdOf(assetId, problem);
  if (!turn.state.waits.delete(id)) return;
  setDeadline(turn.state.deadlines, `wait|${id}`, null);
  keep(turn, 'wait', id);
};

/** Whether the failure must still wait for the outcome of something above it. A wait is bounded once, when it begins. */
const mustWait = (turn: Turn, assetId: AssetId, problem: ProblemKey): boolean => {
  const { state, nowMs } = turn;
  const id = problemIdOf(assetId, problem);
  const known = state.waits.get(id);
  const wantedUntilMs = waitUntilMs(state, assetId, problem, nowMs);
  if (wantedUntilMs === null) return false;
  if (known !== undefined) return known.untilMs > nowMs;
  state.waits.set(id, { assetId, problem, untilMs: wantedUntilMs });
  setDeadline(state.deadlines, `wait|${id}`, wantedUntilMs);
  keep(turn, 'wait', id);
  return true;
};

const begin = (turn: Turn, asset: AffectedAsset, problem: ProblemKey, finding: BadFinding): void => {
  const { state, nowMs } = turn;
  const latest = latestRecord(state, asset.id, problem);
  // Something else that fails is news; what the person saw is not.
  if (latest?.isHeld === true && finding.failing.every((id) => latest.failing.includes(id))) return;
  const cause = causeOf(state, { assetId: asset.id, problem, reason: finding.reason, severity: finding.severity });
  if (cause === undefined && mustWait(turn, asset.id, problem)) return;
  stopWaiting(turn, asset.id, problem);
  const resolvedAtMs = latest?.incident.resolvedAtMs ?? null;
  const canReopen = latest !== undefined && resolvedAtMs !== null && nowMs - resolvedAtMs < limits.reopenMs;
  const record = canReopen ? latest : openIncident(turn, asset, problem, finding, cause);
  if (canReopen) reopenIncident(turn, asset, record, finding, cause);
  if (explainsOthers(record) && record.incident.problem !== 'storm') gatherChildren(turn, record);
  if (cause !== undefined) return;
  tellOpened(turn, record);
  countForStorm(turn, record);
};

/** People were told of it: such of many assets of a zone within a minute are a storm. What it could not take in makes none. */
const countForStorm = (turn: Turn, record: IncidentRecord): void => {
  const { problem, isInMaintenance } = record.incident;
  if (!isExplainable(problem) || isInMaintenance) return;
  if (noteOpening(turn, record)) openStorm(turn, record);
};

/** Failures of what depends on it that opened shortly before are its own: the order in which confirmations end is chance. */
const gatherChildren = (turn: Turn, parent: IncidentRecord): void => {
  const { state, nowMs } = turn;
  const waiting = new Set([...state.waits.values()].map((wait) => wait.assetId));
  for (const assetId of explainableAssets(turn, parent)) {
    // Failures that were waiting for the outcome wait no longer.
    if (assetId !== parent.incident.assetId && waiting.has(assetId)) turn.assess.add(assetId);
    for (const id of [...(state.openOf.get(assetId) ?? [])].sort()) {
      const record = state.incidents.get(id);
      if (record === undefined || record === parent || record.incident.attachedTo !== null) continue;
      const isRecent = nowMs - (record.incident.cycles.at(-1)?.openedAtMs ?? 0) <= limits.stormWindowMs;
      if (isRecent && causeOf(state, record.incident) === rootOf(turn, parent))
        attachIncident(turn, record, rootOf(turn, parent));
    }
  }
};

const explainableAssets = (turn: Turn, { incident }: IncidentRecord): readonly AssetId[] => {
  const { index } = turn.state;
  const zoneId = zoneOfAsset(incident.assetId);
  return zoneId === null
    ? [incident.assetId, ...descendantsOf(index, incident.assetId)]
    : [...new Set((index.agentsOfZone.get(zoneId) ?? []).map((agent) => agent.assetId))];
};

const rootOf = (turn: Turn, record: IncidentRecord): IncidentRecord => {
  const up = record.incident.attachedTo;
  return (up === null ? undefined : turn.state.incidents.get(up)) ?? record;
};

const openStorm = (turn: Turn, record: IncidentRecord): void => {
  const { state } = turn;
  const { zoneId } = record.incident;
  const asset = zoneId === null ? null : affectedAsset(state.config, zoneAssetIdOf(zoneId));
  if (zoneId === null || asset === null) return;
  decide(turn, asset, 'storm', waveFinding(state, zoneId));
};

/** An open problem is seen again. */
const goOn = (turn: Turn, asset: AffectedAsset, record: IncidentRecord, finding: BadFinding): void => {
  const before = record.incident;
  const failing = [...new Set([...record.failing, ...finding.failing])];
  const isNew = failing.length > record.failing.length;
  const severity = finding.canEase === true ? finding.severity : worseSeverity(before.severity, finding.severity);
  record.failing = failing;
  const wasQuiet = record.goodSinceMs !== null;
  const hostBefore = hostFactOf(before);
  const isHostOther = hostFactOf({ ...before, details: finding.details }) !== hostBefore;
  // By codes: a summary also changes when its asset is named anew. That the host is known of now, where it was not kept before, is no news.
  const isOther = before.reason !== finding.reason || (isHostOther && hostBefore !== null);
  const isNews = isNew || severity !== before.severity || isOther;
  const isChanged = isNews || before.isNoData || wasQuiet || isHostOther;
  if (isChanged) {
    record.incident = {
      ...before,
      severity,
      reason: finding.reason,
      summary: finding.summary,
      details: { ...before.details, ...finding.details },
      isNoData: false,
    };
    endQuiet(record);
    if (before.isNoData) note(turn, record, { kind: 'dataBack', text: 'data is back; it still fails' });
    if (isNews) note(turn, record, { kind: 'updated', text: finding.summary });
    save(turn, record);
    // A graver fault is news to people.
    tellGraver(turn, record);
    if (explainsOthers({ incident: before }) && !explainsOthers(record)) expectFreshEvidence(turn, record);
  }
  reconsiderAttachment(turn, asset, record, finding);
  if (explainsOthers(record) && before.reason !== finding.reason) gatherChildren(turn, record);
};

/** The incident it belonged to is over: on newer evidence it stands for itself, or belongs to another one. */
const reconsiderAttachment = (turn: Turn, asset: AffectedAsset, record: IncidentRecord, finding: BadFinding): void => {
  const { state } = turn;
  const parentId = record.incident.attachedTo;
  if (parentId === null) {
    // At the end of its window nothing was known of it; now it is seen to fail.
    if (isExcused(record) && !record.incident.isInMaintenance) standAlone(turn, asset, record, windowIsOver);
    return;
  }
  const parent = state.incidents.get(parentId);
  // One that a person resolved while its fault goes on still explains what it explained.
  const isParentThere = parent !== undefined && (parent.incident.state !== 'resolved' ? explainsOthers(parent) : parent.isHeld);
  // A host that is gone is graver than its checks that were found down first.
  const isGraver = record.incident.reason === 'HOST_DOWN' && parent?.incident.assetId === asset.id;
  if (isGraver) return standAlone(turn, asset, record, 'the host itself is down');
  if (parent !== undefined && isBeyondStorm(record.incident, parent))
    return standAlone(turn, asset, record, 'it is graver than the storm');
  if (isParentThere || (record.freshAfterMs !== null && finding.seenAtMs <= record.freshAfterMs)) return;
  standAlone(turn, asset, record, 'it still fails although the other incident is over');
};

/** Its present cycle began in a maintenance window, so nobody was told. */
const isExcused = (record: IncidentRecord): boolean => record.incident.cycles.at(-1)?.excluded === 'maintenance';

const windowIsOver = 'the maintenance window is over';

/** What held it back is over: it belongs to something else, or people are told. */
const standAlone = (turn: Turn, asset: AffectedAsset, record: IncidentRecord, text: string): void => {
  const cause = causeOf(turn.state, record.incident);
  if (cause !== undefined && cause.incident.id !== record.incident.attachedTo) {
    attachIncident(turn, record, cause);
    return;
  }
  const wasTold = releaseIncident(turn, asset, record, text);
  if (wasTold) countForStorm(turn, record);
  else tellGraver(turn, record);
};

const markNoData = (turn: Turn, record: IncidentRecord): void => {
  if (record.incident.isNoData) return;
  record.incident = { ...record.incident, isNoData: true };
  record.goodSinceMs = null;
  note(turn, record, { kind: 'noData', text: 'nothing is known of it at the moment; it stays open' });
  save(turn, record);
};

/** Proven good. A flapping one must stay so for a while first. */
const end = (turn: Turn, record: IncidentRecord, finding: GoodFinding): void => {
  const { nowMs } = turn;
  if (finding.isRetired === true) {
    resolveIncident(turn, record, { faultToMs: null, actor: 'engine', text: finding.text, excluded: 'retired' });
    return;
  }
  if (record.incident.isFlapping) {
    if (record.goodSinceMs === null) {
      beginQuiet(record, nowMs);
      if (record.incident.isNoData) {
        record.incident = { ...record.incident, isNoData: false };
        note(turn, record, { kind: 'dataBack', text: 'data is back; it is good' });
      }
      save(turn, record);
      return;
    }
    if (!isQuietOver(record, turn.state.config.timing, nowMs)) return;
  }
  resolveIncident(turn, record, { faultToMs: finding.faultToMs ?? nowMs, actor: 'engine', text: finding.text });
};

/** Windows begin and end: notices of open incidents are held back, and those that still fail afterwards are told. */
export const settleMaintenance = (turn: Turn): void => {
  const { state, nowMs } = turn;
  for (const id of [...state.openOf.values()].flatMap((ids) => [...ids]).sort()) {
    const record = state.incidents.get(id);
    const asset = record === undefined ? null : affectedAsset(state.config, record.incident.assetId);
    if (record === undefined || asset === null) continue;
    const isRunning = isInMaintenance(state.index, asset.id, nowMs);
    if (isRunning === record.incident.isInMaintenance) continue;
    record.incident = { ...record.incident, isInMaintenance: isRunning };
    // Whether it still fails is known only while there is data, and while a flapping one is not in its quiet time.
    const isFailing = !record.incident.isNoData && record.goodSinceMs === null;
    const after = isFailing ? 'it still fails after the window' : 'the window is over; it is not known to fail just now';
    note(
      turn,
      record,
      isRunning ? { kind: 'maintenanceBegan', text: 'notices are held back' } : { kind: 'maintenanceEnded', text: after },
    );
    save(turn, record);
    // What is not seen to fail now is told when it is seen to fail again.
    if (isRunning || !isFailing) continue;
    if (!isExcused(record)) tellGraver(turn, record);
    else if (record.incident.attachedTo === null) standAlone(turn, asset, record, windowIsOver);
  }
  setDeadline(state.deadlines, 'maintenance|', nextBoundaryMs(state, nowMs));
};

/** Whether all open incidents know which windows run at the instant. */
export const isMaintenanceSettled = (state: EngineState, atMs: number): boolean =>
  [...state.openOf].every(([assetId, ids]) => {
    const isRunning = isInMaintenance(state.index, assetId, atMs);
    return [...ids].every((id) => state.incidents.get(id)?.incident.isInMaintenance === isRunning);
  });

/** When the next window begins or ends; null when there is none to come. */
export const nextBoundaryMs = (state: EngineState, afterMs: number): number | null => {
  const boundaries = state.config.maintenance.flatMap(({ fromMs, toMs }) => [fromMs, toMs]).filter((atMs) => atMs > afterMs);
  return boundaries.length === 0 ? null : boundaries.reduce((first, atMs) => Math.min(first, atMs));
};

/** The asset of a wait or incident, to be looked at again. */
export const assetOfKey = (key: string): AssetId => asId<'asset'>(key.slice(0, key.indexOf('|')));
