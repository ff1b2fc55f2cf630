import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { createCrowdLog } from '../ingest/crowd-log.ts';
import type { CollectorService } from '../runtime/service.ts';
import { type Access, guard } from './access.ts';
import { createBrokenRequestAnswer } from './broken-request.ts';
import type { HttpContext } from './context.ts';
import { bindCursors } from './cursors.ts';
import type { Door } from './door.ts';
import { createEventHub } from './event-hub.ts';
import { createKnown } from './known.ts';
import { registerOpenApi } from './openapi.ts';
import { createPageAvailability } from './page-availability.ts';
import { handleError, handleNotFound, pathOf } from './problem.ts';
import { agentFactRoutes } from './routes/agent-facts.ts';
import { agentRoutes } from './routes/agents.ts';
import { alertRoutes } from './routes/alerts.ts';
import { assetRoutes } from './routes/assets.ts';
import { availabilityRoutes } from './routes/availability.ts';
import { checkRoutes } from './routes/checks.ts';
import { declarationRoutes } from './routes/declaration.ts';
import { districtRoutes } from './routes/district.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { historyRoutes } from './routes/history.ts';
import { incidentActRoutes } from './routes/incident-acts.ts';
import { incidentRoutes } from './routes/incidents.ts';
import { joinTokenRoutes } from './routes/join-tokens.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { pageRoutes } from './routes/page.ts';
import { pushAddressRoutes, pushRoutes } from './routes/push.ts';
import { sampleRoutes } from './routes/samples.ts';
import { secretRoutes } from './routes/secrets.ts';
import { unitRoutes } from './routes/units.ts';
import { zoneRoutes } from './routes/zones.ts';
import { addSecurityHeaders } from './security-headers.ts';

/** Routes of another part of the collector (the metrics). Each names its permission in `config`, as ours do. */
export type HttpPlugin = (app: FastifyInstance) => Promise<void> | void;

export interface HttpOptions {
  readonly service: CollectorService;
  readonly clock: Clock;
  readonly access: Access;
  /** A pino logger, or false for none. */
  readonly log: FastifyBaseLogger | false;
  readonly plugins?: readonly HttpPlugin[];
  /** Certificate chain and key, PEM; null or left out means plain HTTP. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** With `requestCert`: authorities of client certificates. Whether one is needed is the links' to say; the API needs none. */
    readonly ca?: string;
    readonly requestCert?: boolean;
  } | null;
  /** Lets connections in, or not; left out where nobody connects. */
  readonly door?: Door;
}

/** Everything under /api/v1, one noun per file. */
const apiRoutes = [
  districtRoutes,
  zoneRoutes,
  unitRoutes,
  assetRoutes,
  agentRoutes,
  agentFactRoutes,
  sampleRoutes,
  joinTokenRoutes,
  secretRoutes,
  checkRoutes,
  pushAddressRoutes,
  historyRoutes,
  availabilityRoutes,
  incidentRoutes,
  incidentActRoutes,
  alertRoutes,
  maintenanceRoutes,
  declarationRoutes,
  eventRoutes,
  openApiRoutes,
] as const;

/** No request of ours takes longer to arrive; a client that dribbles bytes is cut off. */
const requestMsMax = 30_000;
/** Connections that are past their time are looked for this often, so that thousands that say nothing are gone within 15 s. */
const slowCheckMs = 5_000;
/** Longer than the scrape and refresh intervals people use, so that their connections are used again. */
const keepAliveMs = 72_000;

/** A request that fits no route at all (a broken escape in its path) meets no hooks, so the headers are added here. */
const handleFrameworkError: NonNullable<FastifyServerOptions['frameworkErrors']> = (error, request, reply) => {
  addSecurityHeaders(reply);
  handleError(error, request, reply);
};

const createFastify = ({ log, tls, clock, door }: Pick<HttpOptions, 'log' | 'tls' | 'clock' | 'door'>) =>
  Fastify({
    ...(log === false ? { logger: false } : { loggerInstance: log }),
    // Fastify's own request log holds the whole URL, and with it the tokens of heartbeats; ours is below.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit: limits.requestBytesMax,
    serverFactory: (handler) => {
      const checks = { connectionsCheckingInterval: slowCheckMs };
      const handshake = { handshakeTimeout: limits.handshakeMsMax };
      const server = tls
        ? createSecureServer({ ...tls, ...checks, ...handshake, rejectUnauthorized: false, minVersion: 'TLSv1.2' }, handler)
        : createServer(checks, handler);
      server.requestTimeout = requestMsMax;
      // As long as an agent has for its handshake; it begins with the connection, for those too that never send a byte.
      server.headersTimeout = limits.handshakeMsMax;
      server.keepAliveTimeout = keepAliveMs;
      door?.guard(server);
      return server;
    },
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: handleFrameworkError,
    clientErrorHandler: createBrokenRequestAnswer(
      createCrowdLog(clock, (clients, address) => {
        // Browsers open connections ahead and may not use them: no fault of anybody, and yet worth a line when it is a crowd.
        if (log !== false) log.info({ clients, address }, 'clients that sent no whole request in time were cut off');
      }),
    ),
  });

const registerHooks = (app: FastifyInstance): void => {
  app.addHook('onRoute', (route) => {
    if (route.config?.permission === undefined) throw new Error(`route ${String(route.method)} ${route.url} names no permission`);
  });
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  app.addHook('onSend', async (_request, reply) => addSecurityHeaders(reply));
  app.addHook('onResponse', async (request, reply) => {
    const took = {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      tookMs: Math.round(reply.elapsedTime),
    };
    request.log.debug(took, 'request answered');
  });
};

/**
 * The collector's HTTP application: API, page, heartbeats, health, and the routes of the plugins. It does not listen; `inject()` tests it
 * without a socket. Closing it ends event streams first, which would else hold it open.
 * @throws CONFIG_INVALID for a bad metrics address
 */
export const buildHttp = async (options: HttpOptions): Promise<FastifyInstance> => {
  const { service, clock, access, plugins = [] } = options;
  const app = createFastify(options).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(handleNotFound);

  const events = createEventHub({ service, clock, epoch: randomUUID() });
  app.addHook('preClose', async () => events.close());
  registerHooks(app);
  guard(app, { access, clock });
  await registerOpenApi(app, service.version);

  const pageAvailability = createPageAvailability(service, clock);
  const context: HttpContext = { service, clock, events, secrets: access.secrets, known: createKnown(service), pageAvailability };
  healthRoutes(app, context);
  pushRoutes(app, context);
  pageRoutes(app, context);
  await app.register(
    async (api) => {
      bindCursors(api);
      const typed = api.withTypeProvider<ZodTypeProvider>();
      for (const routes of apiRoutes) routes(typed, context);
    },
    { prefix: '/api/v1' },
  );
  for (const plugin of plugins) await app.register(async (scope) => plugin(scope));
  await app.ready();
  return app;
};
