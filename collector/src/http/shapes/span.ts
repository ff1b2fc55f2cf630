import { z } from 'zod';
import type { Span } from '../../engine/effect.ts';
import type { RecordedSpan } from '../../store/port.ts';
import { instant } from '../schema.ts';
import { statusSchema } from './status.ts';

/** From `fromMs` on the status was this, until `toMs` or the next one. */
export const spanSchema = z
  .object({
    fromMs: instant,
    status: statusSchema,
    reason: z.string().nullable(),
    attributedTo: z.string().nullable().describe('Assets: the parent to whose fault this belongs.'),
  })
  .meta({ id: 'Span' });

/** A span of history with both ends. */
export const recordedSpanSchema = z
  .object({ ...spanSchema.shape, toMs: instant.nullable().describe('null while it is the present one.') })
  .meta({ id: 'RecordedSpan' });

/** A span as the API tells it; its subject is known. */
export const spanBody = (span: Span): z.input<typeof spanSchema> => ({
  fromMs: span.fromMs,
  status: span.status,
  reason: span.reason,
  attributedTo: span.attributedTo,
});

/** The same with its end. */
export const recordedSpanBody = (span: RecordedSpan): z.input<typeof recordedSpanSchema> => ({
  ...spanBody(span),
  toMs: span.toMs,
});
