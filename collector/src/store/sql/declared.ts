import type { Kysely, Selectable } from 'kysely';
import type { DeclarationVersion, PageRequest, Store, StoredEntity, StoredMaintenance } from '../port.ts';
import { decodeCursor, pageOf, rowsToRead } from './cursor.ts';
import { fromJson, toJson } from './json.ts';
import type { Tables } from './tables.ts';

type DeclaredQueries = Pick<
  Store,
  'entities' | 'declaration' | 'declarations' | 'saveDeclaration' | 'maintenance' | 'saveMaintenance' | 'setting' | 'saveSetting'
>;

/** What people declared, the collector's own settings, and the engine's state. */
export const declaredQueries = (db: Kysely<Tables>): DeclaredQueries => ({
  entities: async () => {
    const rows = await db.selectFrom('entity').selectAll().orderBy('entity').orderBy('id').execute();
    return rows.map((row): StoredEntity => ({ entity: row.entity, id: row.id, value: fromJson<unknown>(row.value_json) }));
  },

  declaration: async () => {
    const row = await db.selectFrom('declaration').selectAll().orderBy('version', 'desc').limit(1).executeTakeFirst();
    return row === undefined ? null : { ...headOf(row), text: row.text };
  },

  declarations: async (page: PageRequest) => {
    const key = decodeCursor(page.cursor, ['number']);
    let query = db.selectFrom('declaration').select(['version', 'applied_at_ms', 'applied_by', 'source']);
    if (key !== null) query = query.where('version', '<', Number(key[0]));
    const rows = await query.orderBy('version', 'desc').limit(rowsToRead(page)).execute();
    return pageOf(rows, page, headOf, (row) => [row.version]);
  },

  saveDeclaration: (declaration: Omit<DeclarationVersion, 'version'>) =>
    db.transaction().execute(async (tx) => {
      const last = await tx
        .selectFrom('declaration')
        .select((eb) => eb.fn.max('version').as('version'))
        .executeTakeFirst();
      const version = (last?.version ?? 0) + 1;
      const { appliedAtMs, appliedBy, source, text } = declaration;
      await tx
        .insertInto('declaration')
        .values({ version, applied_at_ms: appliedAtMs, applied_by: appliedBy, source, text })
        .execute();
      return { version, appliedAtMs, appliedBy, source, text };
    }),

  maintenance: async () => {
    const rows = await db.selectFrom('maintenance').select('window_json').orderBy('from_ms').orderBy('id').execute();
    return rows.map((row) => fromJson<StoredMaintenance>(row.window_json));
  },

  saveMaintenance: async (window: StoredMaintenance) => {
    const columns = { from_ms: window.fromMs, window_json: toJson(window) };
    await db
      .insertInto('maintenance')
      .values({ id: window.id, ...columns })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
      .execute();
  },

  setting: async (name: string) => {
    const row = await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
    return row?.value ?? null;
  },

  saveSetting: async (name: string, value: string) => {
    await db
      .insertInto('setting')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute();
  },
});

const headOf = (row: Omit<Selectable<Tables['declaration']>, 'text'>): Omit<DeclarationVersion, 'text'> => ({
  version: row.version,
  appliedAtMs: row.applied_at_ms,
  appliedBy: row.applied_by,
  source: row.source,
});
