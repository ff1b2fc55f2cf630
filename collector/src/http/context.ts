import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@jiwei/shared/clock.ts';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { CollectorService } from '../runtime/service.ts';
import type { EventHub } from './event-hub.ts';
import type { Known } from './known.ts';
import type { PageAvailability } from './page/model.ts';
import type { Secrets } from './secrets.ts';

/** A fastify instance whose routes take their types from zod schemas. */
export type Api = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

/** What routes are built from. */
export interface HttpContext {
  readonly service: CollectorService;
  readonly clock: Clock;
  readonly events: EventHub;
  readonly secrets: Secrets;
  readonly known: Known;
  /** Figures of the page's windows, a few seconds old at most. */
  readonly pageAvailability: () => Promise<readonly PageAvailability[]>;
}
