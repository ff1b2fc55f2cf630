import type { AgentId, AssetId, CheckId, IncidentId, NotificationId, RouteId } from '@jiwei/shared/ids.ts';
import type { AgentProbe } from '@jiwei/shared/probes/registry.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Status } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Incident, TimelineEntry } from './incident.ts';

/** Whose status: a lane is one agent's view of a check. Ids: check id, asset id, or `<checkId>@<agentId>`. */
export type Subject =
  | { readonly kind: 'lane'; readonly id: string }
  | { readonly kind: 'check'; readonly id: CheckId | `agent:${string}` }
  | { readonly kind: 'asset'; readonly id: AssetId };

/** From `fromMs` on the subject had this status, until the next span of the subject begins. */
export interface Span {
  readonly fromMs: EpochMs;
  readonly status: Status;
  readonly reason: ReasonCode | null;
  /** Asset spans only: the parent asset to whose fault a down belongs, else null. */
  readonly attributedTo: AssetId | null;
}

/**
 * The subject's history from `fromMs` on is now exactly `spans` (ascending; the first begins at `fromMs`; the last one is open). What was
 * recorded before `fromMs` stays. Live changes and corrections by late data are the same thing; `isCorrection` says that something
 * already shown (later than its own confirmation) was replaced, and is kept in the corrections log.
 */
export interface SpanPatch {
  readonly kind: 'spans';
  readonly subject: Subject;
  readonly fromMs: EpochMs;
  readonly spans: readonly Span[];
  readonly isCorrection: boolean;
}

export const noticeKinds = ['firing', 'resolved', 'warning', 'overdue', 'flapping'] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** What the engine wants done. The runtime stores all of it in the event's transaction and performs the outward ones after commit. */
export type Effect =
  | SpanPatch
  /** The incident is now like this. */
  | { readonly kind: 'incident'; readonly incident: Incident; readonly entries: readonly TimelineEntry[] }
  /** Tell people over one route. The id is made of incident, cycle, kind and route, so a replay makes the same one. */
  | {
      readonly kind: 'notify';
      readonly id: NotificationId;
      readonly routeId: RouteId;
      readonly notice: NoticeKind;
      readonly incidentId: IncidentId;
      readonly incident: Incident;
      readonly atMs: EpochMs;
    }
  /** Notices that wait are not told any more; one that does not wait stays as it is. */
  | { readonly kind: 'dropNotices'; readonly ids: readonly NotificationId[] }
  /** Ask an agent once. Not kept: a question that was not delivered is answered by its deadline in the state. */
  | {
      readonly kind: 'requestProbe';
      readonly requestId: string;
      readonly agentId: AgentId;
      readonly probe: AgentProbe;
      readonly timeoutMs: number;
    }
  /** A person's act that the incident's state does not allow; nothing was changed. Answered to whoever asked, with the code. */
  | {
      readonly kind: 'rejected';
      readonly code: 'CONFLICT' | 'NOT_FOUND';
      readonly incidentId: IncidentId;
      readonly message: string;
    }
  /** An entity of the state changed and must be stored (value: JSON) or forgotten (value null). */
  | { readonly kind: 'entity'; readonly entity: string; readonly id: string; readonly value: unknown };
