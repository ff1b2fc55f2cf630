import type { IncidentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { Incident } from '../engine/incident.ts';
import { onsiteResultOf, responseResultOf } from '../engine/response.ts';
import type { Store } from '../store/port.ts';
import { type Buckets, type CollectorMetricName, familyOf, histogramSamples, sampleOf } from './metric-docs.ts';
import type { TextFamily } from './text-format.ts';

/** Around the promises of 3 and 15 minutes, up to a day; seconds. */
const bounds = [10, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

/** What counting incidents has come to: counters by their label values, histograms by severity. */
interface Totals {
  readonly opened: Map<string, number>;
  readonly response: Map<string, number>;
  readonly onsite: Map<string, number>;
  readonly responseSeconds: Map<string, Buckets>;
  readonly restoreSeconds: Map<string, Buckets>;
}

/**
 * Counts incidents and their response cycles. Nothing is counted twice or lost by a restart, because everything is counted from the incidents
 * themselves: those stored when the collector starts, and each that is resolved since. What is older than the retention of history is gone
 * from the store, and after the next restart from the counters: to Prometheus that is a restart of the counter.
 */
export interface IncidentTally {
  /** Reads all stored incidents; to be awaited before the first scrape. @throws STORE_UNAVAILABLE, STORE_CORRUPT */
  load(nowMs: EpochMs): Promise<void>;
  /** An incident changed. */
  note(incident: Incident): void;
  /** @param open incidents that are not resolved */
  families(open: readonly Incident[], nowMs: EpochMs): readonly TextFamily[];
}

/** Empty until `load`. */
export const createIncidentTally = (store: Pick<Store, 'incidents'>): IncidentTally => {
  const final = emptyTotals();
  /** Resolved but may be reopened yet; so what they count for is not final. */
  const recent = new Map<IncidentId, Incident>();

  const note = (incident: Incident): void => {
    if (incident.state === 'resolved') recent.set(incident.id, incident);
    else recent.delete(incident.id);
  };

  const settle = (nowMs: EpochMs): void => {
    for (const [id, incident] of recent) {
      if ((incident.resolvedAtMs ?? nowMs) > nowMs - limits.reopenMs) continue;
      recent.delete(id);
      add(final, incident, nowMs);
    }
  };

  return {
    load: async (nowMs) => {
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<Store['incidents']>> = await store.incidents(
          { states: ['resolved'] },
          { limit: limits.pageItemsMax, cursor },
        );
        for (const incident of page.items) note(incident);
        // Most are final at once: they need not all be held at the same time.
        settle(nowMs);
        cursor = page.next;
      } while (cursor !== null);
    },
    note,
    families: (open, nowMs) => {
      settle(nowMs);
      const totals = copyOf(final);
      // One that was reopened is among the open ones and no longer among the recent; both lists come from the same commit.
      const seen = new Set(open.map((incident) => incident.id));
      for (const incident of [...open, ...[...recent.values()].filter(({ id }) => !seen.has(id))]) add(totals, incident, nowMs);
      return [openFamily(open), ...familiesOf(totals)];
    },
  };
};

const emptyTotals = (): Totals => ({
  opened: new Map(),
  response: new Map(),
  onsite: new Map(),
  responseSeconds: new Map(),
  restoreSeconds: new Map(),
});

const copyOf = (totals: Totals): Totals => {
  const copyBuckets = (buckets: Map<string, Buckets>) =>
    new Map([...buckets].map(([key, { counts, sum }]): [string, Buckets] => [key, { counts: [...counts], sum }]));
  return {
    opened: new Map(totals.opened),
    response: new Map(totals.response),
    onsite: new Map(totals.onsite),
    responseSeconds: copyBuckets(totals.responseSeconds),
    restoreSeconds: copyBuckets(totals.restoreSeconds),
  };
};

const count = (counters: Map<string, number>, ...labels: readonly string[]): void => {
  const key = JSON.stringify(labels);
  counters.set(key, (counters.get(key) ?? 0) + 1);
};

const observe = (histograms: Map<string, Buckets>, label: string, ms: number): void => {
  const key = JSON.stringify([label]);
  const buckets = histograms.get(key) ?? { counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
  histograms.set(key, buckets);
  const seconds = ms / 1000;
  const place = bounds.findIndex((bound) => seconds <= bound);
  const at = place < 0 ? bounds.length : place;
  buckets.counts[at] = (buckets.counts[at] ?? 0) + 1;
  buckets.sum += seconds;
};

const add = (totals: Totals, incident: Incident, nowMs: EpochMs): void => {
  count(totals.opened, incident.zoneId ?? '', incident.severity, sourceOf(incident));
  for (const cycle of incident.cycles) {
    const response = responseResultOf(cycle, nowMs);
    if (response !== 'open') count(totals.response, incident.crew, response);
    const onsite = onsiteResultOf(cycle, nowMs);
    if (onsite !== null && onsite !== 'open') count(totals.onsite, incident.crew, onsite);
    if (cycle.respondedAtMs !== null) observe(totals.responseSeconds, incident.severity, cycle.respondedAtMs - cycle.openedAtMs);
    if (cycle.resolvedAtMs !== null) observe(totals.restoreSeconds, incident.severity, cycle.resolvedAtMs - cycle.openedAtMs);
  }
};

/** Where an incident came from, by its problem. */
const sourceOf = ({ problem }: Incident): string => {
  if (problem.startsWith('rule:')) return 'rule';
  if (problem === 'cloned') return 'agent';
  return problem === 'agent' || problem === 'zone' || problem === 'storm' ? problem : 'check';
};

const openFamily = (open: readonly Incident[]): TextFamily => {
  const counts = new Map<string, number>();
  for (const incident of open) count(counts, incident.zoneId ?? '', incident.severity);
  return familyOf('jiwei_incidents_open', samplesOf('jiwei_incidents_open', counts));
};

const samplesOf = (name: CollectorMetricName, counts: ReadonlyMap<string, number>) =>
  [...counts].map(([key, value]) => sampleOf(name, labelValues(key), value));

const labelValues = (key: string): readonly string[] => {
  const values: readonly string[] = JSON.parse(key);
  return values;
};

const familiesOf = (totals: Totals): readonly TextFamily[] => {
  const histogram = (name: 'jiwei_response_seconds' | 'jiwei_restore_seconds', all: ReadonlyMap<string, Buckets>) =>
    familyOf(
      name,
      [...all].flatMap(([key, buckets]) => histogramSamples(name, labelValues(key), bounds, buckets)),
    );
  return [
    familyOf('jiwei_incidents_total', samplesOf('jiwei_incidents_total', totals.opened)),
    familyOf('jiwei_response_cycles_total', samplesOf('jiwei_response_cycles_total', totals.response)),
    familyOf('jiwei_onsite_cycles_total', samplesOf('jiwei_onsite_cycles_total', totals.onsite)),
    histogram('jiwei_response_seconds', totals.responseSeconds),
    histogram('jiwei_restore_seconds', totals.restoreSeconds),
  ];
};
