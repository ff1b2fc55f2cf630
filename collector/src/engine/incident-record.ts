import type { AssetId, IncidentId, RouteId, ZoneId } from '@jiwei/shared/ids.ts';
import type { Severity } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Incident, ProblemKey } from './incident.ts';

/** An incident with what the engine needs to carry it on; replaced field by field, never inside. Kept until it can no longer be reopened. */
export interface IncidentRecord {
  incident: Incident;
  /** What has been failing since it opened and was not yet seen good: check ids, or agent ids. */
  failing: readonly string[];
  entryCount: number;
  /** Routes of the present cycle that were told and wait for the resolved notice. */
  toldRoutes: readonly RouteId[];
  /** Latest reopenings, for flapping. */
  reopenedAtMs: readonly EpochMs[];
  /** Number of the last cycle in which each due instant was dealt with. */
  warnedCycle: number;
  overdueCycle: number;
  onsiteOverdueCycle: number;
  /** Flapping only: since when it has been good. */
  goodSinceMs: EpochMs | null;
  /** A person resolved it while it was still failing: this fault does not open it again, the next one does. */
  isHeld: boolean;
  /** Its parent's incident ended at this instant: only an answer from later shows that it fails by itself. */
  freshAfterMs: EpochMs | null;
  /** Severity people were last told; a graver one is news as soon as they may hear it. */
  toldSeverity: Severity | null;
}

/** A failure that waits for the outcome of its parent's unconfirmed run. */
export interface Wait {
  readonly assetId: AssetId;
  readonly problem: ProblemKey;
  readonly untilMs: EpochMs;
}

/** What is kept of a zone for its storm guard. */
export interface ZoneState {
  readonly id: ZoneId;
  /** The latest openings of incidents people were told of, one of each asset, oldest first; at most incidentStormCount. */
  readonly openings: readonly { readonly id: IncidentId; readonly atMs: EpochMs }[];
  /** Until when its storm takes in what fails; null while there is none that does. Left out where it was stored by the first builds. */
  readonly takesInUntilMs?: EpochMs | null;
}

/** Identity of a problem: at most one open incident has it. */
export const problemIdOf = (assetId: AssetId, problem: ProblemKey): string => `${assetId}|${problem}`;

// Letters that need no escape in a URL's path; the rest is written in hex, so that different texts stay different.
const plain = /[^a-z0-9.-]/g;
const urlSafe = (text: string): string =>
  text.replace(plain, (character) => `_${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`);

/** Id of the incident that opens at the instant: made of its content, so that a replay makes the same one. Safe in a URL's path. */
export const incidentIdOf = (assetId: AssetId, problem: ProblemKey, openedAtMs: EpochMs): IncidentId =>
  `${urlSafe(assetId)}~${urlSafe(problem)}~${openedAtMs.toString(36)}` as IncidentId;
