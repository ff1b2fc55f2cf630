import type { FrameKind } from '@jiwei/shared/protocol/frame.ts';
import { labelsText } from '@jiwei/shared/series.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DoorRefusal } from '../http/door.ts';
import type { NotifyCounters } from '../notify/outbox.ts';
import type { RuntimeCounters } from '../runtime/counters.ts';
import type { VerificationCounters } from '../runtime/verification.ts';
import { type CollectorMetricName, metricDocs } from './metric-docs.ts';
import type { TextFamily, TextSample } from './text-format.ts';

/** All that the parts of the collector count while they work. */
export interface CollectorCounters extends RuntimeCounters, NotifyCounters, VerificationCounters {
  /** What was counted, and the process's own metrics (CPU, memory, event loop, garbage collection, open files). */
  families(): Promise<readonly TextFamily[]>;
  /** A connection was ended before a request came on it. */
  connectionRefused(why: DoorRefusal): void;
  /** TLS files are in force; their certificate ends at this instant, epoch ms. */
  tlsInForce(endsAtMs: number): void;
  /** TLS files were found that cannot be used. */
  tlsRefused(): void;
  /** Stops watching the event loop and the garbage collection. */
  close(): void;
}

/** prom-client writes these gauges with the suffix of counters, which checkers refuse; the same without it stays. */
const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'] as const;

/** A commit is a few ms; slower ones are told apart up to where agents notice. Seconds. */
const commitBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** These begin at 0 with the process; to Prometheus that is a restart of the counter. */
export const createCollectorCounters = (): CollectorCounters => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);

  const optionsOf = (name: CollectorMetricName) => ({
    name,
    help: metricDocs[name].help,
    labelNames: [...metricDocs[name].labels],
    registers: [registry],
  });
  const counter = (name: CollectorMetricName): Counter => new Counter(optionsOf(name));
  const framesStored = counter('jiwei_frames_stored_total');
  const frameBytes = counter('jiwei_frame_bytes_total');
  const duplicates = counter('jiwei_frames_duplicate_total');
  const missing = counter('jiwei_frames_missing_total');
  const dropped = counter('jiwei_frames_dropped_total');
  const parked = counter('jiwei_frames_parked_total');
  const samples = counter('jiwei_samples_stored_total');
  const results = counter('jiwei_results_stored_total');
  const ignored = counter('jiwei_results_ignored_total');
  const refused = counter('jiwei_links_refused_total');
  const connectionsRefused = counter('jiwei_connections_refused_total');
  const throttled = counter('jiwei_links_throttled_total');
  const throttledNow = new Gauge(optionsOf('jiwei_links_slowed'));
  const events = counter('jiwei_events_total');
  const commitsFailed = counter('jiwei_commits_failed_total');
  const notified = counter('jiwei_notify_total');
  const noticesDropped = counter('jiwei_notify_dropped_total');
  const commitSeconds = new Histogram({ ...optionsOf('jiwei_commit_seconds'), buckets: commitBounds });
  const queueEvents = new Gauge(optionsOf('jiwei_queue_events'));
  const tlsReload = new Gauge(optionsOf('jiwei_tls_reload_successful'));
  const tlsExpiry = new Gauge(optionsOf('jiwei_tls_certificate_expiry_timestamp_seconds'));
  const queueBytes = new Gauge(optionsOf('jiwei_queue_bytes'));
  const verifiedAt = new Gauge(optionsOf('jiwei_store_verified_timestamp_seconds'));
  const damages = new Gauge(optionsOf('jiwei_store_damages'));

  // Looking a labelled child up costs microseconds; frames come by the thousand.
  const children = new Map<FrameKind, { readonly frames: Counter.Internal; readonly bytes: Counter.Internal }>();
  const childOf = (kind: FrameKind) => {
    const known = children.get(kind) ?? { frames: framesStored.labels(kind), bytes: frameBytes.labels(kind) };
    children.set(kind, known);
    return known;
  };

  return {
    frameStored: (kind, messageBytes) => {
      const child = childOf(kind);
      child.frames.inc();
      child.bytes.inc(messageBytes);
    },
    frameDuplicate: () => duplicates.inc(),
    framesMissing: (count) => missing.inc(count),
    framesDropped: (count) => dropped.inc(count),
    frameParked: () => parked.inc(),
    samplesStored: (count) => samples.inc(count),
    resultsStored: (count) => results.inc(count),
    resultsIgnored: (count) => ignored.inc(count),
    linkRefused: (code) => refused.inc({ code }),
    connectionRefused: (why) => connectionsRefused.inc({ why }),
    linkThrottled: (isThrottled) => {
      if (isThrottled) throttled.inc();
      throttledNow.inc(isThrottled ? 1 : -1);
    },
    committed: (seconds, eventCount) => {
      commitSeconds.observe(seconds);
      events.inc(eventCount);
    },
    commitFailed: () => commitsFailed.inc(),
    queueLength: (eventCount, bytes) => {
      queueEvents.set(eventCount);
      queueBytes.set(bytes);
    },
    notificationTried: (channel, result) => notified.inc({ channel, result }),
    notificationsDropped: (channel, route, count) => noticesDropped.inc({ channel: channel ?? '', route }, count),
    tlsInForce: (endsAtMs) => {
      tlsReload.set(1);
      tlsExpiry.set(endsAtMs / secondMs);
    },
    tlsRefused: () => tlsReload.set(0),
    storeVerified: (atMs, damageCount) => {
      verifiedAt.set(atMs / secondMs);
      damages.set(damageCount);
    },
    families: () => familiesOf(registry),
    close: () => registry.clear(),
  };
};

/** prom-client's numbers in our writer: its own text says "Nan", and one registry cannot write both formats at once. */
const familiesOf = async (registry: Registry): Promise<readonly TextFamily[]> => {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map(({ name, help, type, values }): TextFamily => {
    const samples = values.map((value): TextSample => {
      const metricName = 'metricName' in value && typeof value.metricName === 'string' ? value.metricName : name;
      const labels = Object.entries(value.labels).map(([label, text]) => [label, String(text)] as const);
      return { name: metricName, labels: labelsText(labels.filter(([, text]) => text !== '')), value: value.value, atMs: null };
    });
    return { name, help, type: typeOf(type), samples };
  });
};

const typeOf = (type: unknown): TextFamily['type'] => {
  const known = ['counter', 'gauge', 'histogram', 'summary'] as const;
  return known.find((one) => one === type) ?? 'untyped';
};
