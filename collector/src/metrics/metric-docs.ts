import { type Label, labelsText } from '@jiwei/shared/series.ts';
import type { FamilyType, TextFamily, TextSample } from './text-format.ts';

/** One metric of the collector as people look it up. docs/metrics.md lists the same, and a test compares. */
export interface CollectorMetricDoc {
  readonly type: FamilyType;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Everything `/metrics` tells besides the process's own metrics. */
export const metricDocs = {
  jiwei_collector_info: { type: 'gauge', help: '1, with the version of the collector', labels: ['version'] },
  jiwei_asset_info: {
    type: 'gauge',
    help: '1, with what the register says of the asset',
    labels: ['asset', 'kind', 'unit', 'zone', 'crew', 'importance'],
  },
  jiwei_asset_state: {
    type: 'gauge',
    help: 'State of the asset: 0 down, 1 up, 2 degraded, 3 unknown, 4 in maintenance',
    labels: ['asset'],
  },
  jiwei_check_state: {
    type: 'gauge',
    help: 'State of the check: 0 down, 1 up, 2 degraded, 3 unknown',
    labels: ['check', 'asset'],
  },
  jiwei_checks_unasked: {
    type: 'gauge',
    help: 'Checks that no agent asks: none fits, or all that fit have as many checks as an agent may have',
    labels: [],
  },
  jiwei_availability_ratio: {
    type: 'gauge',
    help: 'Up or degraded time by known time of the window, maintenance left out, 0 to 1',
    labels: ['scope', 'id', 'window'],
  },
  jiwei_availability_strict_ratio: {
    type: 'gauge',
    help: 'The same with unknown time counted as not available, 0 to 1',
    labels: ['scope', 'id', 'window'],
  },
  jiwei_availability_coverage_ratio: {
    type: 'gauge',
    help: 'Known time by all recorded time of the window, maintenance left out, 0 to 1',
    labels: ['scope', 'id', 'window'],
  },
  jiwei_incidents_open: { type: 'gauge', help: 'Incidents open or acknowledged', labels: ['zone', 'severity'] },
  jiwei_incidents_total: { type: 'counter', help: 'Incidents opened', labels: ['zone', 'severity', 'source'] },
  jiwei_response_cycles_total: {
    type: 'counter',
    help: 'Response promises settled: hit, miss or excluded',
    labels: ['crew', 'result'],
  },
  jiwei_onsite_cycles_total: {
    type: 'counter',
    help: 'On-site promises settled: hit, miss or excluded',
    labels: ['crew', 'result'],
  },
  jiwei_response_seconds: {
    type: 'histogram',
    help: 'From opening to acknowledgement, per response cycle',
    labels: ['severity'],
  },
  jiwei_restore_seconds: { type: 'histogram', help: 'From opening to resolution, per response cycle', labels: ['severity'] },
  jiwei_alerts: { type: 'gauge', help: 'Alerts of the rules by state, pending or firing', labels: ['rule', 'state'] },
  jiwei_spans_forgotten_total: {
    type: 'counter',
    help: 'Spans of histories that late data can no longer correct, because their subject changed too often',
    labels: [],
  },
  jiwei_results_too_late_total: {
    type: 'counter',
    help: 'Results of checks that came too late to correct what was recorded',
    labels: [],
  },
  jiwei_rule_series: { type: 'gauge', help: 'Series the rules look at', labels: [] },
  jiwei_rule_samples_dropped_total: {
    type: 'counter',
    help: 'Samples rules did not see because they look at too many series already',
    labels: [],
  },
  jiwei_agent_up: { type: 'gauge', help: '1 when the agent is connected, else 0', labels: ['agent', 'asset', 'zone'] },
  jiwei_agent_clock_skew_seconds: { type: 'gauge', help: "Agent's clock minus the collector's", labels: ['agent'] },
  jiwei_agent_spool_frames: { type: 'gauge', help: 'Frames waiting on the agent', labels: ['agent'] },
  jiwei_agent_spool_bytes: { type: 'gauge', help: 'Bytes waiting on the agent', labels: ['agent'] },
  jiwei_declaration_version: { type: 'gauge', help: 'Version of the declaration in force; 0 before the first', labels: [] },
  jiwei_declaration_refused: {
    type: 'gauge',
    help: '1 while the declaration file is refused and the one before stays in force, else 0',
    labels: [],
  },
  jiwei_writer_healthy: { type: 'gauge', help: '1 while the store takes commits, else 0', labels: [] },
  jiwei_store_bytes: { type: 'gauge', help: 'Size of the database', labels: [] },
  jiwei_store_verified_timestamp_seconds: {
    type: 'gauge',
    help: 'When all that is stored was last read and compared with its checksums, 0 before the first time',
    labels: [],
  },
  jiwei_store_damages: {
    type: 'gauge',
    help: 'Rows that did not fit their checksum then, and tables whose structure or index was wrong',
    labels: [],
  },
  jiwei_frames_stored_total: { type: 'counter', help: 'Frames committed', labels: ['kind'] },
  jiwei_frame_bytes_total: { type: 'counter', help: 'Bytes of the frames committed', labels: ['kind'] },
  jiwei_frames_duplicate_total: { type: 'counter', help: 'Frames that came again and were ignored', labels: [] },
  jiwei_frames_missing_total: { type: 'counter', help: 'Frames that never came although later ones did', labels: [] },
  jiwei_frames_dropped_total: { type: 'counter', help: 'Frames agents reported as dropped', labels: [] },
  jiwei_frames_parked_total: { type: 'counter', help: 'Frames set aside because they stopped the collector', labels: [] },
  jiwei_samples_stored_total: { type: 'counter', help: 'Samples committed', labels: [] },
  jiwei_results_stored_total: { type: 'counter', help: 'Results of checks committed', labels: [] },
  jiwei_results_ignored_total: {
    type: 'counter',
    help: 'Results of checks no longer declared, or that say nothing of their target',
    labels: [],
  },
  jiwei_links_refused_total: { type: 'counter', help: 'Connections of agents refused', labels: ['code'] },
  jiwei_connections_refused_total: {
    type: 'counter',
    help: 'Connections ended before a request: full (no room), address (no room for its address), tls (no handshake, or not in time)',
    labels: ['why'],
  },
  jiwei_links_throttled_total: {
    type: 'counter',
    help: 'Times an agent sent more than one agent may, and was not read from until that was worked off',
    labels: [],
  },
  jiwei_links_slowed: { type: 'gauge', help: 'Agents that are not read from at the moment for that reason', labels: [] },
  jiwei_events_total: { type: 'counter', help: 'Events the engine has stepped through', labels: [] },
  jiwei_commit_seconds: { type: 'histogram', help: 'Time of one commit, steps of the engine included', labels: [] },
  jiwei_commits_failed_total: { type: 'counter', help: 'Commits the store refused', labels: [] },
  jiwei_queue_events: { type: 'gauge', help: 'Events waiting for the writer', labels: [] },
  jiwei_queue_bytes: { type: 'gauge', help: 'Bytes of them', labels: [] },
  jiwei_notify_total: {
    type: 'counter',
    help: 'Tries to notify by outcome: sent, retry, failed or disabled',
    labels: ['channel', 'result'],
  },
  jiwei_notify_dropped_total: {
    type: 'counter',
    help: 'Notices not told any more, as what they tell of was over before they could be told',
    labels: ['channel', 'route'],
  },
  jiwei_tls_reload_successful: {
    type: 'gauge',
    help: '1 when the TLS files found last are in force, 0 when they could not be used and the ones before stay',
    labels: [],
  },
  jiwei_tls_certificate_expiry_timestamp_seconds: { type: 'gauge', help: 'When the certificate in force ends', labels: [] },
} as const satisfies Readonly<Record<string, CollectorMetricDoc>>;

export type CollectorMetricName = keyof typeof metricDocs;

/** A sample of a documented metric; label values in the order of its documented names. */
export const sampleOf = (name: CollectorMetricName, values: readonly string[], value: number): TextSample => ({
  name,
  labels: labelsOf(name, values),
  value,
  atMs: null,
});

const labelsOf = (name: CollectorMetricName, values: readonly string[]): string => {
  const labels = metricDocs[name].labels.map((label, index): Label => [label, values[index] ?? '']);
  // An empty value is the same as none.
  return labelsText(labels.filter(([, value]) => value !== '').sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** A family with its documented type and help. */
export const familyOf = (name: CollectorMetricName, samples: readonly TextSample[]): TextFamily => ({
  name,
  type: metricDocs[name].type,
  help: metricDocs[name].help,
  samples,
});

/** What is kept of a histogram: how many fell into each bucket alone (the last one is for all above), and their sum. */
export interface Buckets {
  readonly counts: number[];
  sum: number;
}

/** The samples of a histogram with one set of label values. */
export const histogramSamples = (
  name: CollectorMetricName,
  values: readonly string[],
  bounds: readonly number[],
  { counts, sum }: Buckets,
): readonly TextSample[] => {
  const labels = labelsOf(name, values);
  const withBound = (bound: string): string => `le="${bound}"${labels === '' ? '' : `,${labels}`}`;
  let total = 0;
  const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, index): TextSample => {
    total += counts[index] ?? 0;
    const text = Number.isFinite(bound) ? String(bound) : '+Inf';
    return { name: `${name}_bucket`, labels: withBound(text), value: total, atMs: null };
  });
  return [
    ...buckets,
    { name: `${name}_sum`, labels, value: sum, atMs: null },
    { name: `${name}_count`, labels, value: total, atMs: null },
  ];
};
