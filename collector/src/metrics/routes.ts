import type { Clock } from '@jiwei/shared/clock.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { securityHeaders } from '../http/security-headers.ts';
import type { CollectorService } from '../runtime/service.ts';
import { createAvailabilityFamilies } from './availability-families.ts';
import { createCheckFamilies } from './check-families.ts';
import type { CollectorCounters } from './collector-counters.ts';
import { collectorExposition } from './collector-exposition.ts';
import type { Fleet } from './fleet.ts';
import { fleetExposition } from './fleet-exposition.ts';
import { createIncidentTally } from './incident-tally.ts';
import { measureFromSpans } from './measure-availability.ts';
import { acceptsGzip, type Exposition, expositionOf } from './negotiation.ts';
import { sendChunks } from './send-chunks.ts';

export interface MetricsOptions {
  readonly service: CollectorService;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly counters: CollectorCounters;
}

const fleetQuery = z.object({ timestamps: z.enum(['true', 'false']).default('false') });

/**
 * GET /metrics and GET /metrics/fleet, in the format the Accept header asks for, packed when it may be. Who may read them is the
 * application's to say: the routes name the permission `metrics`.
 * @returns a fastify plugin; the tally of incidents is read from the store when it is registered
 * @throws STORE_UNAVAILABLE, STORE_CORRUPT when it cannot be read
 */
export const metricsRoutes =
  ({ service, clock, fleet, counters }: MetricsOptions) =>
  async (app: FastifyInstance): Promise<void> => {
    const tally = createIncidentTally(service.store);
    const stopListening = service.listen((event) => {
      if (event.kind === 'incident') tally.note(event.incident);
    });
    app.addHook('onClose', async () => stopListening());
    await tally.load(clock.nowMs());
    const availabilityFamilies = createAvailabilityFamilies(measureFromSpans(service, clock), clock);
    const checkFamilies = createCheckFamilies();
    const config = { permission: 'metrics' } as const;

    app.get('/metrics', { config }, async (request, reply) => {
      const exposition = expositionOf(request.headers.accept);
      const options = { service, clock, counters, tally, availabilityFamilies };
      const chunks = collectorExposition(options, exposition.format, exposition.escaping);
      return stream(request, reply, chunks, exposition);
    });

    app.get('/metrics/fleet', { config, schema: { querystring: fleetQuery } }, async (request, reply) => {
      const exposition = expositionOf(request.headers.accept);
      const hasTimestamps = fleetQuery.parse(request.query).timestamps === 'true';
      const { format, escaping } = exposition;
      const options = { fleet, view: service.view, nowMs: clock.nowMs(), format, escaping, hasTimestamps, checkFamilies };
      return stream(request, reply, fleetExposition(options), exposition);
    });
  };

const stream = async (
  request: FastifyRequest,
  reply: FastifyReply,
  chunks: AsyncGenerator<Buffer, void, undefined>,
  { contentType }: Exposition,
): Promise<void> => {
  // The first chunk is waited for here: what goes wrong before it is still an answer with a status of its own.
  const first = await chunks.next();
  const isPacked = acceptsGzip(request.headers['accept-encoding']);
  void reply
    .headers(securityHeaders)
    .header('content-type', contentType)
    .header('vary', 'accept, accept-encoding')
    .header('cache-control', 'no-store');
  if (isPacked) void reply.header('content-encoding', 'gzip');
  reply.hijack();
  reply.raw.writeHead(
    200,
    Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)])),
  );
  if (request.method === 'HEAD') {
    reply.raw.end();
    await chunks.return();
    return;
  }
  await sendChunks(reply.raw, withFirst(first.value, chunks), isPacked);
};

async function* withFirst(first: unknown, rest: AsyncGenerator<Buffer, void, undefined>) {
  try {
    if (Buffer.isBuffer(first)) yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}
