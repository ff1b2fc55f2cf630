import type { IncomingMessage } from 'node:http';
import { seriesText } from '@jiwei/shared/series.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { CertificateVerdict } from '../certificate.ts';
import type { DialTimes } from '../dial.ts';

/** Phases of a run in their order, each summed over all requests of it. */
const phases = ['resolve', 'connect', 'tls', 'processing', 'transfer'] as const;

/** What a run has seen so far; filled in as it goes, so that a run which fails half-way still says how far it came. */
export interface HttpTrace {
  /** What is going on, for people. */
  activity: string;
  readonly phasesMs: Record<(typeof phases)[number], number>;
  redirectsCount: number;
  isTls: boolean;
  /** Of the last handshake. */
  verdict: CertificateVerdict | null;
  bodyBytes: number;
  head: { readonly status: number; readonly version: number; readonly announcedBytes: number } | null;
  firstLookupMs: number | null;
}

/** An empty trace. */
export const createTrace = (): HttpTrace => ({
  activity: 'reading the authorities',
  phasesMs: { resolve: 0, connect: 0, tls: 0, processing: 0, transfer: 0 },
  redirectsCount: 0,
  isTls: false,
  verdict: null,
  bodyBytes: 0,
  head: null,
  firstLookupMs: null,
});

/** Adds the times of one connection. */
export const addDial = (trace: HttpTrace, { resolveMs, connectMs }: DialTimes): void => {
  trace.firstLookupMs ??= resolveMs;
  trace.phasesMs.resolve += resolveMs ?? 0;
  trace.phasesMs.connect += connectMs ?? 0;
};

/** Keeps what the head of an answer says; the last one counts. */
export const noteHead = (trace: HttpTrace, response: IncomingMessage): void => {
  trace.head = {
    status: response.statusCode ?? 0,
    version: Number.parseFloat(response.httpVersion),
    announcedBytes: Number.parseInt(response.headers['content-length'] ?? '-1', 10),
  };
};

/** The series of a run, under blackbox_exporter's names. */
export const traceValues = (trace: HttpTrace, isPatternFault: boolean): Readonly<Record<string, number>> => ({
  ...Object.fromEntries(
    phases.map((phase) => [seriesText('probe_http_duration_seconds', [['phase', phase]]), trace.phasesMs[phase] / secondMs]),
  ),
  probe_dns_lookup_time_seconds: (trace.firstLookupMs ?? Number.NaN) / secondMs,
  probe_http_status_code: trace.head?.status ?? 0,
  probe_http_version: trace.head?.version ?? 0,
  probe_http_content_length: trace.head?.announcedBytes ?? -1,
  probe_http_redirects: trace.redirectsCount,
  probe_http_ssl: trace.isTls ? 1 : 0,
  probe_http_uncompressed_body_length: trace.bodyBytes,
  probe_failed_due_to_regex: isPatternFault ? 1 : 0,
});
