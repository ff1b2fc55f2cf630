import type { AgentId, AssetId, BootId, CheckId, IncidentId, MaintenanceId, NotificationId, RouteId } from '@jiwei/shared/ids.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Outcome, Severity, Status } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Generated } from 'kysely';
import type { NoticeKind, Subject } from '../../engine/effect.ts';
import type { IncidentState, TimelineKind } from '../../engine/incident.ts';
import type { OutboxRecord } from '../port.ts';

/** `to_ms` of a span that has not ended: larger than any instant, so that one comparison finds what touches a range. */
export const openEndMs = Number.MAX_SAFE_INTEGER;

/** Columns of every table, the same in each database. `…_sum` is the checksum of the row (row-sum.ts); null in rows written before there was one. JSON columns are TEXT; what is searched for has a column of its own. */
export interface Tables {
  frame: {
    frame_sum: number | null;
    id: Generated<number>;
    agent_id: AgentId;
    boot_id: BootId;
    seq: number;
    received_at_ms: EpochMs;
    first_at_ms: EpochMs;
    last_at_ms: EpochMs;
    clock_offset_ms: number;
    body: Uint8Array;
  };
  /** Per agent: its newest frame, and the longest time between first and last row of any of its frames, which bounds range searches. */
  frame_latest: { frame_latest_sum: number | null; agent_id: AgentId; boot_id: BootId; seq: number; rows_ms_max: number };
  dictionary: { dictionary_sum: number | null; agent_id: AgentId; boot_id: BootId; first_index: number; bytes: Uint8Array };
  result: {
    result_sum: number | null;
    id: Generated<number>;
    check_id: CheckId;
    agent_id: AgentId;
    observed_at_ms: EpochMs;
    received_at_ms: EpochMs;
    outcome: Outcome;
    reason: ReasonCode;
    latency_ms: number | null;
    run_of_down: number;
    run_of_up: number;
    method: string | null;
    detail: string | null;
    values_json: string | null;
  };
  result_latest: { result_latest_sum: number | null; check_id: CheckId; agent_id: AgentId; observed_at_ms: EpochMs };
  gap: {
    gap_sum: number | null;
    id: Generated<number>;
    agent_id: AgentId;
    received_at_ms: EpochMs;
    from_ms: EpochMs;
    to_ms: EpochMs;
    body_json: string;
  };
  inventory: { inventory_sum: number | null; agent_id: AgentId; at_ms: EpochMs; body_json: string };
  position: { position_sum: number | null; agent_id: AgentId; boot_id: BootId; seq: number };
  entity: { entity_sum: number | null; entity: string; id: string; value_json: string };
  span: {
    span_sum: number | null;
    subject_kind: Subject['kind'];
    subject_id: string;
    from_ms: EpochMs;
    to_ms: EpochMs;
    status: Status;
    reason: ReasonCode | null;
    attributed_to: AssetId | null;
  };
  correction: {
    correction_sum: number | null;
    id: Generated<number>;
    subject_kind: Subject['kind'];
    subject_id: string;
    at_ms: EpochMs;
    from_ms: EpochMs;
    to_ms: EpochMs;
    before_json: string;
    after_json: string;
  };
  incident: {
    incident_sum: number | null;
    id: IncidentId;
    asset_id: string;
    unit_id: string | null;
    zone_id: string | null;
    severity: Severity;
    state: IncidentState;
    opened_at_ms: EpochMs;
    resolved_at_ms: EpochMs | null;
    incident_json: string;
  };
  timeline: {
    timeline_sum: number | null;
    incident_id: IncidentId;
    number: number;
    at_ms: EpochMs;
    recorded_at_ms: EpochMs;
    kind: TimelineKind;
    actor: string;
    text: string;
  };
  outbox: {
    outbox_sum: number | null;
    /** Order of coming in; a notice of an incident never has a smaller number than an earlier one. */
    number: Generated<number>;
    id: NotificationId;
    route_id: RouteId;
    incident_id: IncidentId;
    notice: NoticeKind;
    incident_json: string;
    created_at_ms: EpochMs;
    state: OutboxRecord['state'];
    tries: number;
    next_try_at_ms: EpochMs;
    last_error: string | null;
    finished_at_ms: EpochMs | null;
    /** null in rows written before it was recorded: that is not known to be 0. */
    may_have_arrived: number | null;
  };
  agent: { agent_sum: number | null; id: AgentId; public_key: string; record_json: string };
  join_token: {
    join_token_sum: number | null;
    hash: string;
    zone_id: string | null;
    labels_json: string;
    uses_left: number;
    expires_at_ms: EpochMs;
    created_at_ms: EpochMs;
    needs_approval: number;
    revoked_at_ms: EpochMs | null;
  };
  declaration: {
    declaration_sum: number | null;
    version: number;
    applied_at_ms: EpochMs;
    applied_by: string;
    source: string;
    text: string;
    text_sum: number | null;
  };
  maintenance: { maintenance_sum: number | null; id: MaintenanceId; from_ms: EpochMs; window_json: string };
  setting: { setting_sum: number | null; name: string; value: string };
}
