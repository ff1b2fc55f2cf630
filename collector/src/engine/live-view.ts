import type { AgentId, AssetId, CheckId, IncidentId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { CheckConfig } from './config.ts';
import { isInMaintenance, laneAgentsOf } from './config-index.ts';
import { isLaneSuspect, laneIdOf } from './lane.ts';
import { alertsOf, ruleSeriesCounts } from './rules/rules.ts';
import type { EngineState } from './state.ts';
import { presentSpan, type Timeline } from './timeline.ts';
import type { AgentView, AlertView, AssetView, CheckView, Hindrance, LaneView, LiveView } from './view.ts';

/** The present state for readers. Everything is computed when asked, so there is nothing to keep in line. */
export const liveViewOf = (state: EngineState): LiveView => ({
  get config() {
    return state.config;
  },
  checks: () => [...state.config.checks.values()].map((check) => checkView(state, check)),
  check: (id: CheckId) => {
    const check = state.config.checks.get(id);
    return check === undefined ? null : checkView(state, check);
  },
  assets: () => [...state.config.assets.keys()].map((id) => assetView(state, id)),
  asset: (id: AssetId) => (state.config.assets.has(id) ? assetView(state, id) : null),
  agents: () => [...state.config.agents.keys()].map((id) => agentView(state, id)),
  agent: (id: AgentId) => (state.config.agents.has(id) ? agentView(state, id) : null),
  openIncidents: () =>
    [...state.openOf.values()]
      .flatMap((ids) => [...ids])
      .flatMap((id) => state.incidents.get(id)?.incident ?? [])
      .sort((a, b) => b.openedAtMs - a.openedAtMs || (a.id < b.id ? -1 : 1)),
  incident: (id: IncidentId) => state.incidents.get(id)?.incident ?? null,
  alerts: () => alertViews(state),
  tooLateResultCount: () => state.tooLateResultCount,
  spansForgottenCount: () => state.spansForgottenCount,
  ruleSeries: () => (state.rules === null ? { seriesCount: 0, droppedTotal: 0 } : ruleSeriesCounts(state.rules)),
});

/** Since when it is as it is: where nothing was ever known, since it is declared, and not a moment that moves on with every look. */
const sinceMsOf = (state: EngineState, timeline: Timeline | undefined): EpochMs =>
  presentSpan(timeline)?.fromMs ?? timeline?.declaredAtMs ?? state.nowMs;

const checkView = (state: EngineState, check: CheckConfig): CheckView => {
  const timeline = state.checks.get(check.id);
  const lanes = laneAgentsOf(check).map((agentId): LaneView => {
    const lane = state.lanes.get(laneIdOf(check.id, agentId));
    const laneSpan = presentSpan(lane?.timeline);
    return {
      agentId,
      status: laneSpan?.status ?? 'unknown',
      sinceMs: laneSpan?.fromMs ?? sinceMsOf(state, timeline),
      lastResult: lane?.lastResult ?? null,
      lastUnusable: lane?.lastUnusable ?? null,
    };
  });
  const span = presentSpan(timeline);
  const status = span?.status ?? 'unknown';
  return {
    id: check.id,
    assetId: check.assetId,
    status,
    sinceMs: sinceMsOf(state, timeline),
    reason: span?.reason ?? (status === 'unknown' ? (hindranceOf(state, check)?.result.reason ?? null) : null),
    isSuspect: laneAgentsOf(check).some((agentId) => {
      const lane = state.lanes.get(laneIdOf(check.id, agentId));
      return lane !== undefined && isLaneSuspect(lane.state);
    }),
    lanes,
  };
};

const assetView = (state: EngineState, id: AssetId): AssetView => {
  const timeline = state.assets.get(id);
  const status = presentSpan(timeline)?.status ?? 'unknown';
  return {
    id,
    status,
    sinceMs: sinceMsOf(state, timeline),
    isInMaintenance: isInMaintenance(state.index, id, state.nowMs),
    openIncidentIds: [...(state.openOf.get(id) ?? [])].sort(),
    heldIncidentIds: heldOf(state, id),
    hindrance: status === 'unknown' ? hindranceOfAsset(state, id) : null,
  };
};

const heldOf = (state: EngineState, assetId: AssetId): readonly IncidentId[] =>
  [...(state.latestOf.get(assetId)?.values() ?? [])].flatMap(({ isHeld, incident }) => (isHeld ? [incident.id] : [])).sort();

/** Why a check cannot be asked: the latest word of an agent that is to ask it. */
const hindranceOf = (state: EngineState, check: CheckConfig): Hindrance | null => {
  let found: Hindrance | null = null;
  for (const agentId of check.agentIds) {
    const result = state.lanes.get(laneIdOf(check.id, agentId))?.lastUnusable ?? null;
    if (result !== null && (found === null || result.observedAtMs > found.result.observedAtMs))
      found = { checkId: check.id, agentId, result };
  }
  return found;
};

const hindranceOfAsset = (state: EngineState, assetId: AssetId): Hindrance | null => {
  for (const check of state.index.criticalOf.get(assetId) ?? []) {
    const found = hindranceOf(state, check);
    if (found !== null) return found;
  }
  return null;
};

const agentView = (state: EngineState, id: AgentId): AgentView => {
  const agent = state.agents.get(id);
  const assetId = state.config.agents.get(id)?.assetId;
  if (assetId === undefined) throw new Error(`agent ${id} is not configured`);
  if (agent === undefined) return { id, assetId, connection: 'never', sinceMs: state.nowMs };
  return { id, assetId, connection: agent.loss === null ? 'connected' : 'lost', sinceMs: agent.sinceMs };
};

function* alertViews(state: EngineState): Generator<AlertView> {
  if (state.rules === null) return;
  for (const ruleId of state.config.rules.keys()) {
    for (const { labels, firedAtMs, activeAtMs, value } of alertsOf(state.rules, ruleId)) {
      yield { ruleId, labels, state: firedAtMs === null ? 'pending' : 'firing', activeAtMs, value };
    }
  }
}
