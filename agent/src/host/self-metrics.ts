import { describe } from './reader.ts';

/** What the collector says about its readers, in node_exporter's words. */
export const scrapeSeconds = describe(
  'node_scrape_collector_duration_seconds',
  'gauge',
  'node_exporter: Duration of a collector scrape.',
  ['collector'],
);
export const scrapeSuccess = describe('node_scrape_collector_success', 'gauge', 'node_exporter: Whether a collector succeeded.', [
  'collector',
]);
export const seriesDropped = describe(
  'jiwei_agent_samples_dropped_total',
  'counter',
  'Host samples left out because the agent already has as many series as it may have.',
);

/** Families that no reader tells, but the collector itself. */
export const selfMetrics = [scrapeSeconds, scrapeSuccess, seriesDropped] as const;
