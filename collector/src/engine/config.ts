import type { CheckSchedule, Confirm } from '@jiwei/shared/check.ts';
import type { ProbeTargets } from '@jiwei/shared/cidr.ts';
import type { AgentId, AssetId, CheckId, MaintenanceId, RouteId, RuleId, UnitId, ZoneId } from '@jiwei/shared/ids.ts';
import type { Probe } from '@jiwei/shared/probes/registry.ts';
import type { Severity } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

export interface ZoneConfig {
  readonly id: ZoneId;
  readonly name: string;
  /** The one crew of the zone; a label on incidents and metrics. */
  readonly crew: string;
}

export interface UnitConfig {
  readonly id: UnitId;
  readonly name: string;
  readonly zoneId: ZoneId;
}

/** Kinds of assets, as in the register. */
export const assetKinds = [
  'server',
  'pc',
  'camera',
  'nvr',
  'screen',
  'app',
  'website',
  'api',
  'database',
  'switch',
  'router',
  'firewall',
  'printer',
  'ups',
  'storage',
  'iot',
  'other',
] as const;
export type AssetKind = (typeof assetKinds)[number];

export interface AssetConfig {
  readonly id: AssetId;
  readonly name: string;
  readonly kind: AssetKind;
  /** null for the implicit asset of an agent whose host nobody declared (its id is `agent:<agentId>`). */
  readonly unitId: UnitId | null;
  readonly zoneId: ZoneId | null;
  /** 1 (least) to 5 (most). */
  readonly importance: number;
  /** Assets it depends on; while one of them is down its own failures belong to that one's incident. No cycles (the registry refuses them). */
  readonly parentIds: readonly AssetId[];
  /** Whether repairing it takes somebody on site: then the on-site clock runs too. */
  readonly needsOnsite: boolean;
}

/** An enrolled agent as the engine needs it. */
export interface AgentEntry {
  readonly id: AgentId;
  /** Asset of the host it runs on; always an asset of this configuration. */
  readonly assetId: AssetId;
  readonly zoneId: ZoneId | null;
  /** Where other agents can ask for the host: declared, or the address it last connected from; null when neither is known. */
  readonly address: string | null;
  /** What of its host it reads, where that is not what is said for all; not the engine's business, but part of what it is told. */
  readonly hostCollectors?: readonly string[];
}

export interface CheckConfig {
  readonly id: CheckId;
  readonly assetId: AssetId;
  readonly probe: Probe;
  readonly schedule: CheckSchedule;
  readonly timeoutMs: number;
  readonly confirm: Confirm;
  /** A critical check takes part in its asset's status and availability; another is only watched. */
  readonly critical: boolean;
  readonly severity: Severity;
  /** The agents that ask, sorted; empty for a heartbeat (the collector itself is the only lane). */
  readonly agentIds: readonly AgentId[];
  /** How many of the agents that know must say down; null means the majority of them. */
  readonly quorum: number | null;
  /** Age in ms at which the last result no longer says anything: the status becomes unknown. */
  readonly staleAfterMs: number;
}

/** One Prometheus alerting rule. */
export interface RuleConfig {
  readonly id: RuleId;
  /** `alert` of the rule. */
  readonly name: string;
  readonly expr: string;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly evaluationMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface MaintenanceConfig {
  readonly id: MaintenanceId;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Already resolved from units, zones and assets. */
  readonly assetIds: readonly AssetId[];
  readonly reason: string;
  readonly approvedBy: string;
  readonly approvedAtMs: EpochMs;
  /** When it was planned, or first declared as it is. */
  readonly createdAtMs: EpochMs;
}

export interface RouteConfig {
  readonly id: RouteId;
  /** Notifier by name; see notify/. */
  readonly notifier: string;
  /** Which incidents: every named condition must hold; an empty list means any. */
  readonly severities: readonly Severity[];
  readonly zoneIds: readonly ZoneId[];
  readonly unitIds: readonly UnitId[];
  readonly assetIds: readonly AssetId[];
}

/** Everything the engine decides by: the declared registry with defaults filled in and references resolved. Never changed in place. */
export interface EngineConfig {
  readonly version: number;
  readonly zones: ReadonlyMap<ZoneId, ZoneConfig>;
  readonly units: ReadonlyMap<UnitId, UnitConfig>;
  readonly assets: ReadonlyMap<AssetId, AssetConfig>;
  readonly agents: ReadonlyMap<AgentId, AgentEntry>;
  readonly checks: ReadonlyMap<CheckId, CheckConfig>;
  readonly rules: ReadonlyMap<RuleId, RuleConfig>;
  readonly maintenance: readonly MaintenanceConfig[];
  readonly routes: readonly RouteConfig[];
  readonly timing: EngineTiming;
  /** How often agents read their host's series, ms; 15,000 when left out. */
  readonly hostIntervalMs?: number;
  /** What of their hosts they read; everything when left out. */
  readonly hostCollectors?: readonly string[];
  /** Where agents' probes may go; not the engine's business, but part of what agents are told. */
  readonly probeTargets?: ProbeTargets;
}

/** Clocks of people and of detection, ms. */
export interface EngineTiming {
  /** Promise: somebody acknowledges within this (180,000). */
  readonly respondMs: number;
  /** A warning goes out this long after opening when nobody has (120,000). */
  readonly respondWarnMs: number;
  /** Promise: somebody is on site within this (900,000). */
  readonly onsiteMs: number;
  /** A lost agent may come back this long before anybody is told (2,000). */
  readonly agentGraceMs: number;
  /** Deadline of a question to another agent (3,000). */
  readonly questionMs: number;
  /** While an agent is lost its host is asked for again at this interval (20,000). */
  readonly questionIntervalMs: number;
  /** So many agents of one zone lost within agentStormMs make one zone incident (3; 10,000). */
  readonly agentStormCount: number;
  readonly agentStormMs: number;
  /** So many assets of one zone that fail within a minute are a storm, one incident of the zone (10). */
  readonly incidentStormCount: number;
  /** Reopened so often within an hour, an incident is flapping (3) … */
  readonly flapCount: number;
  /** … and then resolves only after this long without a failure (600,000). */
  readonly flapQuietMs: number;
}

export const engineTimingDefault: EngineTiming = {
  respondMs: 180_000,
  respondWarnMs: 120_000,
  onsiteMs: 900_000,
  agentGraceMs: 2_000,
  questionMs: 3_000,
  questionIntervalMs: 20_000,
  agentStormCount: 3,
  agentStormMs: 10_000,
  incidentStormCount: 10,
  flapCount: 3,
  flapQuietMs: 600_000,
};
