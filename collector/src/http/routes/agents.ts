import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { AgentSessionView } from '../../runtime/service.ts';
import type { AgentRecord } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, instant, isRange, pageOf, pageQuery, queryList, rangeNeeded, rangeQuery } from '../schema.ts';

const connections = ['connected', 'lost', 'never'] as const;

const sessionSchema = z
  .object({
    connectedAtMs: instant,
    address: z.string(),
    bootId: z.int(),
    clockSkewMs: z.number().describe("Agent's clock minus collector's."),
    roundTripMs: z.number().nullable(),
    spoolFrames: z.int().describe('Frames not yet acknowledged.'),
    spoolBytes: z.int(),
    configVersion: z.int().nullable(),
    configErrors: z.array(z.string()),
  })
  .meta({ id: 'AgentSession' });

const agentSchema = z
  .object({
    id: z.string(),
    hostname: z.string(),
    platform: z.string(),
    architecture: z.string(),
    agentVersion: z.string(),
    assetId: z.string().nullable().describe('Asset of the host it runs on; null while it is revoked.'),
    zoneId: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    connection: z.enum(connections),
    sinceMs: instant,
    enrolledAtMs: instant,
    revokedAtMs: instant.nullable(),
    lastSeenAtMs: instant,
    lastAddress: z.string().nullable(),
    session: sessionSchema.nullable().describe('null while it is not connected.'),
  })
  .meta({ id: 'Agent' });

const inventorySchema = z
  .object({
    atMs: instant,
    sections: z.record(z.string(), z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])))),
  })
  .meta({ id: 'Inventory' });

const gapSchema = z
  .object({ fromMs: instant, toMs: instant, frames: z.int(), bytes: z.int(), cause: z.enum(['spool-full', 'spool-damaged']) })
  .meta({ id: 'Gap' });

const agentParams = z.strictObject({ agentId: idText });
const agentQuery = z.strictObject({
  ...pageQuery,
  zoneId: idText.exactOptional(),
  connection: queryList(z.enum(connections), connections.length).exactOptional(),
});

const sessionBody = ({ agentId: _id, ...session }: AgentSessionView): z.input<typeof sessionSchema> => ({
  ...session,
  configErrors: [...session.configErrors],
});

/** GET /agents, one agent, its inventory and gaps; POST its revocation. */
export const agentRoutes = (api: Api, { service }: HttpContext): void => {
  const bodyOf = (record: AgentRecord, session: AgentSessionView | undefined): z.input<typeof agentSchema> => {
    const present = service.view.agent(record.id);
    const entry = service.view.config.agents.get(record.id);
    return {
      id: record.id,
      hostname: record.hostname,
      platform: record.platform,
      architecture: record.architecture,
      agentVersion: record.agentVersion,
      assetId: present?.assetId ?? entry?.assetId ?? null,
      zoneId: entry?.zoneId ?? record.zoneId,
      labels: { ...record.labels },
      connection: present?.connection ?? 'never',
      sinceMs: present?.sinceMs ?? record.enrolledAtMs,
      enrolledAtMs: record.enrolledAtMs,
      revokedAtMs: record.revokedAtMs,
      lastSeenAtMs: record.lastSeenAtMs,
      lastAddress: record.lastAddress,
      session: session === undefined ? null : sessionBody(session),
    };
  };
  const find = async (agentId: string): Promise<AgentRecord> => {
    const record = (await service.store.agents()).find((agent) => agent.id === agentId);
    if (record === undefined) throw new AppError('NOT_FOUND', `agent ${agentId} is not enrolled`);
    return record;
  };
  const sessionOf = (agentId: string) => service.sessions().find((session) => session.agentId === agentId);

  api.get('/agents', {
    config: { permission: 'read' },
    schema: {
      tags: ['agents'],
      summary: 'Enrolled agents with their connection, by id',
      querystring: agentQuery,
      response: answers(pageOf(agentSchema)),
    },
    handler: async (request) => {
      const { zoneId, connection } = request.query;
      const sessions = new Map(service.sessions().map((session) => [session.agentId, session]));
      const agents = (await service.store.agents())
        .map((record) => bodyOf(record, sessions.get(record.id)))
        .filter((agent) => zoneId === undefined || agent.zoneId === zoneId)
        .filter((agent) => connection === undefined || connection.includes(agent.connection));
      return pageOfBodies(pageOfItems(agents, (agent) => agent.id, pageRequestOf(request.query)));
    },
  });

  api.get('/agents/:agentId', {
    config: { permission: 'read' },
    schema: {
      tags: ['agents'],
      summary: 'One agent',
      params: agentParams,
      querystring: z.strictObject({}),
      response: answers(agentSchema, 404),
    },
    handler: async (request) => {
      const record = await find(request.params.agentId);
      return bodyOf(record, sessionOf(record.id));
    },
  });

  api.get('/agents/:agentId/inventory', {
    config: { permission: 'read' },
    schema: {
      tags: ['agents'],
      summary: 'Hardware and software of its host, as it last told',
      params: agentParams,
      querystring: z.strictObject({}),
      response: answers(inventorySchema, 404),
    },
    handler: async (request) => {
      const { agentId } = request.params;
      const inventory = await service.store.inventory(asId<'agent'>(agentId));
      if (inventory === null) throw new AppError('NOT_FOUND', `agent ${agentId} has not told an inventory`);
      return { atMs: inventory.atMs, sections: inventory.body.sections };
    },
  });

  api.get('/agents/:agentId/gaps', {
    config: { permission: 'read' },
    schema: {
      tags: ['agents'],
      summary: 'What it had to drop unsent in a range',
      params: agentParams,
      querystring: z.strictObject(rangeQuery).refine(isRange, rangeNeeded),
      response: answers(z.object({ items: z.array(gapSchema) })),
    },
    handler: async (request) => {
      const gaps = await service.store.gaps(asId<'agent'>(request.params.agentId), request.query);
      return { items: gaps.map((gap) => ({ ...gap })) };
    },
  });

  api.post('/agents/:agentId/revoke', {
    config: { permission: 'admin' },
    schema: {
      tags: ['agents'],
      summary: 'Disconnects it at once and refuses its key from then on',
      params: agentParams,
      querystring: z.strictObject({}),
      response: answers(agentSchema, 404),
    },
    handler: async (request) => {
      const { id } = await find(request.params.agentId);
      await service.revokeAgent(id);
      return bodyOf(await find(id), sessionOf(id));
    },
  });
};

const pageOfBodies = <Item>(page: { readonly items: readonly Item[]; readonly next: string | null }) => ({
  items: [...page.items],
  next: page.next,
});
