import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { Subject } from '../../engine/effect.ts';
import type { Api, HttpContext } from '../context.ts';
import type { Known } from '../known.ts';
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

/** @throws REQUEST_INVALID for an id that is mistyped */
const refuseUnknownSubject = async (known: Known, subject: Subject): Promise<void> => {
  if (await known.isSubject(subject)) return;
  const { kind, id } = subject;
  throw new AppError('REQUEST_INVALID', `id is "${id}"; no such ${kind} is declared, and nothing is recorded of one`);
};

/** GET /spans and /corrections: what was so when, and what late data changed of it. */
export const historyRoutes = (api: Api, { service, known }: HttpContext): void => {
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
      const subject = subjectOf(kind, id);
      await refuseUnknownSubject(known, subject);
      const spans = await service.store.spans([subject], { fromMs, toMs });
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
      if (subject !== null) await refuseUnknownSubject(known, subject);
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
