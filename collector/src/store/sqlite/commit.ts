import type { CheckResult } from '@jiwei/shared/check.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { CommitBatch, StoredFrame, StoredResult } from '../port.ts';
import { toJson } from '../sql/json.ts';
import { withSum } from '../sql/row-sum.ts';
import type { Bound } from './bind.ts';
import type { SqliteHandle } from './dialect.ts';
import { writerOf } from './insert.ts';
import { spanWriterOf } from './span-writer.ts';

/** Writes everything of a batch inside the transaction that is open. */
export type BatchWriter = (batch: CommitBatch) => void;

const newerFrame = '(excluded.boot_id, excluded.seq) > ';

/** The hot path: statements are prepared once and every table is written in one go. */
export const batchWriterOf = (handle: SqliteHandle): BatchWriter => {
  const frames = frameWriterOf(handle);
  const results = resultWriterOf(handle);
  const rest = restWriterOf(handle);
  const spans = spanWriterOf(handle);
  return (batch) => {
    frames(batch.frames);
    results(batch.results);
    spans(batch.spans, batch.atMs);
    rest(batch);
  };
};

const frameWriterOf = (handle: SqliteHandle): ((frames: readonly StoredFrame[]) => void) => {
  const insert = writerOf(
    handle,
    'frame',
    ['agent_id', 'boot_id', 'seq', 'received_at_ms', 'first_at_ms', 'last_at_ms', 'clock_offset_ms', 'body'],
    'on conflict (agent_id, boot_id, seq) do nothing',
  );
  const latest = writerOf(
    handle,
    'frame_latest',
    ['agent_id', 'boot_id', 'seq', 'rows_ms_max'],
    'on conflict (agent_id) do update set boot_id = excluded.boot_id, seq = excluded.seq, rows_ms_max = excluded.rows_ms_max',
  );
  // Read and merged here: the checksum of a row that SQL merges would not be known.
  const known = handle.prepare('select * from frame_latest where agent_id = ?');
  return (frames) => {
    insert(frames.map((f) => [f.agentId, f.bootId, f.seq, f.receivedAtMs, f.firstAtMs, f.lastAtMs, f.clockOffsetMs, f.body]));
    latest(latestFrameRows(frames, (agentId) => known.all([agentId])[0] ?? null));
  };
};

/** One row per agent: the newest of all its frames, and the longest stretch of rows among them. */
const latestFrameRows = (
  frames: readonly StoredFrame[],
  knownOf: (agentId: AgentId) => Record<string, unknown> | null,
): readonly (readonly Bound[])[] => {
  const byAgent = new Map<AgentId, { newest: StoredFrame; rowsMsMax: number }>();
  for (const frame of frames) {
    const rowsMs = frame.lastAtMs - frame.firstAtMs;
    const known = byAgent.get(frame.agentId);
    if (known === undefined) {
      byAgent.set(frame.agentId, { newest: frame, rowsMsMax: rowsMs });
      continue;
    }
    known.rowsMsMax = Math.max(known.rowsMsMax, rowsMs);
    const { newest } = known;
    if (frame.bootId > newest.bootId || (frame.bootId === newest.bootId && frame.seq > newest.seq)) known.newest = frame;
  }
  return [...byAgent].map(([agentId, { newest, rowsMsMax }]) => {
    const row = knownOf(agentId);
    const [bootId, seq] = [Number(row?.['boot_id'] ?? -1), Number(row?.['seq'] ?? -1)];
    const isOlder = newest.bootId < bootId || (newest.bootId === bootId && newest.seq < seq);
    return [
      agentId,
      isOlder ? bootId : newest.bootId,
      isOlder ? seq : newest.seq,
      Math.max(rowsMsMax, Number(row?.['rows_ms_max'] ?? 0)),
    ];
  });
};

const resultWriterOf = (handle: SqliteHandle): ((results: readonly StoredResult[]) => void) => {
  const insert = writerOf(handle, 'result', [
    'check_id',
    'agent_id',
    'observed_at_ms',
    'received_at_ms',
    'outcome',
    'reason',
    'latency_ms',
    'run_of_down',
    'run_of_up',
    'method',
    'detail',
    'values_json',
  ]);
  const latest = writerOf(
    handle,
    'result_latest',
    ['check_id', 'agent_id', 'observed_at_ms'],
    `on conflict (check_id, agent_id) do update set observed_at_ms = excluded.observed_at_ms
      where excluded.observed_at_ms > result_latest.observed_at_ms`,
  );
  return (results) => {
    const latestAtMs = new Map<string, readonly [string, string, number]>();
    const rows: (readonly Bound[])[] = [];
    for (const result of results) {
      rows.push(resultRow(result));
      const lane = `${result.checkId}@${result.agentId}`;
      if ((latestAtMs.get(lane)?.[2] ?? -1) < result.observedAtMs) {
        latestAtMs.set(lane, [result.checkId, result.agentId, result.observedAtMs]);
      }
    }
    insert(rows);
    latest([...latestAtMs.values()]);
  };
};

const resultRow = (result: StoredResult): readonly Bound[] => [
  result.checkId,
  result.agentId,
  result.observedAtMs,
  result.receivedAtMs,
  result.outcome,
  result.reason,
  latencyOf(result),
  result.run.ofDown,
  result.run.ofUp,
  result.method ?? null,
  result.detail ?? null,
  valuesJson(result.values),
];

