import { isIP } from 'node:net';
import { type AgentId, type AssetId, asId, type CheckId } from '@jiwei/shared/ids.ts';
import type { AgentEntry, AssetConfig, CheckConfig, EngineConfig, MaintenanceConfig } from '../engine/config.ts';
import type { AgentRecord, StoredMaintenance } from '../store/port.ts';
import { type Asking, createAsking, type KnownAgent } from './asking.ts';
import { withChanged } from './changed-map.ts';
import type { Declaration, DeclaredAgent, DeclaredAsset } from './declaration.ts';

/** Id of the asset that stands for the host of an agent nobody declared one for. */
export const implicitAssetId = (agentId: AgentId): AssetId => asId<'asset'>(`agent:${agentId}`);

/** Nobody can ask for a host at the loopback address of another machine. */
const isReachableFromElsewhere = (address: string): boolean =>
  isIP(address) !== 0 && !/^(127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$)/.test(address);

const entryOf = (record: AgentRecord, declared: DeclaredAgent | undefined, asset: DeclaredAsset | undefined): KnownAgent => {
  const lastAddress = record.lastAddress !== null && isReachableFromElsewhere(record.lastAddress) ? record.lastAddress : null;
  return {
    entry: {
      id: record.id,
      assetId: asset?.id ?? implicitAssetId(record.id),
      zoneId: declared?.zoneId ?? asset?.zoneId ?? record.zoneId,
      address: asset?.address ?? lastAddress,
      ...(declared?.collectors === undefined ? {} : { hostCollectors: declared.collectors }),
    },
    labels: { ...record.labels, ...declared?.labels },
  };
};

const implicitAsset = (agent: AgentEntry, record: AgentRecord): AssetConfig => ({
  id: agent.assetId,
  name: record.hostname === '' ? record.id : record.hostname,
  kind: 'server',
  unitId: null,
  zoneId: agent.zoneId,
  importance: 3,
  parentIds: [],
  needsOnsite: false,
});

/** A window called off holds until then, and not at all when that was before its start. The record only grows, so assets are looked up. */
const storedWindows = (windows: readonly StoredMaintenance[], assets: ReadonlyMap<AssetId, AssetConfig>): MaintenanceConfig[] => {
  const ofUnit = Map.groupBy(assets.values(), (asset) => asset.unitId);
  const ofZone = Map.groupBy(assets.values(), (asset) => asset.zoneId);
  return windows.flatMap((window) => {
    const toMs = Math.min(window.toMs, window.cancelledAtMs ?? window.toMs);
    if (toMs <= window.fromMs) return [];
    const whole = [...window.unitIds.map((id) => ofUnit.get(id)), ...window.zoneIds.map((id) => ofZone.get(id))];
    const assetIds = new Set([
      ...window.assetIds.filter((id) => assets.has(id)),
      ...whole.flatMap((group) => group ?? []).map((asset) => asset.id),
    ]);
    const { id, fromMs, reason, approvedBy, approvedAtMs, createdAtMs = approvedAtMs } = window;
    return [{ id, fromMs, toMs, assetIds: [...assetIds].sort(), reason, approvedBy, approvedAtMs, createdAtMs }];
  });
};

const byId = <T extends { readonly id: string }>(list: readonly T[]): ReadonlyMap<T['id'], T> =>
  new Map(list.map((entry) => [entry.id, entry]));

/** A compiled configuration, and what hands its checks over when agents are lost or come back. */
export interface Compiled {
  readonly config: EngineConfig;
  readonly asking: Asking;
}

/**
 * What the engine decides by: the declaration joined with the agents that enrolled and the recorded windows. Revoked agents and those that wait for approval are left
 * out. An enrolled agent whose host nobody declared gets the asset `agent:<id>`.
 * @param windows declared ones too, as recorded (declared-windows.ts): the declaration alone does not say since when one was in force
 * @param version grows with every configuration put in force. A number, not a hash of the content: agents tell old from new by it, also
 *   when a declaration is put back to what it once was. Whether there is anything to send is asked with isSameWork (assign.ts).
 * @param lostAgentIds passed over when a check may choose its agents
 */
export const compile = (
  declaration: Declaration,
  agents: Iterable<AgentRecord>,
  windows: readonly StoredMaintenance[],
  version: number,
  lostAgentIds: ReadonlySet<AgentId> = new Set(),
): Compiled => {
  const declaredAssets = byId(declaration.assets);
  const declaredAgents = byId(declaration.agents);
  const assets = new Map<AssetId, AssetConfig>();
  for (const { address: _, ...asset } of declaration.assets) assets.set(asset.id, asset);
  const known: KnownAgent[] = [];
  for (const record of agents) {
    if (record.revokedAtMs !== null || record.pendingSinceMs !== undefined) continue;
    const declared = declaredAgents.get(record.id);
    const asset = declared === undefined || declared.assetId === null ? undefined : declaredAssets.get(declared.assetId);
    const agent = entryOf(record, declared, asset);
    known.push(agent);
    if (asset === undefined) assets.set(agent.entry.assetId, implicitAsset(agent.entry, record));
  }
  const asking = createAsking(declaration.checks, known, lostAgentIds);
  const checks = declaration.checks.map((check): CheckConfig => {
    const { from: _, ...config } = check;
    return { ...config, agentIds: asking.agentIdsOf(check.id) };
  });
  const config: EngineConfig = {
    version,
    zones: byId(declaration.zones),
    units: byId(declaration.units),
    assets,
    agents: byId(known.map((agent) => agent.entry)),
    checks: byId(checks),
    rules: byId(declaration.rules),
    maintenance: storedWindows(windows, assets),
    routes: declaration.routes,
    timing: declaration.timing,
    hostIntervalMs: declaration.hostIntervalMs,
    ...(declaration.hostCollectors === undefined ? {} : { hostCollectors: declaration.hostCollectors }),
    ...(declaration.probeTargets === undefined ? {} : { probeTargets: declaration.probeTargets }),
  };
  return { config, asking };
};

/** The configuration with these checks asked by whom `asking` says. */
export const withAskers = (config: EngineConfig, asking: Asking, checkIds: Iterable<CheckId>, version: number): EngineConfig => {
  const entries = [...checkIds].flatMap((id): [CheckId, CheckConfig][] => {
    const check = config.checks.get(id);
    return check === undefined ? [] : [[id, { ...check, agentIds: asking.agentIdsOf(id) }]];
  });
  return { ...config, version, checks: withChanged(config.checks, entries) };
};
