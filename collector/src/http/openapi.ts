import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

const description = [
  'Instants are whole epoch milliseconds (UTC) in fields that end in `Ms`; ranges are half-open, `[fromMs, toMs)`.',
  'Unknown keys in a query or body are refused. Every error is `application/problem+json` (RFC 9457) with a `code`.',
  'Lists are paged: pass `next` of one page as `cursor` of the following one; `next` is null at the end.',
].join('\n\n');

/** Groups of routes, in the order they are shown. */
const tags = [
  { name: 'district', description: 'The whole at a glance.' },
  { name: 'zones', description: 'Zones and their crews.' },
  { name: 'units', description: 'Served departments.' },
  { name: 'assets', description: 'Systems and devices, with their present status.' },
  { name: 'agents', description: 'Agents: connection, inventory, samples, enrolment.' },
  { name: 'checks', description: 'Checks, their latest results and history, heartbeats.' },
  { name: 'history', description: 'Status spans, corrections and availability.' },
  { name: 'incidents', description: 'Incidents, their timeline and what people do about them.' },
  { name: 'alerts', description: 'Alerts of rules.' },
  { name: 'maintenance', description: 'Maintenance windows.' },
  { name: 'declaration', description: 'The declared registry and its versions.' },
  { name: 'secrets', description: "The collector's own secrets." },
  { name: 'events', description: 'Live changes.' },
  { name: 'health', description: 'The collector itself.' },
];

/** Collects the schemas of all routes registered after it. */
export const registerOpenApi = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Jiwei collector', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags,
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'The admin token printed at the first start.' },
          pushToken: { type: 'http', scheme: 'bearer', description: 'The token of one heartbeat check.' },
          pushTokenInQuery: {
            type: 'apiKey',
            in: 'query',
            name: 'token',
            description: 'The same, for what can only call an address. Whoever sees the address sees the token.',
          },
        },
      },
    },
    transform: ({ schema, url, route, ...rest }) => {
      const transformed = jsonSchemaTransform({ schema, url, route, ...rest });
      const permission = route.config?.permission;
      const security =
        permission === 'open' ? [] : permission === 'push' ? [{ pushToken: [] }, { pushTokenInQuery: [] }] : [{ token: [] }];
      const isApi = url.startsWith('/api/') || url.startsWith('/push/') || url.endsWith('z');
      const hide = !isApi || transformed.schema?.hide === true;
      return { ...transformed, schema: { ...transformed.schema, security, hide, 'x-permission': permission } };
    },
    transformObject: jsonSchemaTransformObject,
  });
};

/** Names of the component schemas a piece of the document refers to. */
const referredIn = (text: string): readonly string[] =>
  Array.from(text.matchAll(/"#\/components\/schemas\/([^"]+)"/g), (match) => match[1] ?? '');

/**
 * The document without component schemas that nothing refers to: each schema is made in an input and an output variant, of which usually
 * one is used.
 */
export const openApiDocument = (app: FastifyInstance): Record<string, unknown> => {
  const document: Record<string, unknown> = JSON.parse(JSON.stringify(app.swagger()).replaceAll('"Default Response"', '"Done."'));
  const components = asObject(document['components']);
  const schemas = asObject(components['schemas']);
  const used = new Set<string>();
  const waiting = [...referredIn(JSON.stringify(document['paths']))];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    waiting.push(...referredIn(JSON.stringify(schemas[name] ?? null)));
  }
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...components, schemas: kept } };
};

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
