import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { labelNamePattern } from '@jiwei/shared/series.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { z } from 'zod';
import { tokenIdOf } from '../../runtime/admission.ts';
import type { JoinToken } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, created, idText, instant, pageOf, pageQuery } from '../schema.ts';

const joinTokenBody = z.strictObject({
  zoneId: idText.nullable().default(null).describe('Zone of the agents that come with it; null leaves it open.'),
  labels: z
    .record(z.string().regex(labelNamePattern), z.string().max(limits.labelValueBytesMax))
    .refine((labels) => Object.keys(labels).length <= limits.labelsPerSeriesMax, {
      error: `at most ${limits.labelsPerSeriesMax} labels`,
    })
    .default({}),
  uses: z.int().min(1).max(limits.joinTokenUsesMax).default(1).describe('How many agents may enrol with it.'),
  lifetimeMs: z.int().min(minuteMs).max(limits.joinTokenMsMax).default(limits.joinTokenMs),
  needsApproval: z.boolean().default(false).describe('Agents that enrol with it wait until a person approves them.'),
});

const joinTokenSchema = z
  .object({
    id: z.string().describe('How it is called from now on; nothing of the token can be told from it.'),
    token: z.string().describe('Shown this once; only its hash is stored.'),
    expiresAtMs: instant,
  })
  .meta({ id: 'JoinToken' });

const joinTokenStates = ['open', 'usedUp', 'expired', 'revoked'] as const;
const storedTokenSchema = z
  .object({
    id: z.string(),
    state: z.enum(joinTokenStates),
    zoneId: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    usesLeft: z.int(),
    needsApproval: z.boolean(),
    createdAtMs: instant,
    expiresAtMs: instant,
    revokedAtMs: instant.nullable(),
  })
  .meta({ id: 'StoredJoinToken' });

const stateOf = (token: JoinToken, nowMs: number): (typeof joinTokenStates)[number] => {
  if (token.revokedAtMs !== null) return 'revoked';
  if (token.usesLeft < 1) return 'usedUp';
  return token.expiresAtMs <= nowMs ? 'expired' : 'open';
};

const tokenBody = (token: JoinToken, nowMs: number): z.input<typeof storedTokenSchema> => {
  const { hash: _, labels, ...told } = token;
  return { id: tokenIdOf(token), state: stateOf(token, nowMs), ...told, labels: { ...labels } };
};

/** Ascending as text is newest first: the time left until the end of time. */
const orderOf = ({ createdAtMs, id }: { readonly createdAtMs: number; readonly id: string }): string =>
  `${String(Number.MAX_SAFE_INTEGER - createdAtMs).padStart(16, '0')} ${id}`;

/** POST /join-tokens: what an agent needs to enrol; GET those there are, and POST the revocation of one. */
export const joinTokenRoutes = (api: Api, { service, clock }: HttpContext): void => {
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
      const { labels, uses, lifetimeMs, needsApproval } = request.body;
      const zoneId = request.body.zoneId === null ? null : asId<'zone'>(request.body.zoneId);
      if (zoneId !== null && !service.view.config.zones.has(zoneId)) {
        throw new AppError('NOT_FOUND', `zone ${zoneId} is not declared`);
      }
      return reply.code(201).send(await service.createJoinToken({ zoneId, labels, usesLeft: uses, lifetimeMs, needsApproval }));
    },
  });

  api.get('/join-tokens', {
    config: { permission: 'admin' },
    schema: {
      tags: ['agents'],
      summary: 'Join tokens, newest first, without the tokens themselves',
      querystring: z.strictObject(pageQuery),
      response: answers(pageOf(storedTokenSchema)),
    },
    handler: async (request) => {
      const tokens = (await service.joinTokens()).map((token) => tokenBody(token, clock.nowMs()));
      // By time of making, newest first; the cursor needs one text that orders them so.
      const page = pageOfItems(tokens, orderOf, pageRequestOf(request.query));
      return { items: [...page.items], next: page.next };
    },
  });

  api.post('/join-tokens/:tokenId/revoke', {
    config: { permission: 'admin' },
    schema: {
      tags: ['agents'],
      summary: 'Nobody enrols with it any more; who did, stays',
      params: z.strictObject({ tokenId: idText }),
      querystring: z.strictObject({}),
      response: answers(storedTokenSchema, 404),
    },
    handler: async (request) => tokenBody(await service.revokeJoinToken(request.params.tokenId), clock.nowMs()),
  });
};
