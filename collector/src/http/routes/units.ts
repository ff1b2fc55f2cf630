import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { UnitConfig } from '../../engine/config.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery } from '../schema.ts';
import { assetViewOf } from '../shapes/asset.ts';
import { countStatuses, statusCountsSchema } from '../shapes/status.ts';

const unitSchema = z
  .object({ id: z.string(), name: z.string(), zoneId: z.string(), assets: statusCountsSchema, openIncidents: z.int() })
  .meta({ id: 'Unit' });

/** GET /units and /units/:unitId. */
export const unitRoutes = (api: Api, { service, known }: HttpContext): void => {
  const bodyOf = (unit: UnitConfig): z.input<typeof unitSchema> => {
    const { view } = service;
    const assets = [...view.config.assets.values()].filter((asset) => asset.unitId === unit.id);
    return {
      id: unit.id,
      name: unit.name,
      zoneId: unit.zoneId,
      assets: countStatuses(assets.map((asset) => assetViewOf(asset, view, service.startedAtMs).status)),
      openIncidents: view.openIncidents().filter((incident) => incident.unitId === unit.id).length,
    };
  };

  api.get('/units', {
    config: { permission: 'read' },
    schema: {
      tags: ['units'],
      summary: 'Units, by id',
      querystring: z.strictObject({ ...pageQuery, zoneId: idText.exactOptional() }),
      response: answers(pageOf(unitSchema)),
    },
    handler: async (request) => {
      const { zoneId } = request.query;
      await known.refuseUnknown({ zoneId });
      const units = [...service.view.config.units.values()].filter((unit) => zoneId === undefined || unit.zoneId === zoneId);
      const page = pageOfItems(units, (unit) => unit.id, pageRequestOf(request.query));
      return { items: page.items.map(bodyOf), next: page.next };
    },
  });

  api.get('/units/:unitId', {
    config: { permission: 'read' },
    schema: {
      tags: ['units'],
      summary: 'One unit',
      params: z.strictObject({ unitId: idText }),
      querystring: z.strictObject({}),
      response: answers(unitSchema, 404),
    },
    handler: async (request) => {
      const unit = service.view.config.units.get(asId<'unit'>(request.params.unitId));
      if (unit === undefined) throw new AppError('NOT_FOUND', `unit ${request.params.unitId} is not declared`);
      return bodyOf(unit);
    },
  });
};
