import { AppError } from '@jiwei/shared/errors.ts';
import type { IncidentId, RouteId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Kysely, Selectable } from 'kysely';
import type { OutboxRecord, Store } from '../port.ts';
import { storedIncident } from '../shapes.ts';
import { fromJson } from './json.ts';
import { withSum } from './row-sum.ts';
import type { Tables } from './tables.ts';

type OutboxQueries = Pick<Store, 'outboxDue' | 'outboxNextAtMs' | 'saveOutbox' | 'outboxOf'>;

/** Notifications on their way. Their order is that of coming in, which is the order the engine decided them in. */
export const outboxQueries = (db: Kysely<Tables>): OutboxQueries => ({
  outboxDue: async (atMs: EpochMs, limit: number, exceptRoutes: readonly RouteId[] = []) => {
    let query = db.selectFrom('outbox').selectAll().where('state', '=', 'waiting').where('next_try_at_ms', '<=', atMs);
    if (exceptRoutes.length > 0) query = query.where('route_id', 'not in', exceptRoutes);
    return (await query.orderBy('number').limit(limit).execute()).map(recordOf);
  },

  outboxNextAtMs: async () => {
    const row = await db
      .selectFrom('outbox')
      .select((eb) => eb.fn.min('next_try_at_ms').as('at_ms'))
      .where('state', '=', 'waiting')
      .executeTakeFirst();
    return row?.at_ms ?? null;
  },

  saveOutbox: async (record: OutboxRecord) => {
    await db.transaction().execute(async (tx) => {
      const row = await tx.selectFrom('outbox').selectAll().where('id', '=', record.id).executeTakeFirst();
      if (row === undefined) throw new AppError('NOT_FOUND', `store: there is no notification ${record.id} to update`);
      const changed = {
        ...row,
        state: record.state,
        tries: record.tries,
        next_try_at_ms: record.nextTryAtMs,
        last_error: record.lastError,
        finished_at_ms: record.finishedAtMs,
        may_have_arrived: Number(record.mayHaveArrived),
      };
      await tx.updateTable('outbox').set(withSum('outbox', changed)).where('id', '=', record.id).execute();
    });
  },

  outboxOf: async (incidentId: IncidentId) =>
    (await db.selectFrom('outbox').selectAll().where('incident_id', '=', incidentId).orderBy('number').execute()).map(recordOf),
});

const recordOf = (row: Selectable<Tables['outbox']>): OutboxRecord => ({
  id: row.id,
  routeId: row.route_id,
  incidentId: row.incident_id,
  notice: row.notice,
  incident: fromJson(row.incident_json, storedIncident, `notification ${row.id}`),
  createdAtMs: row.created_at_ms,
  state: row.state,
  tries: row.tries,
  mayHaveArrived: row.may_have_arrived !== 0,
  nextTryAtMs: row.next_try_at_ms,
  lastError: row.last_error,
  finishedAtMs: row.finished_at_ms,
});
