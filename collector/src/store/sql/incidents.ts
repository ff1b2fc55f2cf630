import type { IncidentId } from '@jiwei/shared/ids.ts';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { TimelineEntry } from '../../engine/incident.ts';
import type { IncidentFilter, PageRequest, Store } from '../port.ts';
import { storedIncident } from '../shapes.ts';
import { decodeCursor, pageOf, rowsToRead } from './cursor.ts';
import { fromJson } from './json.ts';
import type { Tables } from './tables.ts';

type IncidentQueries = Pick<Store, 'incident' | 'incidents' | 'timeline'>;

/** Incidents and what happened to them. */
export const incidentQueries = (db: Kysely<Tables>): IncidentQueries => ({
  incident: async (id: IncidentId) => {
    const row = await db.selectFrom('incident').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : fromJson(row.incident_json, storedIncident, `incident ${row.id}`);
  },

  incidents: async (filter: IncidentFilter, page: PageRequest) => {
    const key = decodeCursor(page.cursor, ['number', 'string']);
    // An empty list of wanted states or severities means none; "in ()" is not standard SQL.
    if (filter.states?.length === 0 || filter.severities?.length === 0) return { items: [], next: null };
    let query = db.selectFrom('incident').selectAll();
    if (filter.states !== undefined) query = query.where('state', 'in', filter.states);
    if (filter.severities !== undefined) query = query.where('severity', 'in', filter.severities);
    if (filter.assetId !== undefined) query = query.where('asset_id', '=', filter.assetId);
    if (filter.unitId !== undefined) query = query.where('unit_id', '=', filter.unitId);
    if (filter.zoneId !== undefined) query = query.where('zone_id', '=', filter.zoneId);
    if (filter.opened !== undefined) {
      query = query.where('opened_at_ms', '>=', filter.opened.fromMs).where('opened_at_ms', '<', filter.opened.toMs);
    }
    if (key !== null) query = query.where(sql<boolean>`(opened_at_ms, id) < (${key[0]}, ${key[1]})`);
    const rows = await query.orderBy('opened_at_ms', 'desc').orderBy('id', 'desc').limit(rowsToRead(page)).execute();
    return pageOf(
      rows,
      page,
      (row) => fromJson(row.incident_json, storedIncident, `incident ${row.id}`),
      (row) => [row.opened_at_ms, row.id],
    );
  },

  timeline: async (id: IncidentId) => {
    const rows = await db.selectFrom('timeline').selectAll().where('incident_id', '=', id).orderBy('number').execute();
    return rows.map(entryOf);
  },
});

const entryOf = (row: Selectable<Tables['timeline']>): TimelineEntry => ({
  incidentId: row.incident_id,
  number: row.number,
  atMs: row.at_ms,
  recordedAtMs: row.recorded_at_ms,
  kind: row.kind,
  actor: row.actor,
  text: row.text,
});
