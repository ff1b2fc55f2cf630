import { AppError } from '@jiwei/shared/errors.ts';
import type { ZoneId } from '@jiwei/shared/ids.ts';
import { dayMs, type EpochMs } from '@jiwei/shared/time.ts';
import type { Kysely, Selectable } from 'kysely';
import type { AgentRecord, JoinToken, Store } from '../port.ts';
import { storedAgent, storedTexts } from '../shapes.ts';
import { fromJson, toJson } from './json.ts';
import { withSum } from './row-sum.ts';
import type { Tables } from './tables.ts';

type AgentQueries = Pick<Store, 'agents' | 'saveAgent' | 'saveJoinToken' | 'joinTokens' | 'revokeJoinToken' | 'enrol'>;

/** Tokens that ended longer ago than this are forgotten when the next one is made. */
const endedTokenMs = 30 * dayMs;

/** Agents and the tokens that let them in. */
export const agentQueries = (db: Kysely<Tables>): AgentQueries => ({
  agents: async () => {
    const rows = await db.selectFrom('agent').selectAll().orderBy('id').execute();
    return rows.map((row) => fromJson(row.record_json, storedAgent, `agent ${row.id}`));
  },

  saveAgent: (agent: AgentRecord) => db.transaction().execute((tx) => saveAgent(tx, agent)),

  saveJoinToken: async (token: JoinToken) => {
    const { hash, ...columns } = withSum('join_token', tokenRow(token));
    await db
      .deleteFrom('join_token')
      .where('expires_at_ms', '<', token.createdAtMs - endedTokenMs)
      .execute();
    await db
      .insertInto('join_token')
      .values({ hash, ...columns })
      .onConflict((conflict) => conflict.column('hash').doUpdateSet(columns))
      .execute();
  },

  joinTokens: async () => {
    const rows = await db.selectFrom('join_token').selectAll().orderBy('created_at_ms', 'desc').orderBy('hash').execute();
    return rows.map(tokenOf);
  },

  revokeJoinToken: (hash, atMs) =>
    db.transaction().execute(async (tx) => {
      const row = await tx.selectFrom('join_token').selectAll().where('hash', '=', hash).executeTakeFirst();
      if (row === undefined) return null;
      const revoked = withSum('join_token', { ...row, revoked_at_ms: row.revoked_at_ms ?? atMs });
      await tx.updateTable('join_token').set(revoked).where('hash', '=', hash).execute();
      return tokenOf(revoked);
    }),

  enrol: (tokenHash: string, atMs: EpochMs, agentOf: (token: JoinToken) => AgentRecord) =>
    db.transaction().execute(async (tx) => {
      const row = await tx.selectFrom('join_token').selectAll().where('hash', '=', tokenHash).executeTakeFirst();
      if (row === undefined || row.uses_left < 1 || row.revoked_at_ms !== null || row.expires_at_ms <= atMs) return null;
      const agent = agentOf(tokenOf(row));
      await refuseTakenId(tx, agent);
      await saveAgent(tx, agent);
      await tx
        .updateTable('join_token')
        .set(withSum('join_token', { ...row, uses_left: row.uses_left - 1 }))
        .where('hash', '=', tokenHash)
        .execute();
      return agent;
    }),
});

const saveAgent = async (tx: Kysely<Tables>, agent: AgentRecord): Promise<void> => {
  const other = await tx
    .selectFrom('agent')
    .select('id')
    .where('public_key', '=', agent.publicKey)
    .where('id', '!=', agent.id)
    .executeTakeFirst();
  if (other !== undefined) {
    throw new AppError(
      'CONFLICT',
      `store: agent ${other.id} already has the key of agent ${agent.id}; every agent needs its own`,
    );
  }
  const { id, ...columns } = withSum('agent', { id: agent.id, public_key: agent.publicKey, record_json: toJson(agent) });
  await tx
    .insertInto('agent')
    .values({ id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute();
};

/** A token registers a new agent; it must not take over the name of another one. */
const refuseTakenId = async (tx: Kysely<Tables>, agent: AgentRecord): Promise<void> => {
  const holder = await tx.selectFrom('agent').select('public_key').where('id', '=', agent.id).executeTakeFirst();
  if (holder !== undefined && holder.public_key !== agent.publicKey) {
    throw new AppError('CONFLICT', `store: the id ${agent.id} belongs to an agent with another key; enrol under another id`);
  }
};

const tokenRow = (token: JoinToken): Omit<Selectable<Tables['join_token']>, 'join_token_sum'> => ({
  hash: token.hash,
  zone_id: token.zoneId,
  labels_json: toJson(token.labels),
  uses_left: token.usesLeft,
  expires_at_ms: token.expiresAtMs,
  created_at_ms: token.createdAtMs,
  needs_approval: token.needsApproval ? 1 : 0,
  revoked_at_ms: token.revokedAtMs,
});

const tokenOf = (row: Selectable<Tables['join_token']>): JoinToken => ({
  hash: row.hash,
  // The column was written from a ZoneId by tokenRow.
  zoneId: row.zone_id as ZoneId | null,
  labels: fromJson(row.labels_json, storedTexts, 'a join token'),
  usesLeft: row.uses_left,
  expiresAtMs: row.expires_at_ms,
  createdAtMs: row.created_at_ms,
  needsApproval: row.needs_approval === 1,
  revokedAtMs: row.revoked_at_ms,
});
