import { messageOf } from '@jiwei/shared/errors.ts';
import {
  type AgentConfig,
  agentConfigSchema,
  type CollectorMessage,
  collectorMessageSchema,
} from '@jiwei/shared/protocol/control.ts';
import { type RefusalClass, refusalClasses } from '@jiwei/shared/protocol/refusals.ts';
import { z } from 'zod';

export type Challenge = Extract<CollectorMessage, { type: 'challenge' }>;
export type ProbeRequest = Extract<CollectorMessage, { type: 'probeRequest' }>;

/** A refusal whose code may be newer than we are; its class says what to do. */
export interface RefuseMessage {
  readonly type: 'refuse';
  readonly code: string;
  readonly class: RefusalClass;
  readonly message: string;
  readonly retryAfterMs: number;
}

/** A configuration, or why it cannot be used. It is judged apart: one that we do not understand is no reason to close the link. */
export interface ConfigMessage {
  readonly type: 'config';
  readonly version: number;
  readonly config: AgentConfig | null;
  readonly errors: readonly string[];
}

/** A question that we cannot read (a kind of probe newer than we are) is left unanswered; it has its own deadline. */
export type LinkMessage =
  | Exclude<CollectorMessage, { type: 'config' | 'refuse' }>
  | ConfigMessage
  | RefuseMessage
  | { readonly type: 'unreadableQuestion'; readonly problem: string };

const typeSchema = z.object({ type: z.string() });
const configEnvelopeSchema = z.object({ config: z.object({ version: z.int().min(0) }) });
const configBodySchema = z.object({ config: agentConfigSchema });
const refusalSchema = z.object({
  type: z.literal('refuse'),
  code: z.string().max(64),
  class: z.enum(refusalClasses),
  message: z.string().transform((text) => text.slice(0, 500)),
  retryAfterMs: z.int().min(0).default(0),
});
const errorsMax = 20;

/** Reads one text message of the collector. @returns a problem when it is not one of the protocol */
export const readMessage = (text: string): { readonly message: LinkMessage } | { readonly problem: string } => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: `not JSON: ${messageOf(error)}` };
  }
  const typed = typeSchema.safeParse(json);
  if (!typed.success) return { problem: 'a message without a type' };
  if (typed.data.type === 'config') return readConfig(json);
  const parsed = typed.data.type === 'refuse' ? refusalSchema.safeParse(json) : collectorMessageSchema.safeParse(json);
  if (parsed.success) return { message: parsed.data as LinkMessage };
  const problem = `${typed.data.type}: ${issuesOf(parsed.error)[0] ?? 'not valid'}`;
  return typed.data.type === 'probeRequest' ? { message: { type: 'unreadableQuestion', problem } } : { problem };
};

const readConfig = (json: unknown): ReturnType<typeof readMessage> => {
  const envelope = configEnvelopeSchema.safeParse(json);
  if (!envelope.success) return { problem: `config: ${issuesOf(envelope.error)[0] ?? 'not valid'}` };
  const { version } = envelope.data.config;
  const body = configBodySchema.safeParse(json);
  const [config, errors] = body.success ? [body.data.config, []] : [null, issuesOf(body.error)];
  return { message: { type: 'config', version, config, errors } };
};

const issuesOf = (error: z.ZodError): string[] =>
  error.issues.slice(0, errorsMax).map((issue) => `${issue.path.join('.')}: ${issue.message}`.slice(0, 500));
