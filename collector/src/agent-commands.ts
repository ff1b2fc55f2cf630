import { visible } from '@jiwei/shared/plain-text.ts';
import { z } from 'zod';
import { call } from './commands.ts';
import type { AgentAct, CalledCollector } from './options.ts';

const agentsSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      hostname: z.string(),
      lastAddress: z.string().nullable(),
      connection: z.string(),
      revokedAtMs: z.int().nullable(),
      pendingSinceMs: z.int().nullable(),
      keyFingerprint: z.string(),
    }),
  ),
  next: z.string().nullable(),
});
const tokensSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      state: z.string(),
      zoneId: z.string().nullable(),
      usesLeft: z.int(),
      needsApproval: z.boolean(),
      expiresAtMs: z.int(),
    }),
  ),
  next: z.string().nullable(),
});

/** Pages of one list that a command reads at most: more agents than a collector takes. */
const pagesMax = 100;

type Target = CalledCollector & { readonly environmentToken: string | null };

const listAll = async <Item>(
  target: Target,
  path: string,
  schema: z.ZodType<{ readonly items: Item[]; readonly next: string | null }>,
): Promise<readonly Item[]> => {
  const items: Item[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pagesMax; page += 1) {
    const query: URLSearchParams = new URLSearchParams({ limit: '1000', ...(cursor === null ? {} : { cursor }) });
    const answer = schema.parse(await call(target, target.environmentToken, 'GET', `${path}?${query}`, 'application/json', null));
    items.push(...answer.items);
    cursor = answer.next;
    if (cursor === null) break;
  }
  return items;
};

/** What agents say of themselves must not look like another line, or another agent's. */
const lineOf = (fields: readonly string[]): string => fields.map(visible).join('\t');

/** `collector agents`: @returns a line for each, with state, key and where it came from */
export const listAgents = async (target: Target): Promise<string> => {
  const agents = await listAll(target, '/api/v1/agents', agentsSchema);
  const stateOf = (agent: (typeof agents)[number]): string => {
    if (agent.revokedAtMs !== null) return 'revoked';
    return agent.pendingSinceMs === null ? agent.connection : 'pending';
  };
  const line = (agent: (typeof agents)[number]): string =>
    lineOf([agent.id, stateOf(agent), agent.keyFingerprint, agent.hostname, agent.lastAddress ?? '-']);
  return ['ID\tSTATE\tKEY\tHOST\tADDRESS', ...agents.map(line)].join('\n');
};

/** `collector agents approve|refuse|revoke|rekey ID`: @returns what was done */
export const actOnAgent = async (target: Target, act: AgentAct, id: string): Promise<string> => {
  const path = `/api/v1/agents/${encodeURIComponent(id)}/${act}`;
  await call(target, target.environmentToken, 'POST', path, 'application/json', null);
  const done = { approve: 'approved', refuse: 'refused', revoke: 'revoked', rekey: 'asked for a new key' } as const;
  return `agent ${id} is ${done[act]}`;
};

/** `collector join-tokens`: @returns a line for each; the tokens themselves are not kept anywhere */
export const listJoinTokens = async (target: Target): Promise<string> => {
  const tokens = await listAll(target, '/api/v1/join-tokens', tokensSchema);
  const lines = tokens.map((token) =>
    lineOf([
      ...[token.id, token.state, `${token.usesLeft} left`, `until ${new Date(token.expiresAtMs).toISOString()}`],
      ...[token.zoneId ?? 'any zone', token.needsApproval ? 'needs approval' : 'no approval'],
    ]),
  );
  return ['ID\tSTATE\tUSES\tEXPIRES\tZONE\tAPPROVAL', ...lines].join('\n');
};

/** `collector join-tokens revoke ID`: @returns what was done */
export const revokeJoinToken = async (target: Target, id: string): Promise<string> => {
  const path = `/api/v1/join-tokens/${encodeURIComponent(id)}/revoke`;
  await call(target, target.environmentToken, 'POST', path, 'application/json', null);
  return `join token ${id} is revoked`;
};
