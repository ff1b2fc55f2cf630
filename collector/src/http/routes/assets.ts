import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { statuses } from '@jiwei/shared/status.ts';
import { z } from 'zod';
import { assetKinds } from '../../engine/config.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery, queryList } from '../schema.ts';
import { assetBody, assetSchema } from '../shapes/asset.ts';

const assetQuery = z.strictObject({
  ...pageQuery,
  unitId: idText.exactOptional(),
  zoneId: idText.exactOptional(),
  kind: queryList(z.enum(assetKinds), assetKinds.length).exactOptional(),
  status: queryList(z.enum(statuses), statuses.length).exactOptional().describe('Present status, several by comma.'),
});

/** GET /assets and /assets/:assetId. */
export const assetRoutes = (api: Api, { service, known }: HttpContext): void => {
  api.get('/assets', {
    config: { permission: 'read' },
    schema: {
      tags: ['assets'],
      summary: 'Assets with their present status, by id',
      querystring: assetQuery,
      response: answers(pageOf(assetSchema)),
    },
    handler: async (request) => {
      const { unitId, zoneId, kind, status } = request.query;
      await known.refuseUnknown({ unitId, zoneId });
      const assets = [...service.view.config.assets.values()]
        .filter((asset) => unitId === undefined || asset.unitId === unitId)
        .filter((asset) => zoneId === undefined || asset.zoneId === zoneId)
        .filter((asset) => kind === undefined || kind.includes(asset.kind))
        .filter((asset) => status === undefined || status.includes(service.view.asset(asset.id)?.status ?? 'unknown'));
      const page = pageOfItems(assets, (asset) => asset.id, pageRequestOf(request.query));
      return { items: page.items.map((asset) => assetBody(asset, service.view, service.startedAtMs)), next: page.next };
    },
  });

  api.get('/assets/:assetId', {
    config: { permission: 'read' },
    schema: {
      tags: ['assets'],
      summary: 'One asset with its present status',
      params: z.strictObject({ assetId: idText }),
      querystring: z.strictObject({}),
      response: answers(assetSchema, 404),
    },
    handler: async (request) => {
      const asset = service.view.config.assets.get(asId<'asset'>(request.params.assetId));
      if (asset === undefined) throw new AppError('NOT_FOUND', `asset ${request.params.assetId} is not declared`);
      return assetBody(asset, service.view, service.startedAtMs);
    },
  });
};
