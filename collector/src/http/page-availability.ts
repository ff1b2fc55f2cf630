import type { Clock } from '@jiwei/shared/clock.ts';
import { dayMs, hourMs, secondMs } from '@jiwei/shared/time.ts';
import { groupShares, measureAssets } from '../engine/availability.ts';
import { percentText } from '../engine/ratio.ts';
import type { CollectorService } from '../runtime/service.ts';
import { assetSpans } from './availability-query.ts';
import { type PageAvailability, type PageWindow, pageWindows } from './page/model.ts';

const windowMs: Readonly<Record<PageWindow, number>> = { hour: hourMs, day: dayMs, week: 7 * dayMs, month: 30 * dayMs };

/** The figures move slowly and reading 30 days of every asset is work, so all who look within this time share one answer. */
const keptMs = 15 * secondMs;

const measure = async (service: CollectorService, nowMs: number): Promise<readonly PageAvailability[]> => {
  const { config } = service.view;
  const assets = [...config.assets.values()];
  const spans = await assetSpans(
    service.store,
    assets.map((asset) => asset.id),
    { fromMs: nowMs - windowMs.month, toMs: nowMs },
  );
  return pageWindows.map((window) => {
    const group = groupShares(measureAssets(config, assets, spans, { fromMs: nowMs - windowMs[window], toMs: nowMs }, nowMs));
    const worst =
      group.worst === null ? null : { assetId: group.worst.assetId, observed: percentText(group.worst.observed) ?? '' };
    const observed = percentText(group.observed);
    return { window, observed, coverage: percentText(group.coverage), isEnough: group.isEnough, worst };
  });
};

/** Reads the page's figures, at most once per keptMs whoever asks. A failed reading is not kept. */
export const createPageAvailability = (service: CollectorService, clock: Clock): (() => Promise<readonly PageAvailability[]>) => {
  let kept: { readonly atMs: number; readonly figures: Promise<readonly PageAvailability[]> } | null = null;
  return async () => {
    if (kept === null || clock.monotonicMs() - kept.atMs >= keptMs) {
      kept = { atMs: clock.monotonicMs(), figures: measure(service, clock.nowMs()) };
    }
    try {
      return await kept.figures;
    } catch (error) {
      kept = null;
      throw error;
    }
  };
};
