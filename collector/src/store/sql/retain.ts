import type { EpochMs } from '@jiwei/shared/time.ts';
import { type Kysely, sql } from 'kysely';
import type { Store } from '../port.ts';
import type { Tables } from './tables.ts';

interface Step {
  readonly table: keyof Tables;
  /** Deletes at most `rowCountMax` rows older than `beforeMs`; returns how many. */
  readonly remove: (db: Kysely<Tables>, beforeMs: EpochMs, rowCountMax: number) => Promise<number>;
}

const count = (deleted: { readonly numDeletedRows: bigint }): number => Number(deleted.numDeletedRows);

const frameSteps: readonly Step[] = [
  // Ids grow in the order of coming in, which is nearly that of age: the oldest are found without an index on time, which would cost every
  // insertion. A row that came late waits behind younger ones, at most as long as data may be late.
  { table: 'frame', remove: (db, beforeMs, max) => removeOldest(db, 'frame', 'last_at_ms', beforeMs, max) },
  {
    // A dictionary goes when its boot is over (the agent has a later one) and none of its frames is left.
    table: 'dictionary',
    remove: async (db, _beforeMs, rowCountMax) => {
      const unused = await db
        .selectFrom('dictionary as d')
        .innerJoin('position as p', 'p.agent_id', 'd.agent_id')
        .select(['d.agent_id', 'd.boot_id', 'd.first_index'])
        .whereRef('d.boot_id', '<', 'p.boot_id')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('frame as f')
                .select('f.seq')
                .whereRef('f.agent_id', '=', 'd.agent_id')
                .whereRef('f.boot_id', '=', 'd.boot_id'),
            ),
          ),
        )
        .limit(rowCountMax)
        .execute();
      let deleted = 0;
      for (const { agent_id, boot_id, first_index } of unused) {
        const query = db.deleteFrom('dictionary').where('agent_id', '=', agent_id).where('boot_id', '=', boot_id);
        deleted += count(await query.where('first_index', '=', first_index).executeTakeFirstOrThrow());
      }
      return deleted;
    },
  },
];

const historySteps: readonly Step[] = [
  { table: 'result', remove: (db, beforeMs, max) => removeOldest(db, 'result', 'observed_at_ms', beforeMs, max) },
  { table: 'gap', remove: (db, beforeMs, max) => removeOldest(db, 'gap', 'received_at_ms', beforeMs, max) },
  { table: 'correction', remove: (db, beforeMs, max) => removeOldest(db, 'correction', 'at_ms', beforeMs, max) },
  {
    table: 'span',
    remove: async (db, beforeMs, rowCountMax) => {
      const old = await db
        .selectFrom('span')
        .select(['subject_kind', 'subject_id', 'from_ms'])
        .where('to_ms', '<=', beforeMs)
        // In the order of ending, so that what stays of a subject has no hole.
        .orderBy('to_ms')
        .limit(rowCountMax)
        .execute();
      let deleted = 0;
      for (const { subject_kind, subject_id, from_ms } of old) {
        const query = db.deleteFrom('span').where('subject_kind', '=', subject_kind).where('subject_id', '=', subject_id);
        deleted += count(await query.where('from_ms', '=', from_ms).executeTakeFirstOrThrow());
      }
      return deleted;
    },
  },
  {
    // Those of an incident go together: whether its end is told depends on whether its beginning may have been.
    table: 'outbox',
    remove: async (db, beforeMs, rowCountMax) => {
      const old = db
        .selectFrom('outbox as o')
        .select('o.number')
        .where('o.finished_at_ms', '<', beforeMs)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('outbox as w')
                .select('w.number')
                .whereRef('w.incident_id', '=', 'o.incident_id')
                .where('w.state', '=', 'waiting'),
            ),
          ),
        )
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('incident as i')
                .select('i.id')
                .whereRef('i.id', '=', 'o.incident_id')
                .where('i.state', '!=', 'resolved'),
            ),
          ),
        )
        .limit(rowCountMax);
      return count(await db.deleteFrom('outbox').where('number', 'in', old).executeTakeFirstOrThrow());
    },
  },
  {
    // The timeline goes with its incident (foreign key); an incident that is not resolved stays, however old.
    table: 'incident',
    remove: async (db, beforeMs, rowCountMax) => {
      const old = db
        .selectFrom('incident')
        .select('id')
        .where('state', '=', 'resolved')
        .where('opened_at_ms', '<', beforeMs)
        .where('resolved_at_ms', '<', beforeMs)
        .orderBy('opened_at_ms')
        .limit(rowCountMax);
      return count(await db.deleteFrom('incident').where('id', 'in', old).executeTakeFirstOrThrow());
    },
  },
];

const removeOldest = async (
  db: Kysely<Tables>,
  table: 'frame' | 'result' | 'gap' | 'correction',
  column: string,
  beforeMs: EpochMs,
  rowCountMax: number,
): Promise<number> => {
  const [name, time] = [sql.table(table), sql.ref(column)];
  const result = await sql`delete from ${name} where id in (
    select id from (select id, ${time} as at_ms from ${name} order by id limit ${rowCountMax}) as oldest where at_ms < ${beforeMs}
  )`.execute(db);
  return Number(result.numAffectedRows ?? 0n);
};

/** Each table is one transaction, and the tables share the bound: a call holds the writer up for a moment only. */
export const retainQueries = (db: Kysely<Tables>): Pick<Store, 'retain'> => ({
  retain: async ({ framesBeforeMs, historyBeforeMs }, rowCountMax) => {
    const deleted: Record<string, number> = {};
    let left = rowCountMax;
    const run = async (steps: readonly Step[], beforeMs: EpochMs): Promise<void> => {
      for (const { table, remove } of steps) {
        const rows = left > 0 ? await db.transaction().execute((tx) => remove(tx, beforeMs, left)) : 0;
        left -= rows;
        deleted[table] = rows;
      }
    };
    await run(frameSteps, framesBeforeMs);
    await run(historySteps, historyBeforeMs);
    return deleted;
  },
});
