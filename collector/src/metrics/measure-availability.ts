import type { Clock } from '@jiwei/shared/clock.ts';
import { measureAssets } from '../engine/availability.ts';
import { assetSpans } from '../http/availability-query.ts';
import type { CollectorService } from '../runtime/service.ts';
import type { MeasureAvailability } from './availability-families.ts';

/** Availability from the status spans, by the same arithmetic as the API's. */
export const measureFromSpans =
  (service: Pick<CollectorService, 'view' | 'store'>, clock: Clock): MeasureAvailability =>
  async (range) => {
    const { config } = service.view;
    const assets = [...config.assets.values()];
    const spans = await assetSpans(
      service.store,
      assets.map((asset) => asset.id),
      range,
    );
    return measureAssets(config, assets, spans, range, clock.nowMs()).map(({ asset, parts }) => ({
      asset,
      upMs: parts.upMs + parts.degradedMs,
      downMs: parts.downMs,
      unknownMs: parts.unknownMs,
    }));
  };
