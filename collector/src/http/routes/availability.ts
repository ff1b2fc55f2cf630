import { z } from 'zod';
import { groupShares, type MeasuredAsset, measureAssets, type Shares, sharesOf } from '../../engine/availability.ts';
import type { AssetConfig } from '../../engine/config.ts';
import { percentText } from '../../engine/ratio.ts';
import { assetSpans, ratioBody } from '../availability-query.ts';
import type { Api, HttpContext } from '../context.ts';
import { pageOfItems, pageRequestOf } from '../paging.ts';
import { answers, idText, instant, pageQuery, rangeQuery, refuseBadRange, spanMs } from '../schema.ts';

const ratioSchema = z
  .object({
    num: spanMs,
    den: spanMs,
    percentText: z.string().nullable().describe('Four decimals, cut off; null when nothing is known.'),
  })
  .meta({ id: 'Ratio' });

const partsSchema = z
  .object({
    upMs: spanMs,
    degradedMs: spanMs.describe('Counts as up.'),
    downMs: spanMs,
    unknownMs: spanMs,
    maintenanceMs: spanMs.describe('Inside approved windows: left out of every share.'),
    unrecordedMs: spanMs.describe('Before an agent was first given a check of it, and what has not yet come: left out too.'),
  })
  .meta({ id: 'AvailabilityParts' });

const shareFields = {
  parts: partsSchema.describe('Whole ms; they sum to the range (of a group: to the range times its assets).'),
  observed: ratioSchema.describe('(up + degraded) / (up + degraded + down)'),
  strict: ratioSchema.describe('(up + degraded) / (up + degraded + down + unknown)'),
  coverage: ratioSchema.describe('(up + degraded + down) / (up + degraded + down + unknown)'),
  isEnough: z.boolean().describe('Coverage is at least 95 %; otherwise the figure needs a decision by a person.'),
};

const measureFields = {
  fromMs: instant,
  toMs: instant,
  asOfMs: instant.describe('Collector time of the measurement; late data may still correct it.'),
  declarationVersion: z
    .int()
    .describe('Version of the declaration in force, as `/declaration/versions` lists it; 0 before the first.'),
  next: z.string().nullable(),
};

const assetAvailabilitySchema = z.object({ assetId: z.string(), ...shareFields }).meta({ id: 'AssetAvailability' });
const groupAvailabilitySchema = z
  .object({
    id: z.string().nullable().describe('Of the unit or zone; null for all.'),
    assets: z.int(),
    ...shareFields,
    importanceWeightedText: z.string().nullable().describe("Mean of the assets' observed shares by importance."),
    worst: z.object({ assetId: z.string(), observed: ratioSchema }).nullable(),
  })
  .meta({ id: 'GroupAvailability' });

const filterFields = { unitId: idText.exactOptional(), zoneId: idText.exactOptional() };
const assetQuery = z
  .strictObject({ ...pageQuery, ...rangeQuery, ...filterFields, assetId: idText.exactOptional() })
  .superRefine(refuseBadRange);
const groupQuery = z
  .strictObject({ ...pageQuery, ...rangeQuery, by: z.enum(['unit', 'zone', 'all']) })
  .superRefine(refuseBadRange);

const shareBody = ({ observed, strict, coverage, isEnough }: Shares) => ({
  observed: ratioBody(observed),
  strict: ratioBody(strict),
  coverage: ratioBody(coverage),
  isEnough,
});

const assetBody = ({ asset, parts }: MeasuredAsset): z.input<typeof assetAvailabilitySchema> => ({
  assetId: asset.id,
  parts: { ...parts },
  ...shareBody(sharesOf(parts)),
});

const groupBody = (id: string | null, measured: readonly MeasuredAsset[]): z.input<typeof groupAvailabilitySchema> => {
  const group = groupShares(measured);
  return {
    id,
    assets: measured.length,
    parts: { ...group.parts },
    ...shareBody(group),
    importanceWeightedText: percentText(group.importanceWeighted),
    worst: group.worst === null ? null : { assetId: group.worst.assetId, observed: ratioBody(group.worst.observed) },
  };
};

/** GET /availability/assets and /availability/groups: measured from the status spans at the moment of asking. */
export const availabilityRoutes = (api: Api, { service, clock, known }: HttpContext): void => {
  const measure = async (assets: readonly AssetConfig[], range: { fromMs: number; toMs: number }) => {
    const { config } = service.view;
    const ids = assets.map((asset) => asset.id);
    return measureAssets(config, assets, await assetSpans(service.store, ids, range), range, clock.nowMs());
  };
  const frame = ({ fromMs, toMs }: { fromMs: number; toMs: number }) => ({
    fromMs,
    toMs,
    asOfMs: clock.nowMs(),
    declarationVersion: service.declarationVersion,
  });

  api.get('/availability/assets', {
    config: { permission: 'read' },
    schema: {
      tags: ['history'],
      summary: 'Availability of each asset over a range',
      querystring: assetQuery,
      response: answers(z.object({ ...measureFields, items: z.array(assetAvailabilitySchema) })),
    },
    handler: async (request) => {
      const { assetId, unitId, zoneId } = request.query;
      await known.refuseUnknown({ assetId, unitId, zoneId });
      const assets = [...service.view.config.assets.values()]
        .filter((asset) => assetId === undefined || asset.id === assetId)
        .filter((asset) => unitId === undefined || asset.unitId === unitId)
        .filter((asset) => zoneId === undefined || asset.zoneId === zoneId);
      const page = pageOfItems(assets, (asset) => asset.id, pageRequestOf(request.query));
      const measured = await measure(page.items, request.query);
      return { ...frame(request.query), items: measured.map(assetBody), next: page.next };
    },
  });

  api.get('/availability/groups', {
    config: { permission: 'read' },
    schema: {
      tags: ['history'],
      summary: 'Availability of units, zones or all over a range',
      description: '`observed` is weighted by time, `importanceWeightedText` by importance, `worst` is the lowest asset.',
      querystring: groupQuery,
      response: answers(z.object({ ...measureFields, items: z.array(groupAvailabilitySchema) })),
    },
    handler: async (request) => {
      const { by } = request.query;
      const { config } = service.view;
      const measured = await measure([...config.assets.values()], request.query);
      if (by === 'all') return { ...frame(request.query), items: [groupBody(null, measured)], next: null };
      const ids = by === 'unit' ? config.units.keys() : config.zones.keys();
      const page = pageOfItems<string>(ids, (id) => id, pageRequestOf(request.query));
      const keyOf = ({ asset }: MeasuredAsset) => (by === 'unit' ? asset.unitId : asset.zoneId);
      const groups = Map.groupBy(measured, keyOf);
      const byText = new Map<string | null, readonly MeasuredAsset[]>(groups);
      return {
        ...frame(request.query),
        items: page.items.map((id) => groupBody(id, byText.get(id) ?? [])),
        next: page.next,
      };
    },
  });
};
