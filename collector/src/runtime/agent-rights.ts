import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { fingerprintOf } from '@jiwei/shared/protocol/handshake.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Links } from '../ingest/host.ts';
import type { AgentRecord, JoinToken, Store } from '../store/port.ts';
import { newJoinToken, tokenHash, tokenIdOf } from './admission.ts';
import type { Directory } from './directory.ts';
import type { CollectorService } from './service.ts';

export interface AgentRightsOptions {
  readonly store: Store;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  links(): Links;
  /** Puts a changed set of agents in force; resolves after its commit. */
  reconfigure(): Promise<void>;
  onAgentGone(agentId: AgentId): void;
}

export type AgentRights = Pick<
  CollectorService,
  'createJoinToken' | 'joinTokens' | 'revokeJoinToken' | 'approveAgent' | 'refuseAgent' | 'revokeAgent' | 'rekeyAgent'
>;

/** What people decide about who may connect. */
export const createAgentRights = (options: AgentRightsOptions): AgentRights => {
  const { store, directory, clock, log } = options;

  const find = (id: AgentId): AgentRecord => {
    const record = directory.agent(id);
    if (record === null) throw new AppError('NOT_FOUND', `no agent has the id ${id}`);
    if (record.revokedAtMs !== null) throw new AppError('CONFLICT', `agent ${id} is revoked already`);
    return record;
  };
  const findPending = (id: AgentId): AgentRecord => {
    const record = find(id);
    if (record.pendingSinceMs === undefined) throw new AppError('CONFLICT', `agent ${id} does not wait for approval`);
    return record;
  };
  /** The directory first: an agent that is just being looked up must not write its old record over this one. */
  const put = async (record: AgentRecord): Promise<void> => {
    directory.setAgent(record);
    await store.saveAgent(record);
    await options.reconfigure();
  };
  const revoke = async (record: AgentRecord): Promise<void> => {
    const revoked = { ...record, revokedAtMs: clock.nowMs() };
    directory.setAgent(revoked);
    options.links().disconnect(record.id, 'AGENT_REVOKED', 'the key of this agent was revoked');
    options.onAgentGone(record.id);
    await put(revoked);
    log.info({ agentId: record.id, key: fingerprintOf(record.publicKey) }, 'agent revoked');
  };

  return {
    createJoinToken: async ({ zoneId, labels, usesLeft, lifetimeMs, needsApproval = false }) => {
      if (zoneId !== null && !directory.config.zones.has(zoneId)) throw new AppError('NOT_FOUND', `no zone has the id ${zoneId}`);
      const token = newJoinToken();
      const createdAtMs = clock.nowMs();
      const stored: JoinToken = {
        ...{ hash: tokenHash(token), zoneId, labels, usesLeft, needsApproval },
        ...{ createdAtMs, expiresAtMs: createdAtMs + lifetimeMs, revokedAtMs: null },
      };
      await store.saveJoinToken(stored);
      log.info(
        { tokenId: tokenIdOf(stored), zoneId, usesLeft, expiresAtMs: stored.expiresAtMs, needsApproval },
        'join token made',
      );
      return { id: tokenIdOf(stored), token, expiresAtMs: stored.expiresAtMs };
    },
    joinTokens: () => store.joinTokens(),
    revokeJoinToken: async (id) => {
      const found = (await store.joinTokens()).find((token) => tokenIdOf(token) === id);
      const revoked = found === undefined ? null : await store.revokeJoinToken(found.hash, clock.nowMs());
      if (revoked === null) throw new AppError('NOT_FOUND', `no join token has the id ${id}`);
      log.info({ tokenId: id }, 'join token revoked');
      return revoked;
    },
    approveAgent: async (id) => {
      const { pendingSinceMs: _, ...approved } = findPending(id);
      await put(approved);
      log.info({ agentId: id, key: fingerprintOf(approved.publicKey) }, 'agent approved');
    },
    refuseAgent: async (id) => revoke(findPending(id)),
    revokeAgent: async (id) => revoke(find(id)),
    rekeyAgent: async (id) => {
      find(id);
      const isConnected = options
        .links()
        .sessions()
        .some((session) => session.agentId === id);
      if (!isConnected) throw new AppError('CONFLICT', `agent ${id} is not connected; run "agent rekey" on its host instead`);
      options.links().rekey(id);
    },
  };
};
