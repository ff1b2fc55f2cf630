import { type AgentId, type AssetId, asId, type IncidentId, type UnitId, type ZoneId } from '@jiwei/shared/ids.ts';
import type { EngineConfig } from './config.ts';

/** What an incident must know of its asset; zones have a pseudo asset. */
export interface AffectedAsset {
  readonly id: AssetId;
  readonly name: string;
  readonly unitId: UnitId | null;
  readonly zoneId: ZoneId | null;
  readonly needsOnsite: boolean;
}

/** Pseudo asset of a zone, which carries the incidents of the zone itself. */
export const zoneAssetIdOf = (zoneId: ZoneId): AssetId => asId<'asset'>(`zone:${zoneId}`);

const zonePrefix = 'zone:';

/** The zone whose pseudo asset it is; null for a real asset. */
export const zoneOfAsset = (assetId: AssetId): ZoneId | null =>
  assetId.startsWith(zonePrefix) ? asId<'zone'>(assetId.slice(zonePrefix.length)) : null;

/** The asset, or the pseudo asset of a zone; null when it is not (or no longer) declared. */
export const affectedAsset = (config: EngineConfig, assetId: AssetId): AffectedAsset | null => {
  const asset = config.assets.get(assetId);
  if (asset !== undefined) return asset;
  const zoneId = zoneOfAsset(assetId);
  const zone = zoneId === null ? undefined : config.zones.get(zoneId);
  return zone === undefined ? null : { id: assetId, name: zone.name, unitId: null, zoneId: zone.id, needsOnsite: false };
};

/** Brands a key that was built from an id. */
export const asAgentId = (text: string): AgentId => asId<'agent'>(text);
/** Likewise for an asset. */
export const asAssetId = (text: string): AssetId => asId<'asset'>(text);
/** Likewise for an incident. */
export const asIncidentId = (text: string): IncidentId => asId<'incident'>(text);
