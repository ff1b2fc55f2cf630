import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { answers, idText } from '../schema.ts';

const pushAddressSchema = z
  .object({
    path: z.string().describe("Below the collector's own address; add ?status=down&msg=… to report a failure."),
    token: z.string().describe('Of this check alone, for `Authorization: Bearer <token>`.'),
    pathWithToken: z
      .string()
      .describe('The same with the token in the query, for what can only call an address: whoever sees that sees the token.'),
  })
  .meta({ id: 'PushAddress' });

const pushQuery = z.strictObject({
  token: z
    .string()
    .min(1)
    .max(200)
    .exactOptional()
    .describe(
      'Token of the check, for what cannot send it as `Authorization: Bearer <token>`; not looked at where that is sent.',
    ),
  status: z.enum(['up', 'down']).default('up'),
  msg: z.string().max(limits.detailCharactersMax).exactOptional().describe('Shown with the result.'),
  ping: z.string().max(32).exactOptional().describe('Taken and not used: scripts written for other monitors send it.'),
});

/**
 * GET and POST /push/:checkId, called by what the heartbeat check watches: a backup job, a cron line. GET because `curl URL` and a browser's
 * bookmark must do; it changes nothing but the time of the last sign of life.
 */
export const pushRoutes = (api: Api, { service }: HttpContext): void => {
  for (const method of ['GET', 'POST'] as const) {
    api.route({
      method,
      url: '/push/:checkId',
      exposeHeadRoute: false,
      config: { permission: 'push' },
      schema: {
        tags: ['checks'],
        summary: `A heartbeat's call (${method})`,
        description: 'With the token of the check, from GET /api/v1/checks/{checkId}/push, as `Authorization: Bearer <token>`.',
        operationId: `push${method}`,
        params: z.strictObject({ checkId: idText }),
        querystring: pushQuery,
        response: answers(z.object({ ok: z.literal(true) }), 404),
      },
      handler: async (request) => {
        const { status, msg } = request.query;
        await service.push(asId<'check'>(request.params.checkId), status === 'up', msg ?? null);
        return { ok: true as const };
      },
    });
  }
};

/** GET /checks/:checkId/push: where a heartbeat calls. Not for `read`, because whoever knows it can call. */
export const pushAddressRoutes = (api: Api, { service, secrets }: HttpContext): void => {
  api.get('/checks/:checkId/push', {
    config: { permission: 'operate' },
    schema: {
      tags: ['checks'],
      summary: 'Where a heartbeat calls, and its token',
      params: z.strictObject({ checkId: idText }),
      querystring: z.strictObject({}),
      response: answers(pushAddressSchema, 404, 409),
    },
    handler: async (request) => {
      const check = service.view.config.checks.get(asId<'check'>(request.params.checkId));
      if (check === undefined) throw new AppError('NOT_FOUND', `check ${request.params.checkId} is not declared`);
      if (check.probe.kind !== 'heartbeat') {
        throw new AppError('CONFLICT', `check ${check.id} is of kind ${check.probe.kind}; only a heartbeat has a push address`);
      }
      const path = `/push/${encodeURIComponent(check.id)}`;
      const token = secrets.pushTokenOf(check.id);
      return { path, token, pathWithToken: `${path}?token=${token}` };
    },
  });
};
