import { AppError } from '@jiwei/shared/errors.ts';
import type { Kysely, Selectable } from 'kysely';
import { z } from 'zod';
import type { DeclarationVersion, PageRequest, Store, StoredEntity, StoredMaintenance } from '../port.ts';
import { storedMaintenance } from '../shapes.ts';
import { decodeCursor, pageOf, rowsToRead } from './cursor.ts';
import { fromJson, toJson } from './json.ts';
import { sumOfValues, textMisfit, withSum } from './row-sum.ts';
import type { Tables } from './tables.ts';

type DeclaredQueries = Pick<
  Store,
  'entities' | 'declaration' | 'declarations' | 'saveDeclaration' | 'maintenance' | 'saveMaintenance' | 'setting' | 'saveSetting'
>;

/** What people declared, the collector's own settings, and the engine's state. */
export const declaredQueries = (db: Kysely<Tables>): DeclaredQueries => ({
  entities: async () => {
    const rows = await db.selectFrom('entity').selectAll().orderBy('entity').orderBy('id').execute();
    return rows.map(entityOf);
  },

  declaration: async (version?: number) => {
    const newest = db.selectFrom('declaration').selectAll().orderBy('version', 'desc').limit(1);
    const row = await (version === undefined ? newest : newest.where('version', '=', version)).executeTakeFirst();
    if (row === undefined) return null;
    return { ...headOf(row), text: checkedText(row) };
  },

  declarations: async (page: PageRequest) => {
    const key = decodeCursor(page.cursor, ['number']);
    let query = db
      .selectFrom('declaration')
      .select(['version', 'applied_at_ms', 'applied_by', 'source', 'text_sum', 'declaration_sum']);
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
      const head = { version, applied_at_ms: appliedAtMs, applied_by: appliedBy, source };
      await tx
        .insertInto('declaration')
        .values({ ...withSum('declaration', { ...head, text_sum: sumOfValues([text]) }), text })
        .execute();
      return { version, appliedAtMs, appliedBy, source, text };
    }),

  maintenance: async () => {
    const rows = await db.selectFrom('maintenance').selectAll().orderBy('from_ms').orderBy('id').execute();
    return rows.map((row) => fromJson(row.window_json, storedMaintenance, `maintenance ${row.id}`));
  },

  saveMaintenance: (windows: readonly StoredMaintenance[]) =>
    db.transaction().execute(async (tx) => {
      for (const window of windows) await putWindow(tx, window);
    }),

  setting: async (name: string) => {
    const row = await db.selectFrom('setting').selectAll().where('name', '=', name).executeTakeFirst();
    return row?.value ?? null;
  },

  saveSetting: async (name: string, value: string) => {
    const { name: _name, ...columns } = withSum('setting', { name, value });
    await db
      .insertInto('setting')
      .values({ name, ...columns })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(columns))
      .execute();
  },
});

const putWindow = async (db: Kysely<Tables>, window: StoredMaintenance): Promise<void> => {
  const row = { id: window.id, from_ms: window.fromMs, window_json: toJson(window) };
  const { id, ...columns } = withSum('maintenance', row);
  await db
    .insertInto('maintenance')
    .values({ id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute();
};

const entityOf = ({ entity, id, value_json }: Selectable<Tables['entity']>): StoredEntity => ({
  entity,
  id,
  value: fromJson(value_json, z.unknown(), `${entity} ${id}`),
});

const checkedText = (row: Selectable<Tables['declaration']>): string => {
  const misfit = textMisfit(row);
  if (misfit !== null) throw new AppError('STORE_CORRUPT', `store: ${misfit}; restore the last backup (collector restore)`);
  return row.text;
};

const headOf = (
  row: Omit<Selectable<Tables['declaration']>, 'text' | 'declaration_sum' | 'text_sum'>,
): Omit<DeclarationVersion, 'text'> => ({
  version: row.version,
  appliedAtMs: row.applied_at_ms,
  appliedBy: row.applied_by,
  source: row.source,
});
