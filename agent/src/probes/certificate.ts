import type { X509Certificate } from 'node:crypto';
import { getCACertificates, type TLSSocket } from 'node:tls';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import { seriesText } from '@jiwei/shared/series.ts';
import { dayMs, secondMs } from '@jiwei/shared/time.ts';
import { ProbeFault } from './fault.ts';
import type { Finding } from './outcome.ts';
import type { RunContext } from './probe.ts';

/** What a handshake showed. */
export interface CertificateVerdict {
  /** Null when the certificate is trusted for the name. */
  readonly fault: { readonly reason: ReasonCode; readonly detail: string } | null;
  /** Earliest end of validity in the chain, epoch ms; null when no certificate came. */
  readonly earliestExpiryMs: number | null;
  /** `TLS 1.3` */
  readonly version: string;
}

/** Certificates a chain has at most; a longer one is a loop or an attack. */
const chainMax = 16;

/** OpenSSL's verification results that are about time; every other means that the chain is not trusted. */
const expiryCodes = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** Judges the certificate of a finished handshake. */
export const judgeCertificate = (socket: TLSSocket): CertificateVerdict => {
  const chain = chainOf(socket.getPeerX509Certificate());
  const version = (socket.getProtocol() ?? 'unknown').replace(/^TLSv/, 'TLS ');
  // A certificate can be dated to a 13th month: OpenSSL hands it over, and it has no time then.
  const expiries = chain.map((certificate) => certificate.validToDate.getTime()).filter((atMs) => Number.isFinite(atMs));
  const earliestExpiryMs = expiries.length === 0 ? null : Math.min(...expiries);
  if (socket.authorized) return { fault: null, earliestExpiryMs, version };
  // With rejectUnauthorized off Node leaves the verification's code here, not the Error that its types promise.
  const code: unknown = socket.authorizationError;
  const text = typeof code === 'string' ? code : messageOf(code);
  const [leaf] = chain;
  const subject = leaf === undefined ? '' : ` (${leaf.subjectAltName ?? leaf.subject}, until ${dateText(leaf.validToDate)})`;
  return { fault: { reason: reasonOfVerdict(text), detail: `${text}${subject}` }, earliestExpiryMs, version };
};

const dateText = (date: Date): string => (Number.isNaN(date.getTime()) ? 'a date that does not exist' : date.toISOString());

const reasonOfVerdict = (code: string): ReasonCode => {
  if (expiryCodes.has(code)) return 'CERTIFICATE_EXPIRED';
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'CERTIFICATE_NAME_MISMATCH' : 'CERTIFICATE_INVALID';
};

const chainOf = (leaf: X509Certificate | undefined): readonly X509Certificate[] => {
  const chain: X509Certificate[] = [];
  for (let next = leaf; next !== undefined && chain.length < chainMax; next = next.issuerCertificate) chain.push(next);
  return chain;
};

/** `degraded` when the chain ends within so many days from now; null when it does not, or 0 days switch it off. */
export const judgeExpiry = (verdict: CertificateVerdict, daysDegraded: number, nowMs: number): Finding | null => {
  if (verdict.earliestExpiryMs === null || daysDegraded === 0) return null;
  const daysLeft = (verdict.earliestExpiryMs - nowMs) / dayMs;
  if (daysLeft > daysDegraded) return null;
  const detail = `${daysLeft.toFixed(1)} days left, until ${new Date(verdict.earliestExpiryMs).toISOString()}`;
  return { outcome: 'degraded', reason: 'CERTIFICATE_EXPIRING', detail };
};

/** The series of a verdict, under blackbox_exporter's names. */
export const certificateValues = (verdict: CertificateVerdict): Readonly<Record<string, number>> => {
  const expiry = (verdict.earliestExpiryMs ?? Number.NaN) / secondMs;
  return {
    probe_ssl_earliest_cert_expiry: expiry,
    probe_ssl_last_chain_expiry_timestamp_seconds: verdict.fault === null ? expiry : Number.NaN,
    [seriesText('probe_tls_version_info', [['version', verdict.version]])]: 1,
    jiwei_probe_certificate_valid: verdict.fault === null ? 1 : 0,
  };
};

/**
 * The authorities to trust: Node's own, and those of `caFile`.
 * @returns null when there is no file: Node's own, without copying them
 * @throws ProbeFault PROBE_ERROR when the file cannot be read: a fault of the agent's host, not of the target
 */
export const readAuthorities = async (
  caFile: string | undefined,
  { tools, signal }: Pick<RunContext, 'tools' | 'signal'>,
): Promise<readonly string[] | null> => {
  if (caFile === undefined) return null;
  try {
    return [...getCACertificates('default'), await tools.readNamedFile(caFile, signal)];
  } catch (error) {
    const why = signal.aborted ? 'it, or one asked for before it, gave nothing in all the time of the check' : messageOf(error);
    throw new ProbeFault('PROBE_ERROR', `caFile ${caFile} cannot be read: ${why}`);
  }
};
