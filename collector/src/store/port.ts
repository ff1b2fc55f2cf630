import type { CheckResult } from '@jiwei/shared/check.ts';
import type {
  AgentId,
  AssetId,
  BootId,
  CheckId,
  IncidentId,
  MaintenanceId,
  NotificationId,
  RouteId,
  UnitId,
  ZoneId,
} from '@jiwei/shared/ids.ts';
import type { FramePosition, GapBody, InventoryBody } from '@jiwei/shared/protocol/control.ts';
import type { Severity } from '@jiwei/shared/status.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import type { NoticeKind, Span, SpanPatch, Subject } from '../engine/effect.ts';
import type { Incident, IncidentState, TimelineEntry } from '../engine/incident.ts';

/** A frame of samples as it came, with what is needed to find it. */
export interface StoredFrame extends FramePosition {
  readonly agentId: AgentId;
  readonly receivedAtMs: EpochMs;
  /** First and last row, collector's time (agent's time plus the offset in force). */
  readonly firstAtMs: EpochMs;
  readonly lastAtMs: EpochMs;
  /** Added to the agent's times; 0 when its clock was within tolerance. */
  readonly clockOffsetMs: number;
  /** Body of the samples frame (shared/protocol/samples.ts), unchanged. */
  readonly body: Uint8Array;
}

/** Part of an agent's dictionary of one boot, as it came (an encoded dictionary frame, whole). */
export interface StoredDictionary {
  readonly agentId: AgentId;
  readonly bootId: BootId;
  readonly firstIndex: number;
  readonly bytes: Uint8Array;
}

export interface StoredResult extends CheckResult {
  readonly agentId: AgentId;
  readonly receivedAtMs: EpochMs;
}

export interface StoredEntity {
  readonly entity: string;
  readonly id: string;
  /** JSON value; null forgets it. */
  readonly value: unknown;
}

/** An agent that enrolled. */
export interface AgentRecord {
  readonly id: AgentId;
  /** Raw Ed25519 key, base64url; no two agents have the same. */
  readonly publicKey: string;
  readonly zoneId: ZoneId | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAtMs: EpochMs;
  readonly revokedAtMs: EpochMs | null;
  /** Registered, and waiting for a person's approval since then; left out once it needs none. Until then nothing of it is taken. */
  readonly pendingSinceMs?: EpochMs;
  /** From its last hello. */
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  readonly agentVersion: string;
  readonly lastSeenAtMs: EpochMs;
  readonly lastAddress: string | null;
}

/** A join token; only the SHA-256 of the token is stored. */
export interface JoinToken {
  readonly hash: string;
  readonly zoneId: ZoneId | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly usesLeft: number;
  readonly expiresAtMs: EpochMs;
  readonly createdAtMs: EpochMs;
  /** Whoever enrols with it waits for a person's approval. */
  readonly needsApproval: boolean;
  readonly revokedAtMs: EpochMs | null;
}

/** A maintenance window as it was planned through the API, or as declarations put it in force. */
export interface StoredMaintenance {
  /** Of a declared one `<its id>@<version that brought it>`. */
  readonly id: MaintenanceId;
  /** Its id in the declaration; left out when it was planned through the API. */
  readonly declaredAs?: MaintenanceId;
  /** Since when the collector knows of it as it is; left out where it was not recorded: then approvedAtMs, the moment of the call. */
  readonly createdAtMs?: EpochMs;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly assetIds: readonly AssetId[];
  readonly unitIds: readonly UnitId[];
  readonly zoneIds: readonly ZoneId[];
  readonly reason: string;
  readonly approvedBy: string;
  readonly approvedAtMs: EpochMs;
  /** Ended early or called off; from then on it no longer holds. */
  readonly cancelledAtMs: EpochMs | null;
}

/** A notification waiting to be sent, being retried, sent, given up or dropped. */
export interface OutboxRecord {
  readonly id: NotificationId;
  readonly routeId: RouteId;
  readonly incidentId: IncidentId;
  readonly notice: NoticeKind;
  /** The incident as it was when the notice was decided. */
  readonly incident: Incident;
  readonly createdAtMs: EpochMs;
  /** `dropped`: what it tells of was over before it could be told. */
  readonly state: 'waiting' | 'sent' | 'failed' | 'dropped';
  readonly tries: number;
  /** False only while it is certain that nobody has got it. A try under way may have arrived already. */
  readonly mayHaveArrived: boolean;
  readonly nextTryAtMs: EpochMs;
  readonly lastError: string | null;
  readonly finishedAtMs: EpochMs | null;
}

