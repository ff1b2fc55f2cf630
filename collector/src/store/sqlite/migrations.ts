import { createHash } from 'node:crypto';

/** One step of the schema. Never changed once released: a database remembers the checksum of each step it took. */
export interface Migration {
  /** From 1 without gaps. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const first = `
create table frame (
  id integer primary key, agent_id text not null, boot_id integer not null, seq integer not null, received_at_ms integer not null,
  first_at_ms integer not null, last_at_ms integer not null, clock_offset_ms integer not null, body blob not null,
  unique (agent_id, boot_id, seq)
) strict;
create index frame_last on frame (agent_id, last_at_ms);
create table frame_latest (
  agent_id text primary key, boot_id integer not null, seq integer not null, rows_ms_max integer not null
) strict, without rowid;
create table dictionary (
  agent_id text not null, boot_id integer not null, first_index integer not null, bytes blob not null,
  primary key (agent_id, boot_id, first_index)
) strict;

create table result (
  id integer primary key, check_id text not null, agent_id text not null, observed_at_ms integer not null,
  received_at_ms integer not null, outcome text not null, reason text not null, latency_ms real,
  run_of_down integer not null, run_of_up integer not null, method text, detail text, values_json text
) strict;
create index result_check on result (check_id, observed_at_ms);
create table result_latest (
  check_id text not null, agent_id text not null, observed_at_ms integer not null, primary key (check_id, agent_id)
) strict, without rowid;

create table gap (
  id integer primary key, agent_id text not null, received_at_ms integer not null, from_ms integer not null,
  to_ms integer not null, body_json text not null
) strict;
create index gap_agent on gap (agent_id, to_ms);
create table inventory (agent_id text primary key, at_ms integer not null, body_json text not null) strict;
create table position (agent_id text primary key, boot_id integer not null, seq integer not null) strict, without rowid;
create table entity (
  entity text not null, id text not null, value_json text not null, primary key (entity, id)
) strict, without rowid;

create table span (
  subject_kind text not null, subject_id text not null, from_ms integer not null, to_ms integer not null,
  status text not null, reason text, attributed_to text,
  primary key (subject_kind, subject_id, from_ms), check (from_ms < to_ms)
) strict, without rowid;
create index span_end on span (to_ms);
create table correction (
  id integer primary key, subject_kind text not null, subject_id text not null, at_ms integer not null,
  from_ms integer not null, to_ms integer not null, before_json text not null, after_json text not null
) strict;
create index correction_subject on correction (subject_kind, subject_id, id);

create table incident (
  id text primary key, asset_id text not null, unit_id text, zone_id text, severity text not null, state text not null,
  opened_at_ms integer not null, resolved_at_ms integer, incident_json text not null
) strict, without rowid;
create index incident_opened on incident (opened_at_ms, id);
create index incident_state on incident (state, opened_at_ms, id);
create index incident_asset on incident (asset_id, opened_at_ms, id);
create table timeline (
  incident_id text not null references incident (id) on delete cascade, number integer not null, at_ms integer not null,
  recorded_at_ms integer not null, kind text not null, actor text not null, text text not null,
  primary key (incident_id, number)
) strict, without rowid;

create table outbox (
  number integer primary key, id text not null unique, route_id text not null, incident_id text not null, notice text not null,
  incident_json text not null, created_at_ms integer not null, state text not null, tries integer not null,
  next_try_at_ms integer not null, last_error text, finished_at_ms integer
) strict;
create index outbox_incident on outbox (incident_id, number);
create index outbox_due on outbox (next_try_at_ms) where state = 'waiting';
create index outbox_finished on outbox (finished_at_ms) where finished_at_ms is not null;

create table agent (id text primary key, public_key text not null unique, record_json text not null) strict;
create table join_token (
  hash text primary key, zone_id text, labels_json text not null, uses_left integer not null,
  expires_at_ms integer not null, created_at_ms integer not null
) strict;
create table declaration (
  version integer primary key, applied_at_ms integer not null, applied_by text not null, source text not null, text text not null
) strict;
create table maintenance (id text primary key, from_ms integer not null, window_json text not null) strict;
create table setting (name text primary key, value text not null) strict, without rowid;
`;

const joinTokens = `
alter table join_token add column needs_approval integer not null default 0;
alter table join_token add column revoked_at_ms integer;
`;

// Rows from before stay without: what was never summed cannot be said to be right or wrong.
const sums = `
alter table frame add column frame_sum integer;
alter table frame_latest add column frame_latest_sum integer;
alter table dictionary add column dictionary_sum integer;
alter table result add column result_sum integer;
alter table result_latest add column result_latest_sum integer;
alter table gap add column gap_sum integer;
alter table inventory add column inventory_sum integer;
alter table position add column position_sum integer;
alter table entity add column entity_sum integer;
alter table span add column span_sum integer;
alter table correction add column correction_sum integer;
alter table incident add column incident_sum integer;
alter table timeline add column timeline_sum integer;
alter table outbox add column outbox_sum integer;
alter table agent add column agent_sum integer;
alter table join_token add column join_token_sum integer;
alter table declaration add column declaration_sum integer;
alter table maintenance add column maintenance_sum integer;
alter table setting add column setting_sum integer;
alter table declaration add column text_sum integer;
`;

// Of rows from before it is not known.
const arrivals = `
alter table outbox add column may_have_arrived integer;
`;

/** All steps, in order. Forward only: an older program refuses a newer file (STORE_TOO_NEW). */
export const migrations: readonly Migration[] = [
  { number: 1, name: 'first', sql: first },
  { number: 2, name: 'join tokens are approved and revoked', sql: joinTokens },
  { number: 3, name: 'checksums of rows', sql: sums },
  { number: 4, name: 'whether a notification may have arrived', sql: arrivals },
];

/** SHA-256 of the statement text, hex. */
export const checksumOf = (migration: Migration): string => createHash('sha256').update(migration.sql).digest('hex');
