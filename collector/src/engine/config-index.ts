import type { AgentId, AssetId, CheckId, ZoneId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { AgentEntry, CheckConfig, EngineConfig, MaintenanceConfig } from './config.ts';

/** A check that decides a status: a declared one, or the built-in one of an agent. */
type StatusSource = CheckId | `agent:${string}`;

/** What the engine looks up all the time, prepared once per configuration so that no event scans it. */
export interface ConfigIndex {
  /** Checks of an asset, sorted by id. */
  readonly checksOf: Map<AssetId, readonly CheckConfig[]>;
  /** Those of them that are critical. */
  readonly criticalOf: Map<AssetId, readonly CheckConfig[]>;
  /** Built-in and declared checks that decide the status of an asset, in the order in which their reasons are preferred. */
  readonly sourcesOf: ReadonlyMap<AssetId, readonly StatusSource[]>;
  /** Agents whose host the asset is, sorted by id. */
  readonly agentsOn: ReadonlyMap<AssetId, readonly AgentEntry[]>;
  readonly childrenOf: ReadonlyMap<AssetId, readonly AssetId[]>;
  /** Parents, their parents and so on, nearest first, each once. */
  readonly ancestorsOf: ReadonlyMap<AssetId, readonly AssetId[]>;
  /** Length of the longest way up: parents always have a smaller one than their children. */
  readonly depthOf: ReadonlyMap<AssetId, number>;
  readonly maintenanceOf: ReadonlyMap<AssetId, readonly MaintenanceConfig[]>;
  /** All agents sorted by id, and those of each zone; with the place of each in its lists. */
  readonly agents: readonly AgentEntry[];
  readonly agentsOfZone: ReadonlyMap<ZoneId, readonly AgentEntry[]>;
  readonly placeOf: ReadonlyMap<AgentId, { readonly overall: number; readonly inZone: number }>;
}

const byId = <T extends { readonly id: string }>(a: T, b: T): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const ancestors = (config: EngineConfig, assetId: AssetId): AssetId[] => {
  const found = new Set<AssetId>();
  let level: readonly AssetId[] = [assetId];
  while (level.length > 0) {
    const above: AssetId[] = [];
    for (const id of level) {
      for (const parentId of config.assets.get(id)?.parentIds ?? []) {
        if (parentId === assetId || found.has(parentId)) continue;
        found.add(parentId);
        above.push(parentId);
      }
    }
    level = above;
  }
  return [...found];
};

const depths = (config: EngineConfig): Map<AssetId, number> => {
  const found = new Map<AssetId, number>();
  const depthOf = (assetId: AssetId): number => {
    const known = found.get(assetId);
    if (known !== undefined) return known;
    // Written before the recursion, so that a cycle (which the registry refuses) could not hang us.
    found.set(assetId, 0);
    const parents = config.assets.get(assetId)?.parentIds ?? [];
    const depth = parents.reduce((most, parentId) => Math.max(most, depthOf(parentId) + 1), 0);
    found.set(assetId, depth);
    return depth;
  };
  for (const assetId of config.assets.keys()) depthOf(assetId);
  return found;
};

/** Prepares the look-ups of a configuration. */
export const indexConfig = (config: EngineConfig): ConfigIndex => {
  const agents = [...config.agents.values()].sort(byId);
  const zoned = agents.flatMap((agent) => (agent.zoneId === null ? [] : [{ zoneId: agent.zoneId, agent }]));
  const agentsOfZone = mapValues(
    Map.groupBy(zoned, (place) => place.zoneId),
    (places) => places.map((place) => place.agent),
  );
  const placeOf = new Map<AgentId, { overall: number; inZone: number }>();
  agents.forEach((agent, overall) => {
    placeOf.set(agent.id, { overall, inZone: 0 });
  });
  for (const zoneAgents of agentsOfZone.values()) {
    zoneAgents.forEach((agent, inZone) => {
      placeOf.set(agent.id, { overall: placeOf.get(agent.id)?.overall ?? 0, inZone });
    });
  }
  const assets = [...config.assets.values()].sort(byId);
  const links = assets.flatMap((asset) => asset.parentIds.map((parentId) => ({ parentId, childId: asset.id })));
  const windows = config.maintenance.flatMap((window) => window.assetIds.map((assetId) => ({ assetId, window })));
  const checks = [...config.checks.values()].sort(byId);
  const criticalOf = Map.groupBy(
    checks.filter((check) => check.critical),
    (check) => check.assetId,
  );
  const agentsOn = Map.groupBy(agents, (agent) => agent.assetId);
  const sources = (assetId: AssetId): readonly StatusSource[] => [
    ...(criticalOf.get(assetId) ?? []).map((check) => check.id),
    ...(agentsOn.get(assetId) ?? []).map((agent) => agentCheckIdOf(agent.id)),
  ];
  return {
    checksOf: Map.groupBy(checks, (check) => check.assetId),
    criticalOf,
    sourcesOf: new Map([...criticalOf.keys(), ...agentsOn.keys()].map((assetId) => [assetId, sources(assetId)])),
    agentsOn,
    childrenOf: mapValues(
      Map.groupBy(links, (link) => link.parentId),
      (group) => group.map((link) => link.childId),
    ),
    ancestorsOf: new Map(assets.map((asset) => [asset.id, ancestors(config, asset.id)])),
    depthOf: depths(config),
    maintenanceOf: mapValues(
      Map.groupBy(windows, (link) => link.assetId),
      (group) => group.map((link) => link.window),
    ),
    agents,
    agentsOfZone,
    placeOf,
  };
};

/** Puts a check in the place of the one before of its id, which differed in nothing but who asks it. */
export const replaceCheck = (index: ConfigIndex, check: CheckConfig): void => {
  for (const checksOf of [index.checksOf, index.criticalOf]) {
    const checks = checksOf.get(check.assetId) ?? [];
    const at = checks.findIndex(({ id }) => id === check.id);
    if (at >= 0) checksOf.set(check.assetId, checks.with(at, check));
  }
};

const mapValues = <K, A, B>(map: ReadonlyMap<K, A>, change: (value: A) => B): Map<K, B> =>
  new Map([...map].map(([key, value]) => [key, change(value)]));

/** Whether a maintenance window of the asset is running at the instant. */
export const isInMaintenance = (index: ConfigIndex, assetId: AssetId, atMs: EpochMs): boolean =>
  index.maintenanceOf.get(assetId)?.some((window) => window.fromMs <= atMs && atMs < window.toMs) ?? false;

/** Everything below an asset, nearest first. */
export const descendantsOf = (index: ConfigIndex, assetId: AssetId): AssetId[] => {
  const found = new Set<AssetId>();
  const queue: AssetId[] = [assetId];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const childId of index.childrenOf.get(id) ?? []) {
      if (childId === assetId || found.has(childId)) continue;
      found.add(childId);
      queue.push(childId);
    }
  }
  return [...found];
};

/** The lanes of a check: its agents, or the collector alone for a heartbeat. */
export const laneAgentsOf = (check: CheckConfig): readonly (AgentId | null)[] =>
  check.probe.kind === 'heartbeat' ? [null] : check.agentIds;

/** Silence in ms after which a heartbeat is missed; null for other checks. */
export const heartbeatSilenceMs = (check: CheckConfig): number | null => {
  if (check.probe.kind !== 'heartbeat') return null;
  const expectedMs = 'intervalMs' in check.schedule ? check.schedule.intervalMs : check.staleAfterMs;
  return expectedMs + check.probe.spec.graceMs;
};

/** Id of the built-in check of an agent. */
export const agentCheckIdOf = (agentId: AgentId): `agent:${string}` => `agent:${agentId}`;

/** See ConfigIndex.sourcesOf. */
export const statusSourcesOf = (index: ConfigIndex, assetId: AssetId): readonly StatusSource[] =>
  index.sourcesOf.get(assetId) ?? [];