/** An agent may say any finite number; one beyond 2^53 ms (285,000 years) could not be told from an integer that is too large to read back. */
const latencyOf = ({ latencyMs }: StoredResult): number | null =>
  latencyMs === null ? null : Math.min(latencyMs, Number.MAX_SAFE_INTEGER);

const valuesJson = (values: CheckResult['values']): string | null => (values === undefined ? null : toJson(values));

const restWriterOf = (handle: SqliteHandle): BatchWriter => {
  const dictionary = writerOf(
    handle,
    'dictionary',
    ['agent_id', 'boot_id', 'first_index', 'bytes'],
    'on conflict (agent_id, boot_id, first_index) do update set bytes = excluded.bytes',
  );
  const gap = writerOf(handle, 'gap', ['agent_id', 'received_at_ms', 'from_ms', 'to_ms', 'body_json']);
  const inventory = writerOf(
    handle,
    'inventory',
    ['agent_id', 'at_ms', 'body_json'],
    'on conflict (agent_id) do update set at_ms = excluded.at_ms, body_json = excluded.body_json',
  );
  // A position never goes back: if it did, frames already stored would be taken in again.
  const position = writerOf(
    handle,
    'position',
    ['agent_id', 'boot_id', 'seq'],
    `on conflict (agent_id) do update set boot_id = excluded.boot_id, seq = excluded.seq
      where ${newerFrame} (position.boot_id, position.seq)`,
  );
  const entity = writerOf(
    handle,
    'entity',
    ['entity', 'id', 'value_json'],
    'on conflict (entity, id) do update set value_json = excluded.value_json',
  );
  const forget = handle.prepare('delete from entity where entity = ? and id = ?');
  const incidents = incidentWriterOf(handle);
  return (batch) => {
    dictionary(batch.dictionaries.map((d) => [d.agentId, d.bootId, d.firstIndex, d.bytes]));
    gap(batch.gaps.map(({ agentId, receivedAtMs, ...body }) => [agentId, receivedAtMs, body.fromMs, body.toMs, toJson(body)]));
    inventory(batch.inventories.map((i) => [i.agentId, i.atMs, toJson(i.body)]));
    position(batch.positions.map((p) => [p.agentId, p.bootId, p.seq]));
    // In order, one by one: an entity may be changed and forgotten in the same batch.
    for (const { entity: kind, id, value } of batch.entities) {
      if (value === null) forget.run([kind, id]);
      else entity([[kind, id, toJson(value)]]);
    }
    incidents(batch);
  };
};

/** Read and changed here, as the checksum is made of the whole row. */
const outboxDropperOf = (handle: SqliteHandle): BatchWriter => {
  const known = handle.prepare("select * from outbox where id = ? and state = 'waiting'");
  const drop = handle.prepare('update outbox set state = ?, finished_at_ms = ?, outbox_sum = ? where id = ?');
  return ({ outboxDrops, atMs }) => {
    for (const id of outboxDrops) {
      const [row] = known.all([id]);
      if (row === undefined) continue;
      const changed = { state: 'dropped', finished_at_ms: atMs };
      drop.run([changed.state, changed.finished_at_ms, withSum('outbox', { ...row, ...changed }).outbox_sum, id]);
    }
  };
};

const incidentWriterOf = (handle: SqliteHandle): BatchWriter => {
  const incident = writerOf(
    handle,
    'incident',
    ['id', 'asset_id', 'unit_id', 'zone_id', 'severity', 'state', 'opened_at_ms', 'resolved_at_ms', 'incident_json'],
    `on conflict (id) do update set asset_id = excluded.asset_id, unit_id = excluded.unit_id, zone_id = excluded.zone_id,
      severity = excluded.severity, state = excluded.state, opened_at_ms = excluded.opened_at_ms,
      resolved_at_ms = excluded.resolved_at_ms, incident_json = excluded.incident_json`,
  );
  const timeline = writerOf(handle, 'timeline', ['incident_id', 'number', 'at_ms', 'recorded_at_ms', 'kind', 'actor', 'text']);
  const outbox = writerOf(
    handle,
    'outbox',
    [
      'id',
      'route_id',
      'incident_id',
      'notice',
      'incident_json',
      'created_at_ms',
      'state',
      'tries',
      'next_try_at_ms',
      'last_error',
      'finished_at_ms',
      'may_have_arrived',
    ],
    'on conflict (id) do nothing',
  );
  const drop = outboxDropperOf(handle);
  return (batch) => {
    incident(
      batch.incidents.map((i) => [
        i.id,
        i.assetId,
        i.unitId,
        i.zoneId,
        i.severity,
        i.state,
        i.openedAtMs,
        i.resolvedAtMs,
        toJson(i),
      ]),
    );
    timeline(batch.timeline.map((t) => [t.incidentId, t.number, t.atMs, t.recordedAtMs, t.kind, t.actor, t.text]));
    outbox(
      batch.outbox.map((o) => [
        o.id,
        o.routeId,
        o.incidentId,
        o.notice,
        toJson(o.incident),
        o.createdAtMs,
        o.state,
        o.tries,
        o.nextTryAtMs,
        o.lastError,
        o.finishedAtMs,
        Number(o.mayHaveArrived),
      ]),
    );
    drop(batch);
  };
};
