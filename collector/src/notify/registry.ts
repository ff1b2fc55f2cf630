import type { z } from 'zod';
import { logNotifier } from './log.ts';
import type { NotifierKind } from './notifier.ts';
import { smtpNotifier } from './smtp.ts';
import { webhookNotifier } from './webhook.ts';

/** Every kind of channel; a new one is a file and a line here. */
export const notifierKinds: readonly NotifierKind[] = [logNotifier, webhookNotifier, smtpNotifier];

/** Options of each kind, for the checker of declarations. */
export const notifierSchemas: ReadonlyMap<string, z.ZodType> = new Map(notifierKinds.map(({ kind, schema }) => [kind, schema]));
