import type { Confirm } from '@jiwei/shared/check.ts';
import type { ProbeTargets } from '@jiwei/shared/cidr.ts';
import type { AgentId, AssetId, MaintenanceId, UnitId, ZoneId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type {
  AssetConfig,
  CheckConfig,
  EngineTiming,
  RouteConfig,
  RuleConfig,
  UnitConfig,
  ZoneConfig,
} from '../engine/config.ts';

/** Which agents ask a check. `collector`: nobody asks, the target calls (heartbeat). */
export type CheckSource =
  | { readonly kind: 'host' }
  | { readonly kind: 'agents'; readonly agentIds: readonly AgentId[] }
  | { readonly kind: 'zone'; readonly zoneId: ZoneId; readonly count: number }
  | { readonly kind: 'labels'; readonly labels: Readonly<Record<string, string>>; readonly count: number }
  | { readonly kind: 'collector' };

export interface DeclaredAsset extends AssetConfig {
  /** Where others reach it; checks use it when they name no host. */
  readonly address: string | null;
}

/** What is said of an agent beforehand; it need not be enrolled yet. */
export interface DeclaredAgent {
  readonly id: AgentId;
  /** Host it runs on; null leaves it to the implicit asset `agent:<id>`. */
  readonly assetId: AssetId | null;
  /** null leaves it to the asset's zone, then to the zone of its join token. */
  readonly zoneId: ZoneId | null;
  readonly labels: Readonly<Record<string, string>>;
  /** What of its host it reads, in place of what is said for all. */
  readonly collectors?: readonly string[];
}

export interface DeclaredCheck extends Omit<CheckConfig, 'agentIds'> {
  readonly from: CheckSource;
}

export interface DeclaredMaintenance {
  readonly id: MaintenanceId;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly assetIds: readonly AssetId[];
  readonly unitIds: readonly UnitId[];
  readonly zoneIds: readonly ZoneId[];
  readonly reason: string;
  readonly approvedBy: string;
  readonly approvedAtMs: EpochMs;
}

export interface DeclaredNotifier {
  readonly id: string;
  /** log, webhook, smtp … */
  readonly kind: string;
  /** Output of the kind's schema. May hold secrets: it is shown nowhere. */
  readonly options: unknown;
}

/** What should be, checked: every reference resolves, defaults are filled in, nothing is undefined. Never changed. */
export interface Declaration {
  readonly zones: readonly ZoneConfig[];
  readonly units: readonly UnitConfig[];
  readonly assets: readonly DeclaredAsset[];
  readonly agents: readonly DeclaredAgent[];
  readonly checks: readonly DeclaredCheck[];
  readonly rules: readonly RuleConfig[];
  readonly maintenance: readonly DeclaredMaintenance[];
  readonly routes: readonly RouteConfig[];
  readonly notifiers: readonly DeclaredNotifier[];
  readonly timing: EngineTiming;
  /** How often agents read their host's series, ms. */
  readonly hostIntervalMs: number;
  /** What of their hosts they read; left out: everything. */
  readonly hostCollectors?: readonly string[];
  /** Where probes may go; left out: anywhere but link-local and metadata addresses. */
  readonly probeTargets?: ProbeTargets;
  /** Rule files it took in, as named in it. */
  readonly ruleFiles: readonly string[];
}

/** Values used where a check says nothing. */
export interface CheckDefaults {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly confirm: Confirm;
}

/** One thing wrong with a declaration. */
export interface DeclarationError {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `checks[2].interval`; empty for the whole file. */
  readonly path: string;
  /** One sentence: the value found and what is needed. */
  readonly message: string;
}
