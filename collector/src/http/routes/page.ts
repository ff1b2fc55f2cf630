import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Api, HttpContext } from '../context.ts';
import { pageModel } from '../page/model.ts';
import { renderPage } from '../page/page.ts';
import { script } from '../page/script.ts';
import { stylesheet } from '../page/stylesheet.ts';
import { chooseLanguage } from '../page/words.ts';
import { answersByHand } from '../schema.ts';

/** A file whose name changes with its content, so that browsers may keep it for good. */
const fileOf = (name: string, extension: string, text: string) => ({
  path: `/page/${name}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.${extension}`,
  text,
});

/** GET /: the overview for people, and its two files. */
export const pageRoutes = (api: Api, { service, clock, pageAvailability }: HttpContext): void => {
  const style = fileOf('style', 'css', stylesheet);
  const code = fileOf('script', 'js', script);

  api.get('/', {
    config: { permission: 'read', opensToLoopback: true, asksBrowser: true },
    schema: {
      tags: ['page'],
      summary: 'The overview for people',
      querystring: z.strictObject({ lang: z.string().max(35).exactOptional() }),
      response: answersByHand(z.string()),
    },
    handler: async (request, reply) => {
      const language = chooseLanguage(request.query.lang, request.headers['accept-language']);
      const atMs = clock.nowMs();
      const model = await pageModel(service, atMs, await pageAvailability());
      void reply.header('vary', 'accept-language').header('content-language', language);
      return reply
        .type('text/html; charset=utf-8')
        .send(renderPage(model, language, { stylePath: style.path, scriptPath: code.path }));
    },
  });

  for (const [file, type] of [
    [style, 'text/css; charset=utf-8'],
    [code, 'text/javascript; charset=utf-8'],
  ] as const) {
    api.get(file.path, {
      config: { permission: 'open' },
      schema: {
        tags: ['page'],
        summary: `A file of the page (${type})`,
        querystring: z.strictObject({}),
        response: answersByHand(z.string()),
      },
      handler: async (_request, reply) =>
        reply.header('cache-control', 'public, max-age=31536000, immutable').type(type).send(file.text),
    });
  }
};
