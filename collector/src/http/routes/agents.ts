import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { CollectorService } from '../../runtime/service.ts';
import type { AgentRecord } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery, queryList } from '../schema.ts';
import { agentBody, agentSchema, connections } from '../shapes/agent.ts';

const agentParams = z.strictObject({ agentId: idText });
const agentQuery = z.strictObject({
  ...pageQuery,
  zoneId: idText.exactOptional(),
  connection: queryList(z.enum(connections), connections.length).exactOptional(),
});

/** GET /agents, one agent; POST its revocation. */
export const agentRoutes = (api: Api, { service, known }: HttpContext): void => {
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
      await known.refuseUnknown({ zoneId });
      const sessions = new Map(service.sessions().map((session) => [session.agentId, session]));
      const agents = (await service.store.agents())
        .map((record) => agentBody(record, service.view, sessions.get(record.id)))
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
      return agentBody(record, service.view, sessionOf(record.id));
    },
  });

  agentActRoutes(api, service, async (id) => agentBody(await find(id), service.view, sessionOf(id)));
};

const acts = [
  ['approve', 'Lets an agent in that waits for approval'],
  ['refuse', 'Refuses an agent that waits for approval, for good'],
  ['rekey', 'Asks a connected agent to change its key'],
  ['revoke', 'Disconnects it at once and refuses its key from then on'],
] as const;

/** @param tell the agent as it is now; throws NOT_FOUND */
const agentActRoutes = (
  api: Api,
  service: CollectorService,
  tell: (agentId: string) => Promise<z.input<typeof agentSchema>>,
): void => {
  for (const [act, summary] of acts) {
    api.post(`/agents/:agentId/${act}`, {
      config: { permission: 'admin' },
      schema: {
        tags: ['agents'],
        summary,
        params: agentParams,
        querystring: z.strictObject({}),
        response: answers(agentSchema, 404, 409),
      },
      handler: async (request) => {
        const { agentId } = request.params;
        await tell(agentId);
        await service[`${act}Agent`](asId<'agent'>(agentId));
        return tell(agentId);
      },
    });
  }
};

const pageOfBodies = <Item>(page: { readonly items: readonly Item[]; readonly next: string | null }) => ({
  items: [...page.items],
  next: page.next,
});
