import { TLSSocket } from 'node:tls';
import type { FastifyReply } from 'fastify';

/**
 * Written by hand: a general package would add `upgrade-insecure-requests` and HSTS, which break a plain-HTTP intranet. No inline style or
 * script anywhere, nothing from another origin, no frame around us, no CORS.
 */
export const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** A browser that came by TLS once comes by nothing else for a year. Never said over plain HTTP: it would lock people out of an intranet. */
export const strictTransport = 'max-age=31536000';

/** Adds them to an answer; what says nothing of caching itself must not be kept by anybody. */
export const addSecurityHeaders = (reply: FastifyReply): void => {
  void reply.headers(securityHeaders);
  if (reply.request.raw.socket instanceof TLSSocket) void reply.header('strict-transport-security', strictTransport);
  if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
};

/** Lines of the head of an answer that is written by hand, where there is no reply to add headers to. */
export const securityHeaderLines = (socket: unknown): readonly string[] => [
  ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
  ...(socket instanceof TLSSocket ? [`strict-transport-security: ${strictTransport}`] : []),
  'cache-control: no-store',
];
