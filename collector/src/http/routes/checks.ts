import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { type ProbeKind, probeKindNames } from '@jiwei/shared/probes/registry.ts';
import { statuses } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import type { CheckConfig } from '../../engine/config.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery, queryList, rangeQuery, refuseBadRange } from '../schema.ts';
import { checkBody, checkSchema, storedResultBody, storedResultSchema } from '../shapes/check.ts';

const kinds = probeKindNames as [ProbeKind, ...ProbeKind[]];
const checkParams = z.strictObject({ checkId: idText });

const checkQuery = z.strictObject({
  ...pageQuery,
  assetId: idText.exactOptional(),
  agentId: idText.exactOptional().describe('Checks this agent runs.'),
  kind: queryList(z.enum(kinds), kinds.length).exactOptional(),
  status: queryList(z.enum(statuses), statuses.length).exactOptional(),
});

/** GET /checks, /checks/:checkId and its results. */
export const checkRoutes = (api: Api, { service, known }: HttpContext): void => {
  const find = (checkId: string): CheckConfig => {
    const check = service.view.config.checks.get(asId<'check'>(checkId));
    if (check === undefined) throw new AppError('NOT_FOUND', `check ${checkId} is not declared`);
    return check;
  };

  api.get('/checks', {
    config: { permission: 'read' },
    schema: {
      tags: ['checks'],
      summary: 'Checks with the latest result of each agent, by id',
      querystring: checkQuery,
      response: answers(pageOf(checkSchema)),
    },
    handler: async (request) => {
      const { assetId, agentId, kind, status } = request.query;
      await known.refuseUnknown({ assetId, agentId });
      const checks = [...service.view.config.checks.values()]
        .filter((check) => assetId === undefined || check.assetId === assetId)
        .filter((check) => agentId === undefined || check.agentIds.includes(asId<'agent'>(agentId)))
        .filter((check) => kind === undefined || kind.includes(check.probe.kind))
        .filter((check) => status === undefined || status.includes(service.view.check(check.id)?.status ?? 'unknown'));
      const page = pageOfItems(checks, (check) => check.id, pageRequestOf(request.query));
      return { items: page.items.map((check) => checkBody(check, service.view, service.startedAtMs)), next: page.next };
    },
  });

  api.get('/checks/:checkId', {
    config: { permission: 'read' },
    schema: {
      tags: ['checks'],
      summary: 'One check with the latest result of each agent',
      params: checkParams,
      querystring: z.strictObject({}),
      response: answers(checkSchema, 404),
    },
    handler: async (request) => checkBody(find(request.params.checkId), service.view, service.startedAtMs),
  });

  api.get('/checks/:checkId/results', {
    config: { permission: 'read' },
    schema: {
      tags: ['checks'],
      summary: 'Results of a check in a range, newest first',
      description: 'Also of a check that is no longer declared, as long as its results are kept.',
      params: checkParams,
      querystring: z.strictObject({ ...pageQuery, ...rangeQuery }).superRefine(refuseBadRange),
      response: answers(pageOf(storedResultSchema), 404),
    },
    handler: async (request) => {
      const { fromMs, toMs } = request.query;
      const id = asId<'check'>(request.params.checkId);
      if (!(await known.isSubject({ kind: 'check', id })))
        throw new AppError('NOT_FOUND', `check ${id} is not declared, and nothing is recorded of it`);
      const page = await service.store.results(id, { fromMs, toMs }, pageRequestOf(request.query));
      return { items: page.items.map(storedResultBody), next: page.next };
    },
  });
};
