import type { EngineConfig } from '../engine/config.ts';
import type { AssetView, LiveView } from '../engine/view.ts';
import { unaskedChecks } from '../registry/assign.ts';
import type { AgentSessionView, CollectorService } from '../runtime/service.ts';
import { type CollectorMetricName, familyOf, sampleOf } from './metric-docs.ts';
import type { TextFamily, TextSample } from './text-format.ts';

const stateNumbers = { down: 0, up: 1, degraded: 2, unknown: 3 } as const;
const maintenanceNumber = 4;

/** One family at a time, so that the event loop can turn between them. A family without samples is still named. */
export function* stateFamilies(service: CollectorService): Generator<TextFamily, void, undefined> {
  const { view } = service;
  const family = (name: CollectorMetricName, samples: Iterable<TextSample>): TextFamily => familyOf(name, [...samples]);
  yield family('jiwei_collector_info', [sampleOf('jiwei_collector_info', [service.version], 1)]);
  yield family('jiwei_asset_info', assetInfo(view.config));
  yield family('jiwei_asset_state', assetStates(view));
  yield family('jiwei_check_state', checkStates(view));
  yield family('jiwei_checks_unasked', [sampleOf('jiwei_checks_unasked', [], unaskedChecks(view.config).length)]);
  yield family('jiwei_alerts', alertCounts(view));
  const tooLate = view.tooLateResultCount();
  yield family('jiwei_results_too_late_total', [sampleOf('jiwei_results_too_late_total', [], tooLate)]);
  const forgotten = view.spansForgottenCount();
  yield family('jiwei_spans_forgotten_total', [sampleOf('jiwei_spans_forgotten_total', [], forgotten)]);
  const { seriesCount, droppedTotal } = view.ruleSeries();
  yield family('jiwei_rule_series', [sampleOf('jiwei_rule_series', [], seriesCount)]);
  yield family('jiwei_rule_samples_dropped_total', [sampleOf('jiwei_rule_samples_dropped_total', [], droppedTotal)]);
  yield* agentFamilies(view, service.sessions());
  yield family('jiwei_declaration_version', [sampleOf('jiwei_declaration_version', [], service.declarationVersion)]);
  const isRefused = service.declarationError !== null;
  yield family('jiwei_declaration_refused', [sampleOf('jiwei_declaration_refused', [], Number(isRefused))]);
  yield family('jiwei_writer_healthy', [sampleOf('jiwei_writer_healthy', [], Number(service.isWriterHealthy()))]);
}

function* assetInfo(config: EngineConfig): Generator<TextSample> {
  for (const asset of config.assets.values()) {
    const crew = asset.zoneId === null ? '' : (config.zones.get(asset.zoneId)?.crew ?? '');
    const values = [asset.id, asset.kind, asset.unitId ?? '', asset.zoneId ?? '', crew, String(asset.importance)];
    yield sampleOf('jiwei_asset_info', values, 1);
  }
}

const assetNumber = (asset: AssetView): number => (asset.isInMaintenance ? maintenanceNumber : stateNumbers[asset.status]);

function* assetStates(view: LiveView): Generator<TextSample> {
  for (const asset of view.assets()) yield sampleOf('jiwei_asset_state', [asset.id], assetNumber(asset));
}

function* checkStates(view: LiveView): Generator<TextSample> {
  for (const check of view.checks()) yield sampleOf('jiwei_check_state', [check.id, check.assetId], stateNumbers[check.status]);
}

function* alertCounts(view: LiveView): Generator<TextSample> {
  const counts = new Map<string, { readonly ruleId: string; readonly state: string; value: number }>();
  for (const { ruleId, state } of view.alerts()) {
    const known = counts.get(`${state} ${ruleId}`) ?? { ruleId, state, value: 0 };
    known.value += 1;
    counts.set(`${state} ${ruleId}`, known);
  }
  for (const { ruleId, state, value } of counts.values()) yield sampleOf('jiwei_alerts', [ruleId, state], value);
}

function* agentFamilies(view: LiveView, sessions: readonly AgentSessionView[]): Generator<TextFamily> {
  const agents = [...view.agents()];
  yield familyOf(
    'jiwei_agent_up',
    agents.map(({ id, assetId, connection }) => {
      const zoneId = view.config.agents.get(id)?.zoneId ?? '';
      return sampleOf('jiwei_agent_up', [id, assetId, zoneId], Number(connection === 'connected'));
    }),
  );
  const perSession = (name: CollectorMetricName, numberOf: (session: AgentSessionView) => number): TextFamily =>
    familyOf(
      name,
      sessions.map((session) => sampleOf(name, [session.agentId], numberOf(session))),
    );
  yield perSession('jiwei_agent_clock_skew_seconds', ({ clockSkewMs }) => clockSkewMs / 1000);
  yield perSession('jiwei_agent_spool_frames', ({ spoolFrames }) => spoolFrames);
  yield perSession('jiwei_agent_spool_bytes', ({ spoolBytes }) => spoolBytes);
}
