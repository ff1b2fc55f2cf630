import { dayMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { answers, instant } from '../schema.ts';

/** Longest that old heartbeat addresses are kept: enough for jobs that run once a month. */
const keepMsMax = 31 * dayMs;

const newAdminTokenSchema = z
  .object({ token: z.string().describe('Shown this once; only its hash is stored.') })
  .meta({ id: 'NewAdminToken' });
const newPushSecretSchema = z
  .object({ beforeValidUntilMs: instant.describe('The addresses that were in force until now are good for so long.') })
  .meta({ id: 'NewHeartbeatAddresses' });

/** POST /secrets/…/renew: new secrets of the collector itself, without a restart. */
export const secretRoutes = (api: Api, { secrets }: HttpContext): void => {
  api.post('/secrets/admin-token/renew', {
    config: { permission: 'admin' },
    schema: {
      tags: ['secrets'],
      summary: 'Makes a new admin token; the one this is asked with ends with the answer',
      querystring: z.strictObject({}),
      body: z.strictObject({}),
      response: answers(newAdminTokenSchema, 413, 415),
    },
    handler: async (request) => {
      const token = await secrets.renewAdminToken();
      request.log.warn({ address: request.ip }, 'the admin token was renewed; the one before is good for nothing from now on');
      return { token };
    },
  });

  api.post('/secrets/heartbeats/renew', {
    config: { permission: 'admin' },
    schema: {
      tags: ['secrets'],
      summary: 'Gives every heartbeat check a new address',
      querystring: z.strictObject({}),
      body: z.strictObject({
        keepMs: z
          .int()
          .min(0)
          .max(keepMsMax)
          .describe(
            'The present addresses stay good for so long beside the new ones, until every job has its new one; 0 ends them now.',
          ),
      }),
      response: answers(newPushSecretSchema, 413, 415),
    },
    handler: async (request) => {
      const beforeValidUntilMs = await secrets.renewPushSecret(request.body.keepMs);
      request.log.warn({ address: request.ip, beforeValidUntilMs }, 'the addresses of all heartbeats were renewed');
      return { beforeValidUntilMs };
    },
  });
};
