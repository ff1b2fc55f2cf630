import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId, AssetId, CheckId, IncidentId, ZoneId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { AgentState, CloneState } from './agent-state.ts';
import type { EngineConfig } from './config.ts';
import { type ConfigIndex, indexConfig } from './config-index.ts';
import { createDeadlines, type Deadlines, setDeadline } from './deadlines.ts';
import type { ProblemKey } from './incident.ts';
import type { IncidentRecord, Wait, ZoneState } from './incident-record.ts';
import { createLane, type LaneState, laneIdOf } from './lane.ts';
import { createRules, nextRuleDeadlineMs, type Rules } from './rules/rules.ts';
import { emptyTimeline, type Timeline } from './timeline.ts';

/** A lane with its history and its last result. */
export interface Lane {
  /** Made once: a fleet's answers would otherwise make them hundreds of thousands of times a second. */
  readonly id: string;
  readonly deadlineKey: string;
  readonly state: LaneState;
  readonly timeline: Timeline;
  /** For readers only; decisions use `state`. */
  lastResult: CheckResult | null;
  /** Likewise: that its agent could not ask, where it has given no answer since. */
  lastUnusable: CheckResult | null;
}

/**
 * All the engine knows. Only engine files change it, within `step`. What is stored of it goes out as `entity` and `spans` effects;
 * everything else here is derived from those and the configuration, so a restart rebuilds it.
 */
export interface EngineState {
  config: EngineConfig;
  index: ConfigIndex;
  /** Instant of the last event. */
  nowMs: EpochMs;
  readonly lanes: Map<string, Lane>;
  /** Derived: lanes of a check in order of their ids, so that which of them is named first does not hang on which came first. */
  readonly lanesOf: Map<CheckId, readonly Lane[]>;
  /** Histories of declared checks and of the built-in ones of agents. */
  readonly checks: Map<string, Timeline>;
  readonly assets: Map<AssetId, Timeline>;
  readonly agents: Map<AgentId, AgentState>;
  /** Agents whose key somebody else used of late. */
  readonly clones: Map<AgentId, CloneState>;
  readonly incidents: Map<IncidentId, IncidentRecord>;
  readonly zones: Map<ZoneId, ZoneState>;
  readonly waits: Map<string, Wait>;
  /** null while no rule is declared. */
  rules: Rules | null;
  readonly deadlines: Deadlines;
  /** Derived: the latest incident of each problem, by asset: most assets have none at all. */
  readonly latestOf: Map<AssetId, Map<ProblemKey, IncidentRecord>>;
  /** Derived: open incidents of an asset. */
  readonly openOf: Map<AssetId, Set<IncidentId>>;
  /** Derived: open incidents attached to one. */
  readonly attachedTo: Map<IncidentId, Set<IncidentId>>;
  /** Derived: lost agents of a zone. */
  readonly lostOf: Map<ZoneId, Set<AgentId>>;
  /** Derived: connected agents of a zone that are overdue. */
  readonly overdueOf: Map<ZoneId, Set<AgentId>>;
  /** Derived: agents that are connected. */
  readonly connected: Set<AgentId>;
  /** Until the first configuration after a restart: the histories may still be those of another one. */
  isRestored: boolean;
  /** Results from longer ago than corrections reach; since start. */
  tooLateResultCount: number;
  /** Spans of histories that were forgotten, because there were too many, while late data might still have corrected them; since start. */
  spansForgottenCount: number;
}

/** A state without any memory. */
export const emptyState = (config: EngineConfig, atMs: EpochMs): EngineState => ({
  config,
  index: indexConfig(config),
  nowMs: atMs,
  lanes: new Map(),
  lanesOf: new Map(),
  checks: new Map(),
  assets: new Map(),
  agents: new Map(),
  clones: new Map(),
  incidents: new Map(),
  zones: new Map(),
  waits: new Map(),
  rules: config.rules.size === 0 ? null : createRules(config.rules.values()),
  deadlines: createDeadlines(),
  latestOf: new Map(),
  openOf: new Map(),
  attachedTo: new Map(),
  lostOf: new Map(),
  overdueOf: new Map(),
  connected: new Set(),
  isRestored: false,
  tooLateResultCount: 0,
  spansForgottenCount: 0,
});

const addTo = <K, V>(sets: Map<K, Set<V>>, key: K, value: V): void => {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
};

const removeFrom = <K, V>(sets: Map<K, Set<V>>, key: K, value: V): void => {
  const set = sets.get(key);
  if (set === undefined) return;
  set.delete(value);
  if (set.size === 0) sets.delete(key);
};

