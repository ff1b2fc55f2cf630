import type { AgentId, BootId } from '@jiwei/shared/ids.ts';
import type { InventoryBody } from '@jiwei/shared/protocol/control.ts';
import type { TimeRange } from '@jiwei/shared/time.ts';
import type { Kysely, Selectable } from 'kysely';
import type { Store, StoredFrame } from '../port.ts';
import { storedGap, storedInventory } from '../shapes.ts';
import { fromJson } from './json.ts';
import type { Tables } from './tables.ts';

type FrameQueries = Pick<Store, 'positions' | 'latestFrames' | 'dictionaries' | 'frames' | 'gaps' | 'inventory'>;

const frameOf = (row: Selectable<Tables['frame']>): StoredFrame => ({
  agentId: row.agent_id,
  bootId: row.boot_id,
  seq: row.seq,
  receivedAtMs: row.received_at_ms,
  firstAtMs: row.first_at_ms,
  lastAtMs: row.last_at_ms,
  clockOffsetMs: row.clock_offset_ms,
  body: row.body,
});

/** The join of the newest frames reads two columns of this table only; here they are compared with their checksums. */
const compareSums = (db: Kysely<Tables>): Promise<unknown> => db.selectFrom('frame_latest').selectAll().execute();

/** What agents sent, as it came. */
export const frameQueries = (db: Kysely<Tables>): FrameQueries => ({
  positions: async () => {
    const rows = await db.selectFrom('position').selectAll().orderBy('agent_id').execute();
    return rows.map((row) => ({ agentId: row.agent_id, bootId: row.boot_id, seq: row.seq }));
  },

  latestFrames: async () => {
    await compareSums(db);
    const rows = await db
      .selectFrom('frame_latest as latest')
      .innerJoin('frame', (join) =>
        join
          .onRef('frame.agent_id', '=', 'latest.agent_id')
          .onRef('frame.boot_id', '=', 'latest.boot_id')
          .onRef('frame.seq', '=', 'latest.seq'),
      )
      .selectAll('frame')
      .orderBy('frame.agent_id')
      .execute();
    return rows.map(frameOf);
  },

  dictionaries: async (agentId: AgentId, bootId: BootId) => {
    const rows = await db
      .selectFrom('dictionary')
      .selectAll()
      .where('agent_id', '=', agentId)
      .where('boot_id', '=', bootId)
      .orderBy('first_index')
      .execute();
    return rows.map((row) => ({ agentId: row.agent_id, bootId: row.boot_id, firstIndex: row.first_index, bytes: row.bytes }));
  },

  frames: async (agentId: AgentId, range: TimeRange, frameCountMax: number) => {
    const latest = await db.selectFrom('frame_latest').selectAll().where('agent_id', '=', agentId).executeTakeFirst();
    if (latest === undefined) return [];
    const rows = await db
      .selectFrom('frame')
      .selectAll()
      .where('agent_id', '=', agentId)
      .where('last_at_ms', '>=', range.fromMs)
      .where('first_at_ms', '<', range.toMs)
      // A frame that begins before the range ends, ends at most the longest stretch of rows later: so the index range has two ends.
      .where('last_at_ms', '<', Math.min(range.toMs + latest.rows_ms_max, Number.MAX_SAFE_INTEGER))
      .orderBy('last_at_ms')
      .orderBy('boot_id')
      .orderBy('seq')
      .limit(frameCountMax)
      .execute();
    return rows.map(frameOf);
  },

  gaps: async (agentId: AgentId, range: TimeRange) => {
    const rows = await db
      .selectFrom('gap')
      .selectAll()
      .where('agent_id', '=', agentId)
      .where('to_ms', '>=', range.fromMs)
      .where('from_ms', '<', range.toMs)
      .orderBy('from_ms')
      .orderBy('id')
      .execute();
    return rows.map((row) => fromJson(row.body_json, storedGap, `gap ${row.id}`));
  },

  inventory: async (agentId: AgentId) => {
    const row = await db.selectFrom('inventory').selectAll().where('agent_id', '=', agentId).executeTakeFirst();
    return row === undefined ? null : { atMs: row.at_ms, body: inventoryOf(row) };
  },
});

const inventoryOf = (row: Selectable<Tables['inventory']>): InventoryBody =>
  fromJson(row.body_json, storedInventory, `inventory of ${row.agent_id}`);