/** Everything one turn of the runtime writes; all of it or nothing. */
export interface CommitBatch {
  readonly atMs: EpochMs;
  readonly frames: readonly StoredFrame[];
  readonly dictionaries: readonly StoredDictionary[];
  readonly results: readonly StoredResult[];
  readonly gaps: readonly (GapBody & { readonly agentId: AgentId; readonly receivedAtMs: EpochMs })[];
  readonly inventories: readonly { readonly agentId: AgentId; readonly atMs: EpochMs; readonly body: InventoryBody }[];
  /** Last frame of each agent in this batch. */
  readonly positions: readonly (FramePosition & { readonly agentId: AgentId })[];
  readonly entities: readonly StoredEntity[];
  readonly spans: readonly SpanPatch[];
  readonly incidents: readonly Incident[];
  readonly timeline: readonly TimelineEntry[];
  /** New notifications; one whose id is already there is left as it is. */
  readonly outbox: readonly OutboxRecord[];
  /** Waiting notifications that are dropped, finished at the batch's instant; those that do not wait, or are not there, are left as they are. */
  readonly outboxDrops: readonly NotificationId[];
}

/** One page of a list; `next` is the cursor of the following one, null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
}

export interface IncidentFilter {
  readonly states?: readonly IncidentState[];
  readonly assetId?: AssetId;
  readonly unitId?: UnitId;
  readonly zoneId?: ZoneId;
  readonly severities?: readonly Severity[];
  /** Opened within. */
  readonly opened?: TimeRange;
}

/** A span of recorded history with both ends; `toMs` null while it is the present one. */
export interface RecordedSpan extends Span {
  readonly subject: Subject;
  readonly toMs: EpochMs | null;
}

/** What late data changed: the spans before and after, within the range. */
export interface Correction {
  readonly subject: Subject;
  readonly atMs: EpochMs;
  readonly range: TimeRange;
  readonly before: readonly Span[];
  readonly after: readonly Span[];
}

/** A declared registry as it was applied. */
export interface DeclarationVersion {
  readonly version: number;
  readonly appliedAtMs: EpochMs;
  readonly appliedBy: string;
  readonly source: string;
  /** The file's text, as given. */
  readonly text: string;
}

/** Something stored that is not as it was written. */
export interface StoreDamage {
  /** 'file' for what belongs to no table. */
  readonly table: string;
  /** What was found, for people. */
  readonly detail: string;
  /**
   * Its structure or an index is wrong, so that rows may not be found: no answer with rows of this table can be trusted. Else it is one row, which
   * is refused by its checksum wherever it is found, and the others are right.
   */
  readonly hidesRows: boolean;
}

/** What a look at everything that is stored found. */
export interface Findings {
  readonly tables: number;
  readonly rows: number;
  /** Of many damaged rows of a table only the first are listed. */
  readonly damages: readonly StoreDamage[];
  /** Rows that do not fit their checksum, all of them. */
  readonly misfits: number;
}

/**
 * The collector's memory. Two implementations must behave alike (contract suite: test/contract/store.test.ts). Every method throws
 * AppError: STORE_UNAVAILABLE when the database cannot be read or written (a failed commit has changed nothing), STORE_CORRUPT when its
 * content fails a check, STORE_TOO_NEW at opening when a later version wrote it.
 */
export interface Store {
  commit(batch: CommitBatch): Promise<void>;

  /** For a restart: the state as of the last commit. */
  entities(): Promise<readonly StoredEntity[]>;
  positions(): Promise<readonly (FramePosition & { readonly agentId: AgentId })[]>;
  /** Spans that touch [fromMs, ∞), ascending by subject and time. */
  spansSince(fromMs: EpochMs): Promise<readonly RecordedSpan[]>;
  /** The newest samples frame of every agent with its offset, to continue rules and /metrics/fleet. */
  latestFrames(): Promise<readonly StoredFrame[]>;
  dictionaries(agentId: AgentId, bootId: BootId): Promise<readonly StoredDictionary[]>;

