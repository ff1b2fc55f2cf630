import type { AgentId, AssetId, IncidentId, NotificationId, RouteId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Effect, NoticeKind, Span, Subject } from './effect.ts';
import type { TimelineEntry } from './incident.ts';
import type { IncidentRecord } from './incident-record.ts';
import type { EngineState } from './state.ts';
import { patchBetween, prune, type Timeline } from './timeline.ts';

/** From when on a subject must be computed anew, and whether that mends what was already shown. */
export interface Dirt {
  readonly fromMs: EpochMs;
  readonly isCorrection: boolean;
}

interface Touched {
  readonly subject: Subject;
  readonly before: readonly Span[];
  isCorrection: boolean;
}

/** What one step has changed so far. Lives for one call of `step`. */
export interface Turn {
  readonly state: EngineState;
  readonly nowMs: EpochMs;
  readonly timelines: Map<Timeline, Touched>;
  /** Some history that was shown already is put right. */
  hasCorrections: boolean;
  readonly dirtyChecks: Map<string, Dirt>;
  readonly dirtyAssets: Map<AssetId, Dirt>;
  /** Assets whose problems must be looked at again. */
  readonly assess: Set<AssetId>;
  readonly incidents: Map<IncidentId, TimelineEntry[]>;
  readonly notices: Effect[];
  readonly requests: Effect[];
  readonly rejections: Effect[];
  /** Agents whose time to come back has just ended; what that means for their zones is decided with the rest. */
  readonly gracesOver: Set<AgentId>;
  /** A window begins or ends; whether what it held back still fails is known once all else that is due was looked at. */
  isMaintenanceDue: boolean;
  /** Ids of what must be stored, by kind of entity. */
  readonly entities: Map<string, Set<string>>;
}

/** Begins a step. */
export const createTurn = (state: EngineState, nowMs: EpochMs): Turn => ({
  state,
  nowMs,
  timelines: new Map(),
  hasCorrections: false,
  dirtyChecks: new Map(),
  dirtyAssets: new Map(),
  assess: new Set(),
  incidents: new Map(),
  notices: [],
  requests: [],
  rejections: [],
  gracesOver: new Set(),
  isMaintenanceDue: false,
  entities: new Map(),
});

/** Marks an entity of the state for storing; see entities.ts for what is stored of it. */
export const keep = (turn: Turn, entity: string, id: string): void => {
  const ids = turn.entities.get(entity);
  if (ids === undefined) turn.entities.set(entity, new Set([id]));
  else ids.add(id);
};

const worst = (a: Dirt | undefined, b: Dirt): Dirt =>
  a === undefined ? b : { fromMs: Math.min(a.fromMs, b.fromMs), isCorrection: a.isCorrection || b.isCorrection };

/** Marks a subject to be computed anew. */
export const soil = <K>(dirty: Map<K, Dirt>, id: K, dirt: Dirt): void => {
  dirty.set(id, worst(dirty.get(id), dirt));
};

/**
 * Changes a history and remembers what it was at the beginning of the step.
 * @param change returns whether it changed anything
 * @returns from when on this change made it different; null when it did not
 */
export const revise = (
  turn: Turn,
  subject: Subject,
  timeline: Timeline,
  isCorrection: boolean,
  change: (timeline: Timeline) => boolean,
): Dirt | null => {
  const known = turn.timelines.get(timeline);
  const earlier = timeline.spans;
  const { beginsAtMs } = timeline;
  const before = known?.before ?? earlier;
  if (!change(timeline)) return null;
  if (timeline.beginsAtMs !== beginsAtMs) keep(turn, subject.kind, subject.id);
  const touched = known ?? { subject, before, isCorrection: false };
  turn.timelines.set(timeline, touched);
  // Where nothing was recorded yet nothing is corrected.
  touched.isCorrection ||= isCorrection && before.length > 0;
  turn.hasCorrections ||= touched.isCorrection;
  // Against what it was just now, not at the beginning: what is computed from it has seen every change in between.
  const patch = patchBetween(earlier, timeline.spans);
  return patch === null ? null : { fromMs: patch.fromMs, isCorrection: touched.isCorrection };
};

/** Marks an incident as changed, so that it goes out once, at the end of the step. */
export const touchIncident = (turn: Turn, record: IncidentRecord): TimelineEntry[] => {
  const { id } = record.incident;
  keep(turn, 'incident', id);
  const known = turn.incidents.get(id);
  if (known !== undefined) return known;
  const entries: TimelineEntry[] = [];
  turn.incidents.set(id, entries);
  return entries;
};

/** Tells one route. `rank` sets apart a second notice of the same kind within a cycle (a raised severity). */
export const notifyRoute = (turn: Turn, record: IncidentRecord, notice: NoticeKind, routeId: RouteId, rank = ''): void => {
  const { incident } = record;
  const cycle = incident.cycles.length;
  turn.notices.push({
    kind: 'notify',
    id: `${incident.id}/${cycle}/${notice}${rank}/${routeId}` as NotificationId,
    routeId,
    notice,
    incidentId: incident.id,
    incident,
    atMs: turn.nowMs,
  });
};

/** Ends a step: everything that changed, histories first, then incidents, notices, questions and what must be stored. */
export const effectsOf = (turn: Turn, entityValue: (entity: string, id: string) => unknown): Effect[] => {
  const effects: Effect[] = [];
  for (const [timeline, { subject, before, isCorrection }] of turn.timelines) {
    const patch = patchBetween(before, timeline.spans);
    if (patch !== null) effects.push({ kind: 'spans', subject, ...patch, isCorrection });
    turn.state.spansForgottenCount += prune(timeline, turn.nowMs);
  }
  for (const [id, entries] of turn.incidents) {
    const record = turn.state.incidents.get(id);
    if (record !== undefined) effects.push({ kind: 'incident', incident: record.incident, entries });
  }
  effects.push(...turn.notices, ...turn.requests, ...turn.rejections);
  for (const [entity, ids] of turn.entities) {
    for (const id of ids) effects.push({ kind: 'entity', entity, id, value: entityValue(entity, id) });
  }
  return effects;
};
