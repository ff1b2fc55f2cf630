import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { answers, queryList } from '../schema.ts';
import { securityHeaders } from '../security-headers.ts';
import { liveEventKinds } from '../shapes/live-event.ts';

/** GET /events: server-sent events after each commit. */
export const eventRoutes = (api: Api, { events }: HttpContext): void => {
  api.get('/events', {
    // A HEAD would open a stream that nobody reads.
    exposeHeadRoute: false,
    config: { permission: 'read' },
    schema: {
      tags: ['events'],
      summary: 'Live changes as server-sent events',
      description:
        'Events `check`, `asset`, `agent`, `incident` and `declaration` carry the subject as it is now. `hello` greets a new stream; `reset` ' +
        'says that events since Last-Event-ID are no longer known: read everything again. Comments keep a quiet stream open.',
      produces: ['text/event-stream'],
      headers: z.object({ 'last-event-id': z.string().max(200).exactOptional() }),
      querystring: z.strictObject({ kinds: queryList(z.enum(liveEventKinds), liveEventKinds.length).exactOptional() }),
      response: answers(z.string().describe('text/event-stream')),
    },
    handler: async (request, reply) => {
      if (events.streamCount >= limits.eventStreamsMax) {
        void reply.header('retry-after', 10);
        throw new AppError('OVERLOADED', `${limits.eventStreamsMax} event streams are open already`);
      }
      reply.hijack();
      reply.raw.writeHead(200, {
        ...securityHeaders,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-request-id': request.id,
        // nginx would else collect the stream before it passes it on.
        'x-accel-buffering': 'no',
      });
      const kinds = new Set<string>(request.query.kinds ?? liveEventKinds);
      events.open(reply.raw, { kinds, lastEventId: request.headers['last-event-id'] ?? null });
    },
  });
};
