import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { answers, idText, instant, rangeQuery, refuseBadRange } from '../schema.ts';

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

/** GET /agents/:agentId/inventory and /agents/:agentId/gaps: what it told of its host, and what it had to drop. */
export const agentFactRoutes = (api: Api, { service, known }: HttpContext): void => {
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
      querystring: z.strictObject(rangeQuery).superRefine(refuseBadRange),
      response: answers(z.object({ items: z.array(gapSchema) }), 404),
    },
    handler: async (request) => {
      const { agentId } = request.params;
      if (!(await known.isAgent(agentId))) throw new AppError('NOT_FOUND', `agent ${agentId} is not enrolled`);
      const gaps = await service.store.gaps(asId<'agent'>(agentId), request.query);
      return { items: gaps.map((gap) => ({ ...gap })) };
    },
  });
};
