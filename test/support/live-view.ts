import type {
  AgentEntry,
  AssetConfig,
  CheckConfig,
  EngineConfig,
  RuleConfig,
  UnitConfig,
  ZoneConfig,
} from '../../collector/src/engine/config.ts';
import { engineTimingDefault } from '../../collector/src/engine/config.ts';
import type { Incident } from '../../collector/src/engine/incident.ts';
import type { AgentView, AlertView, AssetView, CheckView, LiveView } from '../../collector/src/engine/view.ts';
import type { AgentId, AssetId, CheckId, IncidentId, RuleId, UnitId, ZoneId } from '../../shared/src/ids.ts';
import { asId } from '../../shared/src/ids.ts';

/** 2026-11-02 08:00:00 in Shanghai. */
export const fixtureNowMs = 1_793_577_600_000;

const byId = <K, T extends { readonly id: K }>(items: readonly T[]): ReadonlyMap<K, T> =>
  new Map(items.map((item) => [item.id, item]));

/** Everything a view can hold; what is left out is empty. */
export interface ViewParts {
  readonly zones?: readonly ZoneConfig[];
  readonly units?: readonly UnitConfig[];
  readonly assets?: readonly AssetConfig[];
  readonly agentEntries?: readonly AgentEntry[];
  readonly checks?: readonly CheckConfig[];
  readonly rules?: readonly RuleConfig[];
  readonly maintenance?: EngineConfig['maintenance'];
  readonly assetViews?: readonly AssetView[];
  readonly checkViews?: readonly CheckView[];
  readonly agentViews?: readonly AgentView[];
  readonly incidents?: readonly Incident[];
  readonly alerts?: readonly AlertView[];
  readonly tooLateResultCount?: number;
  readonly spansForgottenCount?: number;
  readonly ruleSeries?: ReturnType<LiveView['ruleSeries']>;
}

/** A configuration of the parts. */
const configOf = (parts: ViewParts): EngineConfig => ({
  version: 7,
  zones: byId<ZoneId, ZoneConfig>(parts.zones ?? []),
  units: byId<UnitId, UnitConfig>(parts.units ?? []),
  assets: byId<AssetId, AssetConfig>(parts.assets ?? []),
  agents: byId<AgentId, AgentEntry>(parts.agentEntries ?? []),
  checks: byId<CheckId, CheckConfig>(parts.checks ?? []),
  rules: byId<RuleId, RuleConfig>(parts.rules ?? []),
  maintenance: parts.maintenance ?? [],
  routes: [{ id: asId<'route'>('duty'), notifier: 'log', severities: [], zoneIds: [], unitIds: [], assetIds: [] }],
  timing: engineTimingDefault,
});

/** A view that answers from the parts. */
export const viewOf = (parts: ViewParts): LiveView => {
  const incidents = parts.incidents ?? [];
  return {
    config: configOf(parts),
    checks: () => parts.checkViews ?? [],
    check: (id) => parts.checkViews?.find((check) => check.id === id) ?? null,
    assets: () => parts.assetViews ?? [],
    asset: (id) => parts.assetViews?.find((asset) => asset.id === id) ?? null,
    agents: () => parts.agentViews ?? [],
    agent: (id) => parts.agentViews?.find((agent) => agent.id === id) ?? null,
    openIncidents: () => incidents.filter((incident) => incident.state !== 'resolved'),
    incident: (id: IncidentId) => incidents.find((incident) => incident.id === id) ?? null,
    alerts: () => parts.alerts ?? [],
    tooLateResultCount: () => parts.tooLateResultCount ?? 0,
    spansForgottenCount: () => parts.spansForgottenCount ?? 0,
    ruleSeries: () => parts.ruleSeries ?? { seriesCount: 0, droppedTotal: 0 },
  };
};
