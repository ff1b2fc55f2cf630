import { type AgentId, type AssetId, asId, type CheckId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { onTransitions } from './alerts.ts';
import { forgetClone } from './clones.ts';
import type { CheckConfig, EngineConfig } from './config.ts';
import { agentCheckIdOf, type ConfigIndex, indexConfig, laneAgentsOf, replaceCheck, statusSourcesOf } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { Span, Subject } from './effect.ts';
import type { EngineEvent } from './event.ts';
import { assetTimeline, checkTimeline } from './histories.ts';
import type { IncidentRecord } from './incident-record.ts';
import { resolveIncident } from './incidents.ts';
import { laneIdOf, turnAsked } from './lane.ts';
import { dropLane, laneDueAtMs } from './results.ts';
import { createRules, replaceRules } from './rules/rules.ts';
import { armRules, type EngineState, indexAgent, type Lane, laneOf } from './state.ts';
import { affectedAsset } from './subject.ts';
import { rewrite, type Timeline } from './timeline.ts';
import { keep, revise, soil, type Turn } from './turn.ts';

/** Another configuration: what is gone ends, what is new begins, what stayed goes on as it was. The past is not rewritten. */
export const onConfig = (turn: Turn, { config, handover }: Extract<EngineEvent, { kind: 'config' }>): void => {
  const { state } = turn;
  if (handover !== undefined && handover.before === state.config && !state.isRestored) handOver(turn, config, handover.checkIds);
  else putInForce(turn, config);
};

/** Nothing but who asks these checks is another: the same as below, without a look at what stayed as it was. */
const handOver = (turn: Turn, config: EngineConfig, checkIds: readonly CheckId[]): void => {
  const { state } = turn;
  const { checks: checksBefore } = state.config;
  state.config = config;
  for (const id of checkIds) {
    const check = config.checks.get(id);
    if (check === undefined) continue;
    replaceCheck(state.index, check);
    giveCheck(turn, check, checksBefore.get(id)?.agentIds ?? []);
    for (const lane of state.lanesOf.get(id) ?? []) {
      turnLane(turn, lane, check);
      armAnew(turn, lane, check);
    }
  }
  lookAgainAtWaits(turn);
};

/** Whoever waits for the outcome of something above may wait for nobody now: those that are no longer asked are no longer suspected. */
const lookAgainAtWaits = ({ state, assess }: Turn): void => {
  for (const { assetId } of state.waits.values()) assess.add(assetId);
};

const putInForce = (turn: Turn, config: EngineConfig): void => {
  const { state } = turn;
  const before = state.index;
  const { checks: checksBefore, assets: assetsBefore } = state.config;
  state.config = config;
  state.index = indexConfig(config);
  dropChecks(turn);
  dropAgents(turn);
  dropClones(turn);
  dropAssets(turn, assetsBefore);
  noteDeclared(turn);
  for (const check of config.checks.values()) giveCheck(turn, check, checksBefore.get(check.id)?.agentIds ?? []);
  resetQuorums(turn, checksBefore);
  resetAssets(turn, before);
  putRules(turn);
  for (const lane of state.lanes.values()) {
    const check = config.checks.get(lane.state.checkId);
    if (check === undefined) continue;
    turnLane(turn, lane, check);
    armAnew(turn, lane, check);
  }
  state.isRestored = false;
  turn.isMaintenanceDue = true;
  // Every open incident is looked at: what failed may no longer be watched, parents and severities may have changed.
  for (const assetId of state.openOf.keys()) turn.assess.add(assetId);
  lookAgainAtWaits(turn);
};

/** What no longer belongs here, in order of ids, not of arrival, so that a restored state does the same things in the same order. */
const gone = <V>(map: ReadonlyMap<string, V>, isGone: (value: V) => boolean): V[] =>
  [...map]
    .filter(([, value]) => isGone(value))
    .sort(byKey)
    .map(([, value]) => value);

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

const nothingKnownFrom = (fromMs: EpochMs): Span => ({ fromMs, status: 'unknown', reason: null, attributedTo: null });

/** Its history ends: from now on nothing is known of it. */
const endHistory = (turn: Turn, subject: Subject, timeline: Timeline): void => {
  const { nowMs } = turn;
  if (timeline.spans.length === 0) return;
  revise(turn, subject, timeline, false, (own) => rewrite(own, nowMs, [nothingKnownFrom(nowMs)]));
};

const dropChecks = (turn: Turn): void => {
  const { state } = turn;
  for (const lane of gone(state.lanes, (one) => !state.config.checks.has(one.state.checkId))) {
    endHistory(turn, { kind: 'lane', id: lane.id }, lane.timeline);
    dropLane(turn, lane);
  }
  const isDeclared = (id: string): boolean =>
    id.startsWith('agent:') ? state.config.agents.has(asId(id.slice('agent:'.length))) : state.config.checks.has(asId(id));
  for (const [id, timeline] of [...state.checks].sort(byKey)) {
    if (isDeclared(id)) continue;
    endHistory(turn, { kind: 'check', id: asId(id) }, timeline);
    keep(turn, 'check', id);
    state.checks.delete(id);
  }
};

const dropAgents = (turn: Turn): void => {
  const { state } = turn;
  for (const sets of [state.lostOf, state.overdueOf]) for (const set of sets.values()) set.clear();
  for (const [, agent] of [...state.agents].sort(byKey)) {
    if (state.config.agents.has(agent.id)) {
      indexAgent(state, agent);
      continue;
    }
    state.agents.delete(agent.id);
    state.connected.delete(agent.id);
    setDeadline(state.deadlines, `agent|${agent.id}`, null);
    keep(turn, 'agent', agent.id);
  }
};

const dropClones = (turn: Turn): void => {
  const { state } = turn;
  for (const id of [...state.clones.keys()].sort()) if (!state.config.agents.has(id)) forgetClone(turn, id);
};

const dropAssets = (turn: Turn, before: EngineConfig['assets']): void => {
  const { state } = turn;
  const isOrphan = ({ incident }: IncidentRecord): boolean =>
    incident.state !== 'resolved' && affectedAsset(state.config, incident.assetId) === null;
  for (const record of gone(state.incidents, isOrphan)) {
    resolveIncident(turn, record, {
      faultToMs: null,
      actor: 'engine',
      text: 'its asset was taken out of the register',
      excluded: 'retired',
    });
  }
  for (const [id] of [...state.incidents].sort(byKey)) retireCheckProblem(turn, id);
  for (const id of [...new Set([...before.keys(), ...state.assets.keys()])].sort()) {
    if (state.config.assets.has(id)) continue;
    const timeline = state.assets.get(id);
    if (timeline !== undefined) endHistory(turn, { kind: 'asset', id }, timeline);
    keep(turn, 'asset', id);
    state.assets.delete(id);
  }
  for (const [id, wait] of [...state.waits].sort(byKey)) {
    if (state.config.assets.has(wait.assetId)) continue;
    state.waits.delete(id);
    setDeadline(state.deadlines, `wait|${id}`, null);
    keep(turn, 'wait', id);
  }
};

/** An incident of a single check ends with the check, also when the check became critical and so part of the asset's own problem. */
const retireCheckProblem = (turn: Turn, id: Parameters<EngineState['incidents']['get']>[0]): void => {
  const { state } = turn;
  const record = state.incidents.get(id);
  if (record === undefined || record.incident.state === 'resolved' || !record.incident.problem.startsWith('check:')) return;
  const check = state.config.checks.get(asId(record.incident.problem.slice('check:'.length)));
  if (check !== undefined && check.assetId === record.incident.assetId && !check.critical) return;
  resolveIncident(turn, record, {
    faultToMs: null,
    actor: 'engine',
    text: 'its check was taken out of the register',
    excluded: 'retired',
  });
};

/**
 * What is new is declared from now on. That nothing is known of it yet is stored too, so that a restart does not give it the history of one of the
 * same name that is gone.
 */
const noteDeclared = (turn: Turn): void => {
  const { state, nowMs } = turn;
  const note = (entity: 'asset' | 'check', id: string, timeline: Timeline): void => {
    if (timeline.declaredAtMs !== null) return;
    timeline.declaredAtMs = timeline.beginsAtMs ?? nowMs;
    keep(turn, entity, id);
  };
  for (const id of state.config.assets.keys()) note('asset', id, assetTimeline(state, id));
  for (const id of state.config.checks.keys()) note('check', id, checkTimeline(state, id));
};

/** The collector itself, which hears heartbeats, or an enrolled agent. */
const isKnown = (state: EngineState, agentId: AgentId | null): boolean => agentId === null || state.config.agents.has(agentId);

/**
 * Agents are given a check, or the collector begins to wait for a heartbeat. From then on silence is `unknown`: it counts against the coverage of what
 * should be known, be it that an agent cannot ask or that it never comes.
 */
const giveCheck = (turn: Turn, check: CheckConfig, agentIdsBefore: readonly AgentId[]): void => {
  awaitAnswers(turn, check.id, agentIdsBefore);
  const agentIds = laneAgentsOf(check);
  awaitAnswers(turn, check.id, agentIds);
  for (const agentId of agentIds)
    if (isKnown(turn.state, agentId)) beginLane(turn, turn.state.lanes.get(laneIdOf(check.id, agentId)));
};

const beginLane = (turn: Turn, lane: Lane | undefined): void => {
  if (lane === undefined || lane.timeline.spans.length > 0) return;
  const begun = revise(turn, { kind: 'lane', id: lane.id }, lane.timeline, false, (own) =>
    rewrite(own, turn.nowMs, [nothingKnownFrom(turn.nowMs)]),
  );
  if (begun !== null) soil(turn.dirtyChecks, lane.state.checkId, begun);
};

/**
 * Whoever is asked has a lane, stored before it is told: it may have answered already when it is asked no longer, though nothing of it came
 * yet, and after a restart with other agents nothing else would know that it was.
 */
const awaitAnswers = (turn: Turn, checkId: CheckId, agentIds: readonly (AgentId | null)[]): void => {
  const { state } = turn;
  for (const agentId of agentIds) {
    const id = laneIdOf(checkId, agentId);
    if (state.lanes.has(id) || !isKnown(state, agentId)) continue;
    laneOf(state, checkId, agentId);
    keep(turn, 'lane', id);
  }
};

/** An agent that is no longer asked, or asked again: from now on other words count. */
const turnLane = (turn: Turn, lane: Lane, check: CheckConfig): void => {
  const { nowMs } = turn;
  const isRetired = (lane.state.retiredAtMs ?? null) !== null;
  if (isRetired !== laneAgentsOf(check).includes(lane.state.agentId)) return;
  turnAsked(lane.state, isRetired, nowMs);
  keep(turn, 'lane', lane.id);
  soil(turn.dirtyChecks, check.id, { fromMs: nowMs, isCorrection: false });
};

const armAnew = ({ state, nowMs }: Turn, lane: Lane, check: CheckConfig): void => {
  const dueAtMs = laneDueAtMs(lane, check, nowMs);
  // A heartbeat that is expected sooner from now on was not missed before now.
  const isSooner = dueAtMs !== null && check.probe.kind === 'heartbeat' && dueAtMs < nowMs;
  setDeadline(state.deadlines, lane.deadlineKey, isSooner ? nowMs : dueAtMs);
};

/** Checks that another number of agents decides are computed anew from now on. */
const resetQuorums = (turn: Turn, before: EngineConfig['checks']): void => {
  const { state, nowMs } = turn;
  for (const check of state.config.checks.values()) {
    const known = before.get(check.id);
    const isOther = state.isRestored || (known !== undefined && known.quorum !== check.quorum);
    if (!isOther || !state.checks.has(check.id)) continue;
    soil(turn.dirtyChecks, check.id, { fromMs: nowMs, isCorrection: false });
  }
};

/** Assets whose deciding checks or parents changed are computed anew from now on. */
const resetAssets = (turn: Turn, before: ConfigIndex): void => {
  const { state, nowMs } = turn;
  const shapeOf = (index: ConfigIndex, id: AssetId): string =>
    `${statusSourcesOf(index, id).join()}|${(index.ancestorsOf.get(id) ?? []).join()}`;
  for (const assetId of state.config.assets.keys()) {
    if (!state.isRestored && shapeOf(before, assetId) === shapeOf(state.index, assetId)) continue;
    soil(turn.dirtyAssets, assetId, { fromMs: nowMs, isCorrection: false });
    const sources = statusSourcesOf(state.index, assetId);
    const timeline = state.assets.get(assetId);
    if (
      timeline === undefined ||
      timeline.spans.length === 0 ||
      statusSourcesOf(before, assetId).every((id) => sources.includes(id))
    )
      continue;
    // What a check said that is gone now still counts for the time before: that past can no longer be computed, so it stays as it was.
    timeline.floorMs = nowMs;
    keep(turn, 'asset', assetId);
  }
  for (const agent of state.config.agents.values())
    if (state.checks.has(agentCheckIdOf(agent.id))) turn.assess.add(agent.assetId);
};

const putRules = (turn: Turn): void => {
  const { state, nowMs } = turn;
  const configs = [...state.config.rules.values()];
  if (state.rules !== null) onTransitions(turn, replaceRules(state.rules, configs, nowMs));
  else if (configs.length > 0) state.rules = createRules(configs);
  armRules(state);
};
