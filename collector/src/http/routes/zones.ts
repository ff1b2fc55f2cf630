import { AppError } from '@jiwei/shared/errors.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { z } from 'zod';
import type { ZoneConfig } from '../../engine/config.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, pageOf, pageQuery } from '../schema.ts';
import { assetViewOf } from '../shapes/asset.ts';
import { countStatuses, statusCountsSchema } from '../shapes/status.ts';

const zoneSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    crew: z.string(),
    units: z.int(),
    assets: statusCountsSchema,
    openIncidents: z.int(),
  })
  .meta({ id: 'Zone' });

/** GET /zones and /zones/:zoneId. */
export const zoneRoutes = (api: Api, { service }: HttpContext): void => {
  const bodyOf = (zone: ZoneConfig): z.input<typeof zoneSchema> => {
    const { view } = service;
    const assets = [...view.config.assets.values()].filter((asset) => asset.zoneId === zone.id);
    return {
      id: zone.id,
      name: zone.name,
      crew: zone.crew,
      units: [...view.config.units.values()].filter((unit) => unit.zoneId === zone.id).length,
      assets: countStatuses(assets.map((asset) => assetViewOf(asset, view, service.startedAtMs).status)),
      openIncidents: view.openIncidents().filter((incident) => incident.zoneId === zone.id).length,
    };
  };

  api.get('/zones', {
    config: { permission: 'read' },
    schema: {
      tags: ['zones'],
      summary: 'Zones, by id',
      querystring: z.strictObject(pageQuery),
      response: answers(pageOf(zoneSchema)),
    },
    handler: async (request) => {
      const page = pageOfItems(service.view.config.zones.values(), (zone) => zone.id, pageRequestOf(request.query));
      return { items: page.items.map(bodyOf), next: page.next };
    },
  });

  api.get('/zones/:zoneId', {
    config: { permission: 'read' },
    schema: {
      tags: ['zones'],
      summary: 'One zone',
      params: z.strictObject({ zoneId: idText }),
      querystring: z.strictObject({}),
      response: answers(zoneSchema, 404),
    },
    handler: async (request) => {
      const zone = service.view.config.zones.get(asId<'zone'>(request.params.zoneId));
      if (zone === undefined) throw new AppError('NOT_FOUND', `zone ${request.params.zoneId} is not declared`);
      return bodyOf(zone);
    },
  });
};
