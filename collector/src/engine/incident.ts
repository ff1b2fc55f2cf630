import type { AssetId, IncidentId, UnitId, ZoneId } from '@jiwei/shared/ids.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Severity } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

export const incidentStates = ['open', 'acknowledged', 'resolved'] as const;
export type IncidentState = (typeof incidentStates)[number];

/**
 * What is wrong with the asset; with the asset it is the identity of the open incident.
 * `down`: a critical check is down. `degraded`. `check:<id>`: a check that is not critical is down. `agent`: its agent stopped or host is
 * gone. `cloned`: somebody has a copy of its agent's key. `rule:<id>` plus the alert's own labels. `zone`: many agents of a zone lost at once. `storm`: many assets of a zone failed at once.
 */
export type ProblemKey = string;

/**
 * Why a response cycle does not count in the response rate: people were not told because of maintenance or because it belongs to another
 * incident, it recovered by itself before anybody had to answer, or its asset or check was taken out of the register.
 */
export const exclusions = ['maintenance', 'child', 'autoRecovered', 'late', 'retired'] as const;
export type Exclusion = (typeof exclusions)[number];

/** One round of an incident: from (re)opening to resolution; the promises are kept or broken per cycle. */
export interface ResponseCycle {
  /** From 1. */
  readonly number: number;
  readonly openedAtMs: EpochMs;
  readonly respondDueAtMs: EpochMs;
  readonly respondedAtMs: EpochMs | null;
  /** null when nobody needs to go there. */
  readonly onsiteDueAtMs: EpochMs | null;
  readonly arrivedAtMs: EpochMs | null;
  readonly resolvedAtMs: EpochMs | null;
  /** Flapping only: since when it has been good without a failure. Cycles stored by the first builds lack it. */
  readonly quietFromMs?: EpochMs | null;
  readonly excluded: Exclusion | null;
}

/** What the engine itself finds, beside what probes answer. Documented in docs/reasons.md. */
export const faultCodes = [
  'AGENT_STOPPED',
  'AGENT_SILENT',
  'AGENT_CLONED',
  'HOST_DOWN',
  'ZONE_OUTAGE',
  'ZONE_STORM',
  'RULE',
] as const;
export type FaultCode = (typeof faultCodes)[number];

/** One incident as it is stored and shown. Its timeline is kept apart (TimelineEntry). */
export interface Incident {
  readonly id: IncidentId;
  readonly assetId: AssetId;
  readonly unitId: UnitId | null;
  readonly zoneId: ZoneId | null;
  readonly crew: string;
  readonly problem: ProblemKey;
  readonly severity: Severity;
  readonly state: IncidentState;
  /** What was found: a probe's reason, or the engine's. That of a lost agent follows what is found out about its host. */
  readonly reason: ReasonCode | FaultCode;
  /** One line for people, in English; the console and the channels say it in Chinese from the codes. */
  readonly summary: string;
  /** Free facts for templates: check, target, rule annotations, names of attached assets. */
  readonly details: Readonly<Record<string, string>>;
  /** When the fault of the present cycle began (first failed probe), which may be before the incident opened. */
  readonly faultFromMs: EpochMs;
  readonly openedAtMs: EpochMs;
  /** When the fault itself ended (first good probe of the recovered run). */
  readonly faultToMs: EpochMs | null;
  readonly resolvedAtMs: EpochMs | null;
  readonly cycles: readonly ResponseCycle[];
  /** Nothing is known of the asset at the moment; the incident stays open. */
  readonly isNoData: boolean;
  readonly isFlapping: boolean;
  /** Notices are held back: a maintenance window of the asset is running. */
  readonly isInMaintenance: boolean;
  /** The parent's or zone's incident this one was merged into. */
  readonly attachedTo: IncidentId | null;
  /** A firing notice has gone out and its resolved notice has not. */
  readonly isTold: boolean;
}

/**
 * What is known of the host of a lost agent: `reachable`, `unreachable` or `unknown`. null for other problems, whose facts may have any name,
 * and for incidents stored before it was kept.
 */
export const hostFactOf = ({ problem, details }: Pick<Incident, 'problem' | 'details'>): string | null =>
  problem === 'agent' ? (details['host'] ?? null) : null;

export const timelineKinds = [
  'opened',
  'reopened',
  'updated',
  'noData',
  'dataBack',
  'flapping',
  'attached',
  'detached',
  'childDown',
  'childUp',
  'maintenanceBegan',
  'maintenanceEnded',
  'respondWarned',
  'respondOverdue',
  'onsiteOverdue',
  'acknowledged',
  'arrived',
  'noted',
  'notified',
  'notificationFailed',
  'notificationDropped',
  'resolved',
  'truncated',
] as const;
export type TimelineKind = (typeof timelineKinds)[number];

/** One entry of an incident's timeline, numbered from 1 within the incident. Append only. */
export interface TimelineEntry {
  readonly incidentId: IncidentId;
  readonly number: number;
  /** When it happened; a due instant for what was due. */
  readonly atMs: EpochMs;
  /** When the collector noticed; later than `atMs` after a restart. */
  readonly recordedAtMs: EpochMs;
  readonly kind: TimelineKind;
  /** A person's name, or `engine`. */
  readonly actor: string;
  readonly text: string;
}