/** Brings the derived look-ups in line with a record; call after each change of state or attachment. */
export const indexIncident = (state: EngineState, record: IncidentRecord, before: IncidentId | null): void => {
  const { id, assetId, problem, attachedTo } = record.incident;
  const isOpen = record.incident.state !== 'resolved';
  const latest = state.latestOf.get(assetId);
  if (latest === undefined) state.latestOf.set(assetId, new Map([[problem, record]]));
  else latest.set(problem, record);
  if (isOpen) addTo(state.openOf, assetId, id);
  else removeFrom(state.openOf, assetId, id);
  if (before !== null && before !== attachedTo) removeFrom(state.attachedTo, before, id);
  if (attachedTo === null) return;
  if (isOpen) addTo(state.attachedTo, attachedTo, id);
  else removeFrom(state.attachedTo, attachedTo, id);
};

/** Forgets a record and what was derived from it. */
export const forgetIncident = (state: EngineState, record: IncidentRecord): void => {
  const { id, assetId, problem, attachedTo } = record.incident;
  state.incidents.delete(id);
  const latest = state.latestOf.get(assetId);
  if (latest?.get(problem) === record) latest.delete(problem);
  if (latest?.size === 0) state.latestOf.delete(assetId);
  removeFrom(state.openOf, assetId, id);
  if (attachedTo !== null) removeFrom(state.attachedTo, attachedTo, id);
  setDeadline(state.deadlines, `incident|${id}`, null);
};

/** Brings the derived sets of lost, overdue and connected agents in line with an agent. */
export const indexAgent = (state: EngineState, agent: AgentState): void => {
  if (agent.loss === null) state.connected.add(agent.id);
  else state.connected.delete(agent.id);
  const zoneId = state.config.agents.get(agent.id)?.zoneId ?? null;
  if (zoneId === null) return;
  if (agent.loss === null) removeFrom(state.lostOf, zoneId, agent.id);
  else addTo(state.lostOf, zoneId, agent.id);
  if (agent.isOverdue === true) addTo(state.overdueOf, zoneId, agent.id);
  else removeFrom(state.overdueOf, zoneId, agent.id);
};

/** The open incident of a problem; undefined when there is none. */
export const openRecord = (state: EngineState, assetId: AssetId, problem: string): IncidentRecord | undefined => {
  const record = latestRecord(state, assetId, problem);
  return record !== undefined && record.incident.state !== 'resolved' ? record : undefined;
};

/** The open incident of a problem, or the one a person resolved though the fault goes on. */
export const standingRecord = (state: EngineState, assetId: AssetId, problem: string): IncidentRecord | undefined => {
  const record = latestRecord(state, assetId, problem);
  return record !== undefined && (record.incident.state !== 'resolved' || record.isHeld) ? record : undefined;
};

/** The latest incident of a problem, open or resolved not too long ago. */
export const latestRecord = (state: EngineState, assetId: AssetId, problem: ProblemKey): IncidentRecord | undefined =>
  state.latestOf.get(assetId)?.get(problem);

/** The lane, made when it is first needed. */
export const laneOf = (state: EngineState, checkId: CheckId, agentId: AgentId | null): Lane => {
  const id = laneIdOf(checkId, agentId);
  const known = state.lanes.get(id);
  if (known !== undefined) return known;
  return addLane(state, createLane(checkId, agentId), null);
};

/** Puts a lane in that has no history yet, with what is derived of it. */
export const addLane = (state: EngineState, lane: LaneState, lastResult: CheckResult | null): Lane => {
  const id = laneIdOf(lane.checkId, lane.agentId);
  const added: Lane = { id, deadlineKey: `lane|${id}`, state: lane, timeline: emptyTimeline(), lastResult, lastUnusable: null };
  state.lanes.set(id, added);
  const others = state.lanesOf.get(lane.checkId) ?? [];
  state.lanesOf.set(lane.checkId, others.length === 0 ? [added] : [...others, added].sort((a, b) => (a.id < b.id ? -1 : 1)));
  return added;
};

/** Takes a lane out, with what is derived of it. */
export const removeLane = (state: EngineState, lane: Lane): void => {
  const { checkId } = lane.state;
  state.lanes.delete(lane.id);
  const others = (state.lanesOf.get(checkId) ?? []).filter((other) => other !== lane);
  if (others.length === 0) state.lanesOf.delete(checkId);
  else state.lanesOf.set(checkId, others);
  setDeadline(state.deadlines, lane.deadlineKey, null);
};

/** Asks to be called when the rules want it. */
export const armRules = (state: EngineState): void =>
  setDeadline(state.deadlines, 'rules|', state.rules === null ? null : nextRuleDeadlineMs(state.rules));
