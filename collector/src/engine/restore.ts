import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { agentDueAtMs } from './agents.ts';
import { armIncident } from './clocks.ts';
import { cloneDueAtMs } from './clones.ts';
import type { EngineConfig } from './config.ts';
import { setDeadline } from './deadlines.ts';
import type { Span, Subject } from './effect.ts';
import type { EntityValues } from './entities.ts';
import type { RuleSample } from './event.ts';
import { assetTimeline, checkTimeline } from './histories.ts';
import { laneDueAtMs } from './results.ts';
import type { SavedRule } from './rules/alert.ts';
import { createRules, updateSamples } from './rules/rules.ts';
import { addLane, armRules, type EngineState, emptyState, indexAgent, indexIncident } from './state.ts';
import { asAgentId, asAssetId, asIncidentId } from './subject.ts';
import type { Timeline } from './timeline.ts';

/** An entity as `entity` effects gave it; values of other kinds are passed over (the store keeps those of others too). */
export interface SavedEntity {
  readonly entity: string;
  readonly id: string;
  readonly value: unknown;
}

/** A recorded span; by subject ascending in time. */
export interface SavedSpan extends Span {
  readonly subject: Subject;
}

/**
 * The state as it was after the last event whose effects were stored: entities and spans in, everything else derived. Goes on exactly as
 * the one before would have; what was due in the meantime is due at once.
 * @param atMs the present, not before the last event's instant
 * @param lastAtMs instant of the last event: what was due by then was dealt with
 */
export const restoreState = (
  config: EngineConfig,
  entities: readonly SavedEntity[],
  spans: readonly SavedSpan[],
  atMs: EpochMs,
  lastAtMs: EpochMs = atMs,
): EngineState => {
  const state = emptyState(config, atMs);
  const rules: SavedRule[] = [];
  // The store gives back what `entityValue` gave it, so each value has the shape of its kind.
  for (const { entity, id, value } of entities) {
    if (entity === 'lane') restoreLane(state, value as EntityValues['lane']);
    else if (entity === 'agent') restoreAgent(state, value as EntityValues['agent']);
    else if (entity === 'clone') state.clones.set(asAgentId(id), value as EntityValues['clone']);
    else if (entity === 'incident') state.incidents.set(asIncidentId(id), { ...(value as EntityValues['incident']) });
    else if (entity === 'zone') restoreZone(state, value as EntityValues['zone']);
    else if (entity === 'wait') state.waits.set(id, value as EntityValues['wait']);
    else if (entity === 'rule') rules.push(value as SavedRule);
  }
  if (config.rules.size > 0 || rules.length > 0) state.rules = createRules(config.rules.values(), rules);
  restoreSpans(state, spans, beginningsOf(entities));
  for (const { entity, id, value } of entities) {
    if (entity !== 'asset') continue;
    const timeline = assetTimeline(state, asAssetId(id));
    timeline.floorMs = Math.max(timeline.floorMs, (value as EntityValues['asset']).floorMs);
  }
  state.isRestored = true;
  indexIncidents(state);
  arm(state, lastAtMs);
  return state;
};

/** Shows the rules samples again that came before the restart; decides nothing, so that there is nothing to store. */
export const showSamples = (state: EngineState, samples: readonly RuleSample[]): void => {
  if (state.rules !== null) updateSamples(state.rules, samples);
};

const restoreLane = (state: EngineState, { state: lane, lastResult }: EntityValues['lane']): void =>
  void addLane(state, { ...lane }, lastResult);

const restoreAgent = (state: EngineState, agent: EntityValues['agent']): void => {
  state.agents.set(agent.id, agent);
  indexAgent(state, agent);
};

const restoreZone = (state: EngineState, zone: EntityValues['zone']): void => {
  state.zones.set(zone.id, zone);
};

const timelineOf = (state: EngineState, subject: Subject): Timeline | null => {
  switch (subject.kind) {
    case 'lane':
      return state.lanes.get(subject.id)?.timeline ?? null;
    case 'check':
      return checkTimeline(state, subject.id);
    case 'asset':
      return assetTimeline(state, subject.id);
    default:
      return subject satisfies never;
  }
};

