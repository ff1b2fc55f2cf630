import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { messageOf } from './message.ts';
import { type Channel, defineNotifier, type Notice, readSecret, type SendOutcome } from './notifier.ts';
import { filePath, timeoutOption, wordingOptions } from './options.ts';
import { type PostAnswer, postJson } from './post.ts';
import { webhookEvent } from './webhook-event.ts';

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'needs a header name: 1 to 64 letters, digits and "-"' });
/** Set by us, or by the connection: not for the options. */
const ownHeaders = new Set([
  'content-type',
  'content-length',
  'host',
  'connection',
  'transfer-encoding',
  'idempotency-key',
  'x-signature',
  'user-agent',
]);

const schema = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Where events are posted to.'),
    allowPlainHttp: z
      .boolean()
      .default(false)
      .describe('Allows an http:// address: whoever is on the way reads and changes events.'),
    secretFile: filePath.optional().describe('File with the key of X-Signature.'),
    secret: z.string().min(8).max(1_024).optional().describe('The key itself; secretFile is better.'),
    headers: z
      .record(
        headerName.refine((name) => !ownHeaders.has(name.toLowerCase()), { error: 'this header is set by the collector' }),
        z
          .string()
          .regex(/^[\x20-\x7e]*$/, { error: 'a header holds printable ASCII only' })
          .max(4_096),
      )
      .default({})
      .describe('More headers, such as Authorization.'),
    caFile: filePath
      .optional()
      .describe("PEM file of the authority that signed the receiver's certificate; else those of the system."),
    timeoutMs: timeoutOption,
    ...wordingOptions,
  })
  .refine(({ url, allowPlainHttp }) => allowPlainHttp || !url.toLowerCase().startsWith('http:'), {
    path: ['url'],
    error: 'the address is not encrypted; use https:// or say allowPlainHttp: true',
  })
  .refine(({ secret, secretFile }) => secret === undefined || secretFile === undefined, {
    path: ['secret'],
    error: 'secret and secretFile say the same; leave one out',
  })
  // fetch and curl would send them as basic authentication, and every log of the address would show them.
  .refine(({ url }) => !URL.canParse(url) || new URL(url).username + new URL(url).password === '', {
    path: ['url'],
    error: 'the address holds a name or password; use headers: Authorization',
  });
type WebhookOptions = z.output<typeof schema>;

/** Posts each notice as a JSON event (docs/notify.md). */
export const webhookNotifier = defineNotifier({
  kind: 'webhook',
  summary: 'Posts each notice as a signed JSON event to a web address.',
  schema,
  open: async (options, world) => {
    const secret = options.secretFile === undefined ? (options.secret ?? null) : await readSecret(world, options.secretFile);
    const ca = options.caFile === undefined ? null : await world.readFile(options.caFile);
    return channelOf(options, secret, ca);
  },
});

const channelOf = (options: WebhookOptions, secret: string | null, ca: string | null): Channel => ({
  send: async (notice: Notice, signal: AbortSignal): Promise<SendOutcome> => {
    const body = Buffer.from(JSON.stringify(webhookEvent(notice, messageOf(notice, options))));
    const answer = await postJson({
      url: new URL(options.url),
      headers: {
        ...options.headers,
        'Idempotency-Key': notice.id,
        ...(secret === null ? {} : { 'X-Signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
      },
      body,
      ca,
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
    });
    return outcomeOf(answer);
  },
});

/** The answer will be the same next time: it is the event that is not understood, not the receiver that is unwell. */
const refusingStatuses = new Set([400, 413, 414, 415, 422]);

/** Said by a gateway of a receiver it had asked and that may have taken the event: RFC 9110, 15.6.3 and 15.6.5; the rest is what gateways made up. */
const isWordOfGateway = (status: number): boolean => status === 502 || status === 504 || status >= 520;

const outcomeOf = (answer: PostAnswer): SendOutcome => {
  if (answer.kind === 'failed') return { kind: 'retry', error: answer.error, mayHaveArrived: answer.mayHaveArrived };
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return { kind: 'sent', detail: `HTTP ${status}` };
  if (status === 410) return { kind: 'disabled', error: 'the receiver answered HTTP 410 Gone: it wants no more events' };
  if (refusingStatuses.has(status)) return { kind: 'failed', error: `the receiver refused the event with HTTP ${status}` };
  const hint = status >= 300 && status < 400 ? '; redirects are not followed, name the final address' : '';
  const error = `the receiver answered HTTP ${status}${hint}`;
  const retry = { kind: 'retry', error, mayHaveArrived: isWordOfGateway(status) } as const;
  return retryAfterMs === null ? retry : { ...retry, afterMs: retryAfterMs };
};
