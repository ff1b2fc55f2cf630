import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { labelNamePattern } from '@jiwei/shared/series.ts';
import { dayMs, minuteMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { created, idText, instant } from '../schema.ts';

const joinTokenBody = z.strictObject({
  zoneId: idText.nullable().default(null).describe('Zone of the agents that come with it; null leaves it open.'),
  labels: z
    .record(z.string().regex(labelNamePattern), z.string().max(limits.labelValueBytesMax))
    .refine((labels) => Object.keys(labels).length <= limits.labelsPerSeriesMax, {
      error: `at most ${limits.labelsPerSeriesMax} labels`,
    })
    .default({}),
  uses: z.int().min(1).max(1_000).default(1).describe('How many agents may enrol with it.'),
  lifetimeMs: z
    .int()
    .min(minuteMs)
    .max(30 * dayMs)
    .default(limits.joinTokenMs),
});

const joinTokenSchema = z
  .object({ token: z.string().describe('Shown this once; only its hash is stored.'), expiresAtMs: instant })
  .meta({ id: 'JoinToken' });

/** POST /join-tokens: what an agent needs to enrol. */
export const joinTokenRoutes = (api: Api, { service }: HttpContext): void => {
  api.post('/join-tokens', {
    config: { permission: 'admin' },
    schema: {
      tags: ['agents'],
      summary: 'Makes a join token',
      querystring: z.strictObject({}),
      body: joinTokenBody,
      response: created(joinTokenSchema, 404, 413, 415),
    },
    handler: async (request, reply) => {
      const { labels, uses, lifetimeMs } = request.body;
      const zoneId = request.body.zoneId === null ? null : asId<'zone'>(request.body.zoneId);
      if (zoneId !== null && !service.view.config.zones.has(zoneId)) {
        throw new AppError('NOT_FOUND', `zone ${zoneId} is not declared`);
      }
      return reply.code(201).send(await service.createJoinToken({ zoneId, labels, usesLeft: uses, lifetimeMs }));
    },
  });
};