/**
 * Where the histories of lanes and their checks begin: a check that was taken out of the register and put in again knows nothing of before.
 * Without an entry all that is stored belongs to it.
 */
const beginningsOf = (entities: readonly SavedEntity[]): ReadonlyMap<string, EpochMs> => {
  const beginnings = new Map<string, EpochMs>();
  for (const { entity, id, value } of entities) {
    if (entity !== 'lane') continue;
    const { beginsAtMs } = value as EntityValues['lane'];
    const check = `check|${(value as EntityValues['lane']).state.checkId}`;
    const atMs = beginsAtMs === undefined ? 0 : (beginsAtMs ?? Number.POSITIVE_INFINITY);
    beginnings.set(`lane|${id}`, atMs);
    beginnings.set(check, Math.min(beginnings.get(check) ?? Number.POSITIVE_INFINITY, atMs));
  }
  return beginnings;
};

const restoreSpans = (state: EngineState, all: readonly SavedSpan[], beginnings: ReadonlyMap<string, EpochMs>): void => {
  const spansOf = new Map<Timeline, Span[]>();
  for (const { subject, fromMs, status, reason, attributedTo } of all) {
    const beginsAtMs = beginnings.get(`${subject.kind}|${subject.id}`) ?? 0;
    const timeline = timelineOf(state, subject);
    if (timeline === null || beginsAtMs === Number.POSITIVE_INFINITY) continue;
    // The store joins neighbours of one status: a span may begin in the life before, and then begins here with the present one.
    const span = { fromMs: Math.max(fromMs, beginsAtMs), status, reason, attributedTo };
    const known = spansOf.get(timeline);
    if (known === undefined) spansOf.set(timeline, [span]);
    else if (known.at(-1)?.fromMs === span.fromMs) known.splice(-1, 1, span);
    else known.push(span);
  }
  // Nothing of what is no longer declared, and has ended, is known any more.
  for (const [id, timeline] of [...state.checks]) {
    if (id.startsWith('agent:') || state.config.checks.has(asId(id)) || spansOf.get(timeline)?.at(-1)?.status !== 'unknown')
      continue;
    state.checks.delete(id);
    spansOf.delete(timeline);
  }
  for (const [timeline, spans] of spansOf) {
    const firstMs = spans[0]?.fromMs ?? 0;
    timeline.spans = spans;
    // What was recorded before the first span we are given is out of reach of corrections.
    timeline.floorMs = firstMs < state.nowMs - limits.correctionMsMax ? firstMs : 0;
  }
};

/** Oldest first, so that the latest incident of each problem is the one that is found. */
const indexIncidents = (state: EngineState): void => {
  const latestMs = (record: { readonly incident: { readonly openedAtMs: number } }): number => record.incident.openedAtMs;
  for (const record of [...state.incidents.values()].sort((a, b) => latestMs(a) - latestMs(b)))
    indexIncident(state, record, null);
};

const arm = (state: EngineState, lastAtMs: EpochMs): void => {
  for (const lane of state.lanes.values()) {
    const check = state.config.checks.get(lane.state.checkId);
    setDeadline(state.deadlines, lane.deadlineKey, check === undefined ? state.nowMs : laneDueAtMs(lane, check, lastAtMs));
  }
  for (const agent of state.agents.values()) setDeadline(state.deadlines, `agent|${agent.id}`, agentDueAtMs(agent));
  for (const clone of state.clones.values()) setDeadline(state.deadlines, `clone|${clone.id}`, cloneDueAtMs(clone));
  // What became due meanwhile was not looked at.
  for (const record of state.incidents.values()) armIncident(state, record, 0);
  for (const [id, wait] of state.waits) setDeadline(state.deadlines, `wait|${id}`, wait.untilMs);
  for (const { id, openings } of state.zones.values()) {
    const last = openings.at(-1);
    if (last !== undefined) setDeadline(state.deadlines, `zone|${id}`, last.atMs + limits.stormWindowMs);
  }
  // Boundaries that passed meanwhile are dealt with at once, and the next one is then armed.
  if (state.config.maintenance.length > 0) setDeadline(state.deadlines, 'maintenance|', state.nowMs);
  armRules(state);
};
