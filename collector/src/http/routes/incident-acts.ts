import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { HumanAct } from '../../engine/event.ts';
import type { Api, HttpContext } from '../context.ts';
import { actorText, answers, idText } from '../schema.ts';
import { incidentBody, incidentSchema } from '../shapes/incident.ts';

const noteText = z.string().trim().min(1).max(limits.noteCharactersMax);
const actBody = z.strictObject({ actor: actorText, note: noteText.nullable().default(null) });
const noteBody = z.strictObject({ actor: actorText, note: noteText });

const acts = [
  { path: 'acknowledge', summary: 'Somebody has taken it on: stops the response clock', body: actBody },
  { path: 'arrive', summary: 'Somebody is on site: stops the on-site clock', body: actBody },
  { path: 'note', summary: 'Adds a remark to the timeline', body: noteBody },
  { path: 'resolve', summary: 'A person closes it, also while its fault goes on', body: actBody },
] as const;

const actOf = (kind: (typeof acts)[number]['path'], note: string | null): HumanAct =>
  kind === 'note' ? { kind, note: note ?? '' } : { kind, note };

/** POST /incidents/:incidentId/{acknowledge, arrive, note, resolve}. Answered after commit with the incident as it is then. */
export const incidentActRoutes = (api: Api, { service }: HttpContext): void => {
  for (const { path, summary, body } of acts) {
    api.post(`/incidents/:incidentId/${path}`, {
      config: { permission: 'operate' },
      schema: {
        tags: ['incidents'],
        summary,
        params: z.strictObject({ incidentId: idText }),
        querystring: z.strictObject({}),
        body,
        response: answers(incidentSchema, 404, 409, 413, 415),
      },
      handler: async (request) => {
        const { actor, note } = request.body;
        return incidentBody(await service.act(asId<'incident'>(request.params.incidentId), actor, actOf(path, note)));
      },
    });
  }
};
