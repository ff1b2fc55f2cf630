import { BlockList, isIP } from 'node:net';
import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createFailureLimit } from './failure-limit.ts';
import type { Permission } from './permission.ts';
import type { Secrets } from './secrets.ts';
import { isSameSecret, tokenHashOf } from './tokens.ts';

/** Who may do what. Made by main from the settings and the configuration. */
export interface Access {
  /** The admin token, which allows everything, and the tokens of the heartbeats. */
  readonly secrets: Secrets;
  /** SHA-256 of the token that may read the metrics, hex; null when there is none. */
  readonly metricsTokenHash: string | null;
  /** Addresses and CIDR blocks (`10.1.0.0/16`) that may read the metrics without a token, beside loopback. */
  readonly metricsAddresses: readonly string[];
}

/**
 * @param entries addresses or CIDR blocks
 * @throws CONFIG_INVALID naming the entry that is neither
 */
const addressList = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/', 2);
    const version = isIP(address);
    const prefix = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
    if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (version === 4 ? 32 : 128)) {
      throw new AppError('CONFIG_INVALID', `metrics addresses: "${entry}" is no address and no CIDR block such as 10.1.0.0/16`);
    }
    list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
};

const loopback = addressList(['127.0.0.0/8', '::1']);

const holds = (list: BlockList, address: string): boolean => {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
};

/** Names under which a browser on the machine itself reaches it. Any other name may be somebody's DNS answer for 127.0.0.1. */
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Whether the caller sits at this machine: loopback address, a loopback name asked for (else a web page could reach us through a name of its
 * own that resolves to 127.0.0.1), and not passed on by a proxy, behind which everybody comes from loopback.
 */
const isDirectLoopback = (request: FastifyRequest): boolean => {
  const { headers } = request;
  const isProxied = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.via !== undefined;
  return !isProxied && loopbackHost.test(headers.host ?? '') && holds(loopback, request.socket.remoteAddress ?? '');
};

interface Credentials {
  readonly scheme: 'bearer' | 'basic';
  readonly token: string;
}

/** The token of `Authorization: Bearer <token>`, or the password of `Basic`; null when there is none of either. */
const credentialsOf = (header: string | undefined): Credentials | null => {
  const [scheme = '', value = ''] = (header ?? '').trim().split(/\s+/, 2);
  if (value === '') return null;
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value };
  if (scheme.toLowerCase() !== 'basic') return null;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return { scheme: 'basic', token: text.slice(text.indexOf(':') + 1) };
};

/** A browser sends Basic along with every request, also one another site caused; so it may look but not act. */
const allowedByBasic: readonly Permission[] = ['read', 'metrics'];

const textAt = (holder: unknown, key: string): string | null => {
  if (typeof holder !== 'object' || holder === null) return null;
  const value: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
  return typeof value === 'string' ? value : null;
};

/**
 * Before anything is looked at: nobody keeps the collector from others by asking all the time. From this machine everybody comes who comes
 * through a proxy on it; limiting is then the proxy's.
 */
const requestLimit = (clock: Clock) => {
  const requests = createFailureLimit(clock, { triesMax: limits.requestsAtOnceMax, refillMs: limits.requestRefillMs });
  return (request: FastifyRequest, reply: FastifyReply): void => {
    if (holds(loopback, request.ip)) return;
    const busyMs = requests.waitMs(request.ip);
    if (busyMs === 0) return requests.failed(request.ip);
    void reply.header('retry-after', Math.ceil(busyMs / 1_000));
    throw new AppError(
      'RATE_LIMITED',
      `more than ${limits.requestsAtOnceMax} requests at once from ${request.ip}; come again more slowly`,
    );
  };
};

/** In the header, where no log of anybody on the way shows it; in the query for what can only call an address. */
const isPushAllowed = (secrets: Secrets, request: FastifyRequest): boolean => {
  const checkId = textAt(request.params, 'checkId');
  const credentials = credentialsOf(request.headers.authorization);
  // Basic is what a proxy in between may add for itself.
  const token = credentials?.scheme === 'bearer' ? credentials.token : textAt(request.query, 'token');
  return checkId !== null && token !== null && secrets.isPushToken(token, checkId);
};

/** Puts the guard before every route: a request that lacks the route's permission gets 401, 403 or 429 and never reaches its handler. */
export const guard = (app: FastifyInstance, options: { readonly access: Access; readonly clock: Clock }) => {
  const { access } = options;
  const failures = createFailureLimit(options.clock);
  const limitRequest = requestLimit(options.clock);
  const metricsList = addressList(access.metricsAddresses);

  const isOpen = (request: FastifyRequest, permission: Permission): boolean => {
    if (permission === 'open') return true;
    if (permission === 'metrics' && holds(metricsList, request.socket.remoteAddress ?? '')) return true;
    const opensToLoopback = permission === 'metrics' || request.routeOptions.config.opensToLoopback === true;
    return opensToLoopback && isDirectLoopback(request);
  };

  /** What the token is good for; null for a token nobody knows. */
  const grantOf = (token: string): 'admin' | 'metrics' | null => {
    if (access.secrets.isAdminToken(token)) return 'admin';
    return access.metricsTokenHash !== null && isSameSecret(tokenHashOf(token), access.metricsTokenHash) ? 'metrics' : null;
  };

  const refuse = (request: FastifyRequest, reply: FastifyReply, detail: string): never => {
    const challenge =
      request.routeOptions.config.asksBrowser === true ? 'Basic realm="jiwei", charset="UTF-8"' : 'Bearer realm="jiwei"';
    void reply.header('www-authenticate', challenge);
    throw new AppError('UNAUTHENTICATED', detail);
  };

  /**
   * A token that is right is never kept out: all who come through one proxy or router share an address, and whoever sends wrong ones from there would
   * lock out the rest. What is limited is how fast one finds out that a token is wrong.
   */
  const refuseWrong = (request: FastifyRequest, reply: FastifyReply, detail: string): never => {
    const waitMs = failures.waitMs(request.ip);
    if (waitMs === 0) {
      failures.failed(request.ip);
      return refuse(request, reply, detail);
    }
    void reply.header('retry-after', Math.ceil(waitMs / 1_000));
    throw new AppError('RATE_LIMITED', `too many failed attempts from ${request.ip}; wait ${Math.ceil(waitMs / 1_000)} s`);
  };

  app.addHook('onRequest', async (request, reply) => {
    limitRequest(request, reply);
    if (request.is404) return;
    const { permission } = request.routeOptions.config;
    if (isOpen(request, permission)) return;
    if (permission === 'push') {
      if (isPushAllowed(access.secrets, request)) return;
      return refuseWrong(
        request,
        reply,
        'the token does not fit the check; take it from GET /api/v1/checks/<id>/push and send it as "Authorization: Bearer <token>"',
      );
    }
    const credentials = credentialsOf(request.headers.authorization);
    if (credentials === null) return refuse(request, reply, `${request.method} ${request.routeOptions.url ?? ''} needs a token`);
    const grant = grantOf(credentials.token);
    if (grant === null) return refuseWrong(request, reply, 'the token is not known here');
    if (grant === 'metrics' && permission !== 'metrics')
      throw new AppError('FORBIDDEN', 'this token reads the metrics and nothing else');
    if (credentials.scheme === 'basic' && !allowedByBasic.includes(permission)) {
      throw new AppError('FORBIDDEN', 'Basic authentication may only read; send the token as "Authorization: Bearer <token>"');
    }
  });
};
