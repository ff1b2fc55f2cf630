import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId, AssetId, CheckId, IncidentId } from '@jiwei/shared/ids.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Status } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from './config.ts';
import type { Incident } from './incident.ts';

/** One agent's present view of a check; agentId null is the collector itself (heartbeats). */
export interface LaneView {
  readonly agentId: AgentId | null;
  readonly status: Status;
  readonly sinceMs: EpochMs;
  readonly lastResult: CheckResult | null;
  /** Its agent could not ask, and has given no answer since: why nothing is known, with what it says of it. */
  readonly lastUnusable: CheckResult | null;
}

/** `sinceMs`: since when it is so; where nothing was ever known, since it is declared. */
export interface CheckView {
  readonly id: CheckId;
  readonly assetId: AssetId;
  readonly status: Status;
  readonly sinceMs: EpochMs;
  /** Why it is so; of an unknown one why its agents cannot ask, null when they say nothing. */
  readonly reason: ReasonCode | null;
  /** A failing run is under way and not yet confirmed. */
  readonly isSuspect: boolean;
  readonly lanes: readonly LaneView[];
}

export interface AssetView {
  readonly id: AssetId;
  /** Worst of its critical checks (and of its agent's host); unknown when it has none. */
  readonly status: Status;
  readonly sinceMs: EpochMs;
  readonly isInMaintenance: boolean;
  readonly openIncidentIds: readonly IncidentId[];
  /** Incidents a person closed while their fault went on, which was not seen to end since: it opens none anew. */
  readonly heldIncidentIds: readonly IncidentId[];
  /** Why nothing is known of it, where an agent says so; null while its status is known. */
  readonly hindrance: Hindrance | null;
}

/** An agent cannot ask: which check, and the answer that says why. */
export interface Hindrance {
  readonly checkId: CheckId;
  readonly agentId: AgentId;
  readonly result: CheckResult;
}

export interface AgentView {
  readonly id: AgentId;
  readonly assetId: AssetId;
  /** `never`: enrolled but not yet connected since it became known. */
  readonly connection: 'connected' | 'lost' | 'never';
  readonly sinceMs: EpochMs;
}

/** One alert of a rule, pending or firing. */
export interface AlertView {
  readonly ruleId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
  readonly activeAtMs: EpochMs;
  readonly value: number;
}

/** Present state for readers (API, metrics, page): always that of the last commit, never half a step. */
export interface LiveView {
  readonly config: EngineConfig;
  checks(): Iterable<CheckView>;
  check(id: CheckId): CheckView | null;
  assets(): Iterable<AssetView>;
  asset(id: AssetId): AssetView | null;
  agents(): Iterable<AgentView>;
  agent(id: AgentId): AgentView | null;
  /** Open and acknowledged ones, newest first. */
  openIncidents(): readonly Incident[];
  incident(id: IncidentId): Incident | null;
  alerts(): Iterable<AlertView>;
  /** Results since the start that came too late to correct anything. */
  tooLateResultCount(): number;
  /** Spans since the start that can no longer be corrected, because their subject changed too often. */
  spansForgottenCount(): number;
  /** Series the rules look at, and since the start how many samples came of series there was no room for. */
  ruleSeries(): { readonly seriesCount: number; readonly droppedTotal: number };
}
