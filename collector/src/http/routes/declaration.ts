import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import { decodeUtf8 } from '../../registry/utf8.ts';
import { DeclarationRefused } from '../../runtime/declaring.ts';
import type { DeclarationVersion } from '../../store/port.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageRequestOf } from '../paging.ts';
import { actorText, answers, instant, pageOf, pageQuery } from '../schema.ts';

const versionFields = { version: z.int(), appliedAtMs: instant, appliedBy: z.string(), source: z.string() };
const versionSchema = z.object(versionFields).meta({ id: 'DeclarationVersion' });
const declarationSchema = z.object({ ...versionFields, text: z.string() }).meta({ id: 'Declaration' });
const appliedSchema = z
  .object({
    ...versionFields,
    watchedFile: z
      .string()
      .nullable()
      .describe(
        'The file the collector watches: what was applied stays in force until that file changes. Null when it watches none.',
      ),
  })
  .meta({ id: 'AppliedDeclaration' });

const yamlTypes = ['text/yaml', 'application/yaml', 'application/x-yaml', 'text/x-yaml'] as const;

/** Keeps YAML as its bytes: it is read once, by the registry, which knows the lines. */
const acceptYaml = (api: Api): void => {
  api.addContentTypeParser([...yamlTypes], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
};

/** @throws DeclarationRefused when they are no UTF-8 */
const textOf = (bytes: Buffer, source: string): string => {
  const decoded = decodeUtf8(bytes, source);
  if ('error' in decoded) throw new DeclarationRefused([decoded.error]);
  return decoded.text;
};

const versionBody = (declaration: Omit<DeclarationVersion, 'text'>): z.input<typeof versionSchema> => ({
  version: declaration.version,
  appliedAtMs: declaration.appliedAtMs,
  appliedBy: declaration.appliedBy,
  source: declaration.source,
});

/** GET /declaration, PUT /declaration, GET /declaration/versions. */
export const declarationRoutes = (api: Api, { service }: HttpContext): void => {
  acceptYaml(api);

  api.get('/declaration', {
    // Not for `read`: the text may hold the secrets of notifiers.
    config: { permission: 'admin' },
    schema: {
      tags: ['declaration'],
      summary: 'The declaration in force, with its text',
      querystring: z.strictObject({}),
      response: answers(declarationSchema, 404),
    },
    handler: async () => {
      const declaration = await service.store.declaration();
      if (declaration === null) throw new AppError('NOT_FOUND', 'nothing was declared yet; PUT a file here');
      return { ...versionBody(declaration), text: declaration.text };
    },
  });

  api.put('/declaration', {
    config: { permission: 'admin' },
    // As much as a file may hold, which is more than any other body. Who may not apply one is refused before it is read.
    bodyLimit: limits.declarationBytesMax,
    schema: {
      tags: ['declaration'],
      summary: 'Checks a declaration whole and puts it in force',
      description: 'A refused one changes nothing; `errors` names file, line, path and what is needed for each mistake.',
      consumes: ['text/yaml', 'application/yaml'],
      querystring: z.strictObject({
        actor: actorText,
        source: z.string().trim().min(1).max(200).default('api').describe('Where the text is from; errors name it as the file.'),
      }),
      body: z
        .custom<Buffer>((body) => Buffer.isBuffer(body) && body.length > 0, {
          error: 'needs the declaration as text/yaml, in UTF-8',
        })
        .meta({ type: 'string', description: 'YAML in UTF-8.' }),
      response: answers(appliedSchema, 413, 415),
    },
    handler: async (request) => {
      const { actor, source } = request.query;
      const applied = await service.applyDeclaration(textOf(request.body, source), source, actor);
      return { ...versionBody(applied), watchedFile: service.watchedFile };
    },
  });

  api.get('/declaration/versions', {
    config: { permission: 'read' },
    schema: {
      tags: ['declaration'],
      summary: 'Versions that were in force, newest first',
      querystring: z.strictObject(pageQuery),
      response: answers(pageOf(versionSchema)),
    },
    handler: async (request) => {
      const page = await service.store.declarations(pageRequestOf(request.query));
      return { items: page.items.map(versionBody), next: page.next };
    },
  });
};
