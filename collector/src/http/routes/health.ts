import { AppError } from '@jiwei/shared/errors.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { deadline } from '../deadline.ts';
import { answers } from '../schema.ts';

/** A store that takes longer than this to answer one small question is taken for stuck. */
const readyMsMax = 2_000;

/** GET /healthz and /readyz, open to everybody, because who asks is an init system or a load balancer. They tell nothing but yes or no. */
export const healthRoutes = (api: Api, { service, clock }: HttpContext): void => {
  api.get('/healthz', {
    config: { permission: 'open' },
    schema: {
      tags: ['health'],
      summary: 'The process is alive',
      querystring: z.strictObject({}),
      response: answers(z.object({ status: z.literal('alive') })),
    },
    handler: async () => ({ status: 'alive' as const }),
  });

  api.get('/readyz', {
    config: { permission: 'open' },
    schema: {
      tags: ['health'],
      summary: 'The store answers and the collector takes requests',
      querystring: z.strictObject({}),
      response: answers(z.object({ status: z.literal('ready') })),
    },
    handler: async () => {
      if (!service.isWriterHealthy()) throw new AppError('STORE_UNAVAILABLE', 'the store refuses to commit; see the log');
      const answered = await deadline(clock, readyMsMax, service.store.setting('ready'));
      if (answered === 'late') throw new AppError('STORE_UNAVAILABLE', `the store did not answer within ${readyMsMax} ms`);
      return { status: 'ready' as const };
    },
  });
};
