import type { AgentId, CheckId, IncidentId, MaintenanceId, ZoneId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { HumanAct } from '../engine/event.ts';
import type { Incident, TimelineEntry } from '../engine/incident.ts';
import type { LiveView } from '../engine/view.ts';
import type { DeclarationVersion, JoinToken, Store, StoredMaintenance } from '../store/port.ts';

/** An agent's link as the collector sees it now. */
export interface AgentSessionView {
  readonly agentId: AgentId;
  readonly connectedAtMs: EpochMs;
  readonly address: string;
  readonly bootId: number;
  /** Agent's clock minus collector's, ms, as measured by the heartbeat with the shortest round trip. */
  readonly clockSkewMs: number;
  readonly roundTripMs: number | null;
  readonly spoolFrames: number;
  readonly spoolBytes: number;
  readonly configVersion: number | null;
  readonly configErrors: readonly string[];
}

/** What is told to live listeners after each commit. */
export type LiveEvent =
  | { readonly kind: 'check'; readonly id: CheckId }
  | { readonly kind: 'asset'; readonly id: string }
  | { readonly kind: 'agent'; readonly id: AgentId }
  | { readonly kind: 'incident'; readonly incident: Incident; readonly entries: readonly TimelineEntry[] }
  | { readonly kind: 'declaration'; readonly version: number };

/** All that the HTTP API and the command line can ask of a running collector. Throws AppError with codes from the table. */
export interface CollectorService {
  readonly view: LiveView;
  readonly store: Store;
  readonly startedAtMs: EpochMs;
  readonly version: string;
  /** Number of the declaration in force, as /declaration/versions lists it; 0: nothing was ever declared. */
  readonly declarationVersion: number;
  /** The declaration file whose changes come into force, as it was named; null when none is watched. */
  readonly watchedFile: string | null;
  /** What people are told when the file named in the configuration was last refused; null when it is in force. */
  readonly declarationError: string | null;
  /** False while the store refuses commits; nothing is lost meanwhile, but nothing goes on either. */
  isWriterHealthy(): boolean;

  sessions(): readonly AgentSessionView[];
  /** NOT_FOUND for an unknown incident, CONFLICT for an act its state does not allow. Resolves after commit with the incident as it is then. */
  act(incidentId: IncidentId, actor: string, act: HumanAct): Promise<Incident>;
  /** A heartbeat's call. NOT_FOUND when no heartbeat check has the id. */
  push(checkId: CheckId, isUp: boolean, detail: string | null): Promise<void>;
  /** Checks the text whole, stores it as a new version and puts it in force; CONFIG_INVALID leaves the present one in force. */
  applyDeclaration(text: string, source: string, actor: string): Promise<DeclarationVersion>;
  addMaintenance(
    window: Omit<StoredMaintenance, 'id' | 'declaredAs' | 'createdAtMs' | 'cancelledAtMs' | 'approvedAtMs'>,
  ): Promise<StoredMaintenance>;
  cancelMaintenance(id: MaintenanceId): Promise<StoredMaintenance>;
  /** The token itself is returned once and never stored. */
  createJoinToken(scope: {
    zoneId: ZoneId | null;
    labels: Readonly<Record<string, string>>;
    usesLeft: number;
    lifetimeMs: number;
    /** Whoever enrols with it waits until a person approves. */
    needsApproval?: boolean;
  }): Promise<{ id: string; token: string; expiresAtMs: EpochMs }>;
  joinTokens(): Promise<readonly JoinToken[]>;
  /** From now on nobody enrols with it; those who did stay. NOT_FOUND. */
  revokeJoinToken(id: string): Promise<JoinToken>;
  /** Lets an agent in that waits for it; CONFLICT when it does not wait. */
  approveAgent(id: AgentId): Promise<void>;
  /** Refuses an agent that waits for approval, for good; CONFLICT when it does not wait. */
  refuseAgent(id: AgentId): Promise<void>;
  /** Asks a connected agent to change its key; CONFLICT when it is not connected. */
  rekeyAgent(id: AgentId): Promise<void>;
  /** Disconnects it at once and refuses its key from then on. */
  revokeAgent(id: AgentId): Promise<void>;
  /** @returns stops listening */
  listen(listener: (event: LiveEvent) => void): () => void;
}