  agents(): Promise<readonly AgentRecord[]>;
  /** Inserts or replaces by id. Throws CONFLICT when another agent has the key. */
  saveAgent(agent: AgentRecord): Promise<void>;
  saveJoinToken(token: JoinToken): Promise<void>;
  /** Newest first; also those that are used up, expired or revoked, for 30 days after they ended. */
  joinTokens(): Promise<readonly JoinToken[]>;
  /** From then on nobody enrols with it. @returns how it is now; null when there is none with that hash */
  revokeJoinToken(hash: string, atMs: EpochMs): Promise<JoinToken | null>;
  /** Takes one use and registers the agent in one transaction; returns null when the token is unknown, used up or expired at `atMs`. */
  enrol(tokenHash: string, atMs: EpochMs, agentOf: (token: JoinToken) => AgentRecord): Promise<AgentRecord | null>;
  inventory(agentId: AgentId): Promise<{ readonly atMs: EpochMs; readonly body: InventoryBody } | null>;

  /** The version of that number; without one the last. */
  declaration(version?: number): Promise<DeclarationVersion | null>;
  declarations(page: PageRequest): Promise<Page<Omit<DeclarationVersion, 'text'>>>;
  /** Appends a version (the last one plus 1) and returns it. */
  saveDeclaration(declaration: Omit<DeclarationVersion, 'version'>): Promise<DeclarationVersion>;
  maintenance(): Promise<readonly StoredMaintenance[]>;
  /** Inserts or replaces by id; all of them or none. */
  saveMaintenance(windows: readonly StoredMaintenance[]): Promise<void>;

  /** Spans of the subjects that touch the range, ascending by subject and time, cut to nothing (whole spans). */
  spans(subjects: readonly Subject[], range: TimeRange): Promise<readonly RecordedSpan[]>;
  corrections(subject: Subject | null, page: PageRequest): Promise<Page<Correction>>;
  /** Newest first. */
  results(checkId: CheckId, range: TimeRange, page: PageRequest): Promise<Page<StoredResult>>;
  /** The newest result of each (check, agent). */
  latestResults(): Promise<readonly StoredResult[]>;
  /** Frames of the agent whose rows touch the range, ascending. */
  frames(agentId: AgentId, range: TimeRange, frameCountMax: number): Promise<readonly StoredFrame[]>;
  gaps(agentId: AgentId, range: TimeRange): Promise<readonly GapBody[]>;

  incident(id: IncidentId): Promise<Incident | null>;
  /** Newest first by opening. */
  incidents(filter: IncidentFilter, page: PageRequest): Promise<Page<Incident>>;
  timeline(id: IncidentId): Promise<readonly TimelineEntry[]>;

  /** Waiting notifications due at `atMs`, in the order they came in; those of `exceptRoutes` are left out, so that a full route hides no other. */
  outboxDue(atMs: EpochMs, limit: number, exceptRoutes?: readonly RouteId[]): Promise<readonly OutboxRecord[]>;
  /** When the next waiting one is due; null when none waits. */
  outboxNextAtMs(): Promise<EpochMs | null>;
  /** Updates state, tries, mayHaveArrived, nextTryAtMs, lastError and finishedAtMs. */
  saveOutbox(record: OutboxRecord): Promise<void>;
  outboxOf(incidentId: IncidentId): Promise<readonly OutboxRecord[]>;

  /** Small named values of the collector itself: its id, hashes of tokens. */
  setting(name: string): Promise<string | null>;
  saveSetting(name: string, value: string): Promise<void>;

  /** Deletes what is older; spans that reach past the limit stay. Returns rows deleted by table. Bounded work per call; call again while it deletes. */
  retain(
    limits: { readonly framesBeforeMs: EpochMs; readonly historyBeforeMs: EpochMs },
    rowCountMax: number,
  ): Promise<Readonly<Record<string, number>>>;
  /** Bytes of the database, for the metrics. */
  sizeBytes(): Promise<number>;
  /**
   * Reads everything that is stored, beside the collector's work, and compares it with its checksums and indexes. Where rows may not be found,
   * every answer with rows of that table is STORE_CORRUPT from then on, and so is the next opening until that is mended.
   * @param signal ends it; it then rejects
   * @throws STORE_UNAVAILABLE when it could not be done
   */
  verify(signal: AbortSignal): Promise<Findings>;
  close(): Promise<void>;
}
