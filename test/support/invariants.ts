import { join } from 'node:path';
import { expect } from 'vitest';
import { openHandle, type SqliteHandle } from '../../collector/src/store/sqlite/dialect.ts';

/** What agents were told is stored: all frames of a run up to a number. */
export interface AcknowledgedRun {
  readonly agentId: string;
  readonly bootId: number;
  /** All from 0 to this one were acknowledged; -1 for none. */
  readonly lastSeq: number;
}

/** The instants of an incident that nothing may move. */
export interface IncidentInstants {
  readonly id: string;
  readonly openedAtMs: number;
  readonly faultFromMs: number;
}

/**
 * What must hold of the stored data whatever happened. All is read in one transaction, so that the collector may go on meanwhile.
 * @param dataFolder folder of the database
 */
export const expectInvariants = (
  dataFolder: string,
  runs: readonly AcknowledgedRun[],
  incidents: readonly IncidentInstants[] = [],
): void => {
  const handle = openHandle(join(dataFolder, 'jiwei.db'), { busyMs: 5_000 });
  try {
    handle.exec('begin');
    expect(handle.prepare('pragma integrity_check').all([])).toMatchObject([{ integrity_check: 'ok' }]);
    for (const run of runs) expectAcknowledged(handle, run);
    expect(handle.prepare(repeatedResults).all([]), 'no answer of an agent counts twice').toEqual([]);
    expectSpans(handle);
    expectIncidents(handle, incidents);
    expectTold(handle);
  } finally {
    handle.close();
  }
};

const expectAcknowledged = (handle: SqliteHandle, { agentId, bootId, lastSeq }: AcknowledgedRun): void => {
  const rows = handle.prepare('select * from frame where agent_id = ? and boot_id = ? order by seq').all([agentId, bootId]);
  const stored = rows.map((row) => Number(row['seq']));
  expect(stored.length, `${agentId}: frames stored`).toBeGreaterThan(lastSeq);
  expect(stored, `${agentId}: each frame once, none missing`).toEqual(Array.from({ length: stored.length }, (_, seq) => seq));
  const [position] = handle.prepare('select * from position where agent_id = ?').all([agentId]);
  expect(position, `${agentId}: the position is that of its last frame`).toMatchObject({
    boot_id: bootId,
    seq: stored.length - 1,
  });
};

const repeatedResults =
  'select check_id, agent_id, observed_at_ms from result group by check_id, agent_id, observed_at_ms having count(*) > 1';

/** Of every subject: no overlap and no hole, only the last one open; so the parts of any range sum up to it. */
const expectSpans = (handle: SqliteHandle): void => {
  const rows = handle.prepare('select * from span order by subject_kind, subject_id, from_ms').all([]);
  const bySubject = Map.groupBy(rows, (row) => `${row['subject_kind']} ${row['subject_id']}`);
  for (const [subject, spans] of bySubject) {
    const ends = spans.map((span) => span['to_ms']);
    expect(ends, `${subject}: every span ends where the next begins`).toEqual([
      ...spans.slice(1).map((span) => span['from_ms']),
      Number.MAX_SAFE_INTEGER,
    ]);
  }
};

const expectIncidents = (handle: SqliteHandle, remembered: readonly IncidentInstants[]): void => {
  const found = handle
    .prepare('select * from incident')
    .all([])
    .map(
      (row) => JSON.parse(String(row['incident_json'])) as IncidentInstants & { assetId: string; problem: string; state: string },
    );
  const open = found.filter((incident) => incident.state !== 'resolved').map(({ assetId, problem }) => `${assetId} ${problem}`);
  expect(new Set(open).size, 'at most one incident is open per asset and problem').toBe(open.length);
  for (const one of remembered) {
    const { openedAtMs, faultFromMs } = one;
    expect(
      found.find(({ id }) => id === one.id),
      one.id,
    ).toMatchObject({ openedAtMs, faultFromMs });
  }
  const timelines = Map.groupBy(
    handle.prepare('select * from timeline order by incident_id, number').all([]),
    (row) => row['incident_id'],
  );
  for (const [id, entries] of timelines) {
    expect(
      entries.map((entry) => entry['number']),
      `timeline of ${id}`,
    ).toEqual(entries.map((_, index) => index + 1));
  }
};

/** Of every round of every incident over every route: who may have heard an alarm is told its end, and what is over has one. */
const expectTold = (handle: SqliteHandle): void => {
  const resolved = handle.prepare("select id from incident where state = 'resolved'").all([]);
  const isOver = new Set(resolved.map((row) => row['id']));
  const notices = handle.prepare('select * from outbox order by number').all([]);
  for (const [lane, rows] of Map.groupBy(notices, (row) => `${row['incident_id']} over ${row['route_id']}`)) {
    let isOpen = false;
    let mayBeHeard = false;
    for (const row of rows) {
      if (row['notice'] !== 'resolved') {
        isOpen = true;
        mayBeHeard ||= row['may_have_arrived'] !== 0;
        continue;
      }
      expect(mayBeHeard && row['state'] === 'dropped', `${lane}: the end of what may have been heard is dropped`).toBe(false);
      isOpen = false;
      mayBeHeard = false;
    }
    expect(isOpen && isOver.has(rows[0]?.['incident_id']), `${lane}: over, and without an end`).toBe(false);
  }
};
