import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { agentDueAtMs } from './agents.ts';
import { isMaintenanceSettled, nextBoundaryMs } from './assess.ts';
import { armIncident } from './clocks.ts';
import { cloneDueAtMs } from './clones.ts';
import type { EngineConfig } from './config.ts';
import { agentCheckIdOf } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { Span, Subject } from './effect.ts';
import type { EntityValues } from './entities.ts';
import type { RuleSample } from './event.ts';
import { assetTimeline, checkTimeline } from './histories.ts';
import { laneDueAtMs } from './results.ts';
import type { SavedRule } from './rules/alert.ts';
import { createRules, updateSamples } from './rules/rules.ts';
import { addLane, armRules, type EngineState, emptyState, indexAgent, indexIncident } from './state.ts';
import { takesInUntilMs } from './storms.ts';
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
    if (entity === 'asset') {
      const timeline = assetTimeline(state, asAssetId(id));
      const { floorMs, declaredAtMs = null } = value as EntityValues['asset'];
      timeline.floorMs = Math.max(timeline.floorMs, floorMs);
      timeline.declaredAtMs = declaredAtMs;
    }
    if (entity === 'check') checkTimeline(state, id).declaredAtMs = (value as EntityValues['check']).declaredAtMs ?? null;
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

const restoreLane = (state: EngineState, { state: lane, lastResult, lastUnusable }: EntityValues['lane']): void => {
  addLane(state, { ...lane }, lastResult).lastUnusable = lastUnusable ?? null;
};

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

/** By kind and id: hundreds of thousands of keys need not be put together then. */
type BySubject<V> = Readonly<Record<Subject['kind'], Map<string, V>>>;

const bySubject = <V>(): BySubject<V> => ({ lane: new Map(), check: new Map(), asset: new Map() });

/** Where the history of each subject begins, as it was stored; null when nothing is known of it yet. */
const beginningsOf = (entities: readonly SavedEntity[]): BySubject<EpochMs | null> => {
  const beginnings = bySubject<EpochMs | null>();
  for (const { entity, id, value } of entities) {
    // Builds that did not store where a check begins did so of its lanes, and nothing is known of a check that no lane speaks for.
    if (entity === 'agent') beginnings.check.set(agentCheckIdOf(asAgentId(id)), 0);
    if (entity !== 'lane') continue;
    const { state, beginsAtMs = 0 } = value as EntityValues['lane'];
    beginnings.lane.set(id, beginsAtMs);
    beginnings.check.set(state.checkId, earlier(beginnings.check.get(state.checkId) ?? null, beginsAtMs));
  }
  for (const { entity, id, value } of entities) {
    if (entity !== 'check' && entity !== 'asset') continue;
    const { beginsAtMs } = value as EntityValues['check' | 'asset'];
    if (beginsAtMs !== undefined) beginnings[entity].set(id, beginsAtMs);
  }
  return beginnings;
};

/** Without an entry all that is stored belongs to a lane or an asset, and nothing to a check: nobody spoke for it since it was declared. */
const beginningOf = (beginnings: BySubject<EpochMs | null>, { kind, id }: Subject): EpochMs | null => {
  const known = beginnings[kind].get(id);
  return known === undefined && kind !== 'check' ? 0 : (known ?? null);
};

const earlier = (a: EpochMs | null, b: EpochMs | null): EpochMs | null => (a === null || b === null ? (a ?? b) : Math.min(a, b));

/** An asset that was taken out before builds stored where assets begin: it has ended, and nothing of it is known any more. */
const isForgotten = (state: EngineState, { kind, id }: Subject, spans: readonly Span[]): boolean =>
  kind === 'asset' && !state.config.assets.has(id) && spans.at(-1)?.status === 'unknown';

const restoreSpans = (state: EngineState, all: readonly SavedSpan[], beginnings: BySubject<EpochMs | null>): void => {
  const histories = bySubject<{ readonly subject: Subject; readonly beginsAtMs: EpochMs; readonly spans: Span[] }>();
  for (const { subject, fromMs, status, reason, attributedTo } of all) {
    const own = histories[subject.kind];
    const known = own.get(subject.id);
    const beginsAtMs = known?.beginsAtMs ?? beginningOf(beginnings, subject);
    if (beginsAtMs === null) continue;
    // The store joins neighbours of one status: a span may begin in the life before, and then begins here with the present one.
    const span = { fromMs: Math.max(fromMs, beginsAtMs), status, reason, attributedTo };
    if (known === undefined) own.set(subject.id, { subject, beginsAtMs, spans: [span] });
    else if (known.spans.at(-1)?.fromMs === span.fromMs) known.spans.splice(-1, 1, span);
    else known.spans.push(span);
  }
  for (const { subject, beginsAtMs, spans } of Object.values(histories).flatMap((own) => [...own.values()])) {
    const isStored = beginnings[subject.kind].has(subject.id);
    const timeline = !isStored && isForgotten(state, subject, spans) ? null : timelineOf(state, subject);
    if (timeline === null) continue;
    const firstMs = spans[0]?.fromMs ?? 0;
    timeline.spans = spans;
    timeline.beginsAtMs = beginsAtMs === 0 ? firstMs : beginsAtMs;
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
  for (const record of state.incidents.values()) armIncident(state, record, lastAtMs);
  for (const [id, wait] of state.waits) setDeadline(state.deadlines, `wait|${id}`, wait.untilMs);
  for (const zone of state.zones.values()) setDeadline(state.deadlines, `zone|${zone.id}`, takesInUntilMs(zone));
  setDeadline(
    state.deadlines,
    'maintenance|',
    isMaintenanceSettled(state, lastAtMs) ? nextBoundaryMs(state, lastAtMs) : lastAtMs,
  );
  armRules(state);
};
