import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { Subject } from '../../engine/effect.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageRequestOf } from '../paging.ts';
import { answers, idText, instant, pageOf, pageQuery, rangeQuery, refuseBadRange } from '../schema.ts';
import { recordedSpanBody, recordedSpanSchema, spanBody, spanSchema } from '../shapes/span.ts';

const subjectKinds = ['asset', 'check', 'lane'] as const;

const subjectSchema = z.object({ kind: z.enum(subjectKinds), id: z.string() });

const correctionSchema = z
  .object({
    subject: subjectSchema,
    atMs: instant.describe('When the late data came.'),
    fromMs: instant,
    toMs: instant,
    before: z.array(spanSchema),
    after: z.array(spanSchema),
  })
  .meta({ id: 'Correction' });

const subjectOf = (kind: (typeof subjectKinds)[number], id: string): Subject => {
  switch (kind) {
    case 'asset':
      return { kind, id: asId<'asset'>(id) };
    case 'check':
      return { kind, id: asId<'check'>(id) };
    case 'lane':
      return { kind, id };
    default:
      return kind satisfies never;
  }
};

const idMeaning = "Id of an asset or check; a lane (one agent's view of a check) is `<checkId>@<agentId>`.";

/** GET /spans and /corrections: what was so when, and what late data changed of it. */
export const historyRoutes = (api: Api, { service }: HttpContext): void => {
  api.get('/spans', {
    config: { permission: 'read' },
    schema: {
      tags: ['history'],
      summary: 'Status spans that touch a range, ascending',
      description: 'Spans are whole: the first may begin before the range and the last may end after it.',
      querystring: z
        .strictObject({ ...rangeQuery, kind: z.enum(subjectKinds), id: idText.describe(idMeaning) })
        .superRefine(refuseBadRange),
      response: answers(z.object({ subject: subjectSchema, items: z.array(recordedSpanSchema) })),
    },
    handler: async (request) => {
      const { kind, id, fromMs, toMs } = request.query;
      const spans = await service.store.spans([subjectOf(kind, id)], { fromMs, toMs });
      return { subject: { kind, id }, items: spans.map(recordedSpanBody) };
    },
  });

  api.get('/corrections', {
    config: { permission: 'read' },
    schema: {
      tags: ['history'],
      summary: 'What late data changed, newest first',
      querystring: z
        .strictObject({
          ...pageQuery,
          kind: z.enum(subjectKinds).exactOptional(),
          id: idText.exactOptional().describe(idMeaning),
        })
        .refine((query) => (query.kind === undefined) === (query.id === undefined), {
          error: 'kind and id go together; leave both out for the corrections of all',
          path: ['id'],
        }),
      response: answers(pageOf(correctionSchema)),
    },
    handler: async (request) => {
      const { kind, id } = request.query;
      const subject = kind === undefined || id === undefined ? null : subjectOf(kind, id);
      const page = await service.store.corrections(subject, pageRequestOf(request.query));
      const items = page.items.map((correction) => ({
        subject: { kind: correction.subject.kind, id: String(correction.subject.id) },
        atMs: correction.atMs,
        fromMs: correction.range.fromMs,
        toMs: correction.range.toMs,
        before: correction.before.map(spanBody),
        after: correction.after.map(spanBody),
      }));
      return { items, next: page.next };
    },
  });
};
