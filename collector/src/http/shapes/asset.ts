import { z } from 'zod';
import type { AssetConfig } from '../../engine/config.ts';
import { assetKinds } from '../../engine/config.ts';
import type { AssetView, LiveView } from '../../engine/view.ts';
import { instant } from '../schema.ts';
import { resultBody, resultSchema } from './check.ts';
import { statusSchema } from './status.ts';

/** An asset with its present status. */
export const assetSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(assetKinds),
    unitId: z.string().nullable(),
    zoneId: z.string().nullable(),
    importance: z.int().min(1).max(5).describe('1 least, 5 most.'),
    parentIds: z.array(z.string()),
    needsOnsite: z.boolean(),
    status: statusSchema,
    sinceMs: instant.describe('Since when it has this status.'),
    isInMaintenance: z.boolean(),
    openIncidentIds: z.array(z.string()),
    heldIncidentIds: z
      .array(z.string())
      .describe('Incidents a person closed while their fault went on, which was not seen to end since: it opens none anew.'),
    hindrance: z
      .object({ checkId: z.string(), agentId: z.string(), result: resultSchema })
      .nullable()
      .describe('Of an unknown asset: a critical check that an agent cannot ask, and why; null when none says so.'),
  })
  .meta({ id: 'Asset' });

/** Present view of a declared asset; unknown since the start while nothing has been heard of it. */
export const assetViewOf = (asset: AssetConfig, view: LiveView, startedAtMs: number): AssetView =>
  view.asset(asset.id) ?? {
    id: asset.id,
    status: 'unknown',
    sinceMs: startedAtMs,
    isInMaintenance: false,
    openIncidentIds: [],
    heldIncidentIds: [],
    hindrance: null,
  };

/** An asset as the API tells it. */
export const assetBody = (asset: AssetConfig, view: LiveView, startedAtMs: number): z.input<typeof assetSchema> => {
  const present = assetViewOf(asset, view, startedAtMs);
  return {
    id: asset.id,
    name: asset.name,
    kind: asset.kind,
    unitId: asset.unitId,
    zoneId: asset.zoneId,
    importance: asset.importance,
    parentIds: [...asset.parentIds],
    needsOnsite: asset.needsOnsite,
    status: present.status,
    sinceMs: present.sinceMs,
    isInMaintenance: present.isInMaintenance,
    openIncidentIds: [...present.openIncidentIds],
    heldIncidentIds: [...present.heldIncidentIds],
    hindrance: present.hindrance === null ? null : { ...present.hindrance, result: resultBody(present.hindrance.result) },
  };
};
