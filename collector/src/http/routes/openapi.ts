import { z } from 'zod';
import type { Api } from '../context.ts';
import { openApiDocument } from '../openapi.ts';
import { answersByHand } from '../schema.ts';

/** GET /openapi.json: this API, from the schemas that check it. Open: it holds nothing of this installation. */
export const openApiRoutes = (api: Api): void => {
  let text: string | null = null;
  api.get('/openapi.json', {
    config: { permission: 'open' },
    schema: {
      tags: ['health'],
      summary: 'This description (OpenAPI 3.1)',
      querystring: z.strictObject({}),
      response: answersByHand(z.unknown().describe('An OpenAPI 3.1 document.')),
    },
    handler: async (_request, reply) => {
      // Made at the first call, when all routes are known, and kept: it never changes while the process runs.
      text ??= JSON.stringify(openApiDocument(api));
      return reply.type('application/json; charset=utf-8').send(text);
    },
  });
};
