import type { AssetId, IncidentId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { worseSeverity } from './findings.ts';
import { hostFactOf, type Incident, type ProblemKey } from './incident.ts';
import type { IncidentRecord } from './incident-record.ts';
import { isLaneSuspect, laneIdOf } from './lane.ts';
import { isRouteOf } from './notices.ts';
import { type EngineState, openRecord } from './state.ts';
import { stormTakingIn } from './storms.ts';
import { zoneAssetIdOf, zoneOfAsset } from './subject.ts';
import { outageSettledAtMs } from './zones.ts';

/**
 * Problems that a failing parent or host explains, and that may be part of a storm. Rules look at anything at all, so they are never explained
 * away, and make no storm.
 */
export const isExplainable = (problem: ProblemKey): boolean =>
  problem === 'down' || problem === 'degraded' || problem === 'agent' || problem.startsWith('check:');

/** An incident that takes others upon itself: of an asset or host that is down, or of a whole zone. */
export const explainsOthers = ({ incident }: Pick<IncidentRecord, 'incident'>): boolean =>
  incident.problem === 'down' || incident.reason === 'HOST_DOWN' || zoneOfAsset(incident.assetId) !== null;

/** Unknown explains nothing new, nor does a host that was down when somebody could still look. */
const isSuppressing = (record: IncidentRecord): boolean =>
  !record.incident.isNoData && hostFactOf(record.incident) !== 'unknown' && explainsOthers(record);

const downRecordOf = (state: EngineState, assetId: AssetId): IncidentRecord | undefined =>
  [openRecord(state, assetId, 'down'), openRecord(state, assetId, 'agent')].find(
    (record) => record !== undefined && isSuppressing(record),
  );

/** Follows attachments up to the incident people were told of. */
const rootOf = (state: EngineState, record: IncidentRecord): IncidentRecord => {
  let root = record;
  const seen = new Set<IncidentId>();
  for (let up = root.incident.attachedTo; up !== null && !seen.has(up); up = root.incident.attachedTo) {
    seen.add(up);
    const above = state.incidents.get(up);
    if (above === undefined || above.incident.state === 'resolved') break;
    root = above;
  }
  return root;
};

/** What fails: an incident, or one that is about to open. */
export type Failure = Pick<Incident, 'assetId' | 'problem' | 'reason' | 'severity'>;

/** Graver than what people were told of with the storm. */
export const isBeyondStorm = ({ severity }: Pick<Incident, 'severity'>, { incident: storm }: IncidentRecord): boolean =>
  storm.problem === 'storm' && storm.severity !== severity && worseSeverity(storm.severity, severity) === severity;

/** The asset's own host being gone explains its checks; checks that are down explain why an agent is silent, but not a host that is gone. */
const ownCause = (state: EngineState, { assetId, problem, reason }: Failure): IncidentRecord | undefined => {
  if (reason === 'HOST_DOWN') return undefined;
  const own = openRecord(state, assetId, problem === 'agent' ? 'down' : 'agent');
  if (own === undefined || !isSuppressing(own)) return undefined;
  return own;
};

/** Whether everybody who would be told of the failure is told of the storm: with it, people hear of what it took in by that alone. */
const isHeardWith = (state: EngineState, failure: Failure, { incident: storm }: IncidentRecord): boolean => {
  const { unitId = null, zoneId = null } = state.config.assets.get(failure.assetId) ?? {};
  return state.config.routes.every((route) => !isRouteOf(route, { ...failure, unitId, zoneId }) || isRouteOf(route, storm));
};

/** A storm is no explanation, so it takes in nothing that would be worse hidden than told twice. */
const mayBelong = (state: EngineState, failure: Failure, root: IncidentRecord): boolean =>
  root.incident.problem !== 'storm' || (!isBeyondStorm(failure, root) && isHeardWith(state, failure, root));

const nearest = (state: EngineState, failure: Failure): IncidentRecord | undefined => {
  const { assetId, problem } = failure;
  const zoneId = state.config.assets.get(assetId)?.zoneId ?? null;
  if (zoneId !== null && problem === 'agent') {
    const outage = openRecord(state, zoneAssetIdOf(zoneId), 'zone');
    if (outage !== undefined) return outage;
  }
  if (!isExplainable(problem)) return undefined;
  const own = ownCause(state, failure);
  if (own !== undefined) return own;
  for (const ancestorId of state.index.ancestorsOf.get(assetId) ?? []) {
    const record = downRecordOf(state, ancestorId);
    if (record !== undefined) return record;
  }
  return zoneId === null ? undefined : stormTakingIn(state, zoneId);
};

/**
 * The open incident to which a failure of the asset belongs, the one people were told of; undefined when it stands for itself.
 * Nearest first: the outage of its zone (agents only), its own host, a parent, the parent's parents, a storm of its zone that takes it in.
 */
export const causeOf = (state: EngineState, failure: Failure): IncidentRecord | undefined => {
  const found = nearest(state, failure);
  if (found === undefined) return undefined;
  const root = rootOf(state, found);
  const isItself = root.incident.assetId === failure.assetId && root.incident.problem === failure.problem;
  return isItself || !mayBelong(state, failure, root) ? undefined : root;
};

/**
 * Until when a failure of the asset should wait because something above it may be failing too and is not yet sure; null: no need.
 * Bounded by the time that confirmation takes.
 */
export const waitUntilMs = (state: EngineState, assetId: AssetId, problem: ProblemKey, nowMs: EpochMs): EpochMs | null => {
  if (!isExplainable(problem)) return null;
  // Its own host may be gone, or its agent one of many: that is the graver fault, and explains this one.
  let waitMs = problem === 'agent' ? zoneQuestionMs(state, assetId, nowMs) : hostQuestionMs(state, assetId);
  for (const ancestorId of state.index.ancestorsOf.get(assetId) ?? []) {
    waitMs = Math.max(waitMs, confirmationMs(state, ancestorId, nowMs), hostQuestionMs(state, ancestorId));
  }
  return waitMs === 0 ? null : nowMs + waitMs;
};

const confirmationMs = (state: EngineState, assetId: AssetId, nowMs: EpochMs): number => {
  let mostMs = 0;
  for (const check of state.index.checksOf.get(assetId) ?? []) {
    const isSuspect = check.agentIds.some((agentId) => {
      const lane = state.lanes.get(laneIdOf(check.id, agentId))?.state;
      return lane !== undefined && isLaneSuspect(lane) && (lane.lastAtMs ?? 0) + check.staleAfterMs > nowMs;
    });
    if (check.critical && isSuspect) {
      mostMs = Math.max(mostMs, check.confirm.failures * (check.confirm.retryMs + check.timeoutMs));
    }
  }
  return mostMs;
};

/** How long it may take until it is known whether the lost agents of the asset are part of an outage of their zone. */
const zoneQuestionMs = (state: EngineState, assetId: AssetId, nowMs: EpochMs): number => {
  let mostMs = 0;
  for (const { id, zoneId } of state.index.agentsOn.get(assetId) ?? []) {
    const loss = state.agents.get(id)?.loss ?? null;
    if (loss === null || zoneId === null) continue;
    mostMs = Math.max(mostMs, (outageSettledAtMs(state, zoneId, loss.atMs) ?? nowMs) - nowMs);
  }
  return mostMs;
};

/** How long it may take to find out about the host of a lost agent; 0 when there is no question. */
const hostQuestionMs = (state: EngineState, assetId: AssetId): number => {
  const { timing } = state.config;
  let mostMs = 0;
  for (const agent of state.index.agentsOn.get(assetId) ?? []) {
    const loss = state.agents.get(agent.id)?.loss ?? null;
    // Its host may yet turn out to be down; until the grace is over no incident says so.
    if (loss !== null && (loss.verdict === 'asking' || !loss.isGraceOver))
      mostMs = Math.max(mostMs, timing.agentGraceMs + 2 * timing.questionMs);
  }
  return mostMs;
};
