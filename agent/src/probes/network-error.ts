import { messageOf } from '@jiwei/shared/errors.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';

/** Error codes of Node (libuv, c-ares, llhttp, OpenSSL) and the reason each stands for. */
const reasonOfCode: Readonly<Record<string, ReasonCode>> = {
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_RESET',
  ECONNABORTED: 'CONNECTION_RESET',
  EPIPE: 'CONNECTION_RESET',
  ERR_STREAM_PREMATURE_CLOSE: 'CONNECTION_RESET',
  // Of a socket: the kernel's own connect time-out, which can come before ours.
  ETIMEDOUT: 'TIMEOUT',
  // Of c-ares: the name server stayed silent.
  ETIMEOUT: 'TIMEOUT',
  ABORT_ERR: 'TIMEOUT',
  ECANCELLED: 'TIMEOUT',
  EHOSTUNREACH: 'HOST_UNREACHABLE',
  EHOSTDOWN: 'HOST_UNREACHABLE',
  ENETUNREACH: 'NETWORK_UNREACHABLE',
  ENETDOWN: 'NETWORK_UNREACHABLE',
  // No address of the family asked for on this host: there is no route of that family.
  EAFNOSUPPORT: 'NETWORK_UNREACHABLE',
  ENOTFOUND: 'DNS_NOT_FOUND',
  ENODATA: 'DNS_NO_DATA',
  EAI_NODATA: 'DNS_NO_DATA',
  EAI_AGAIN: 'DNS_FAILED',
  EAI_FAIL: 'DNS_FAILED',
  ESERVFAIL: 'DNS_FAILED',
  EREFUSED: 'DNS_FAILED',
  EFORMERR: 'DNS_FAILED',
  ENOTIMP: 'DNS_FAILED',
  EBADRESP: 'DNS_FAILED',
  EBADNAME: 'DNS_FAILED',
  EPROTO: 'TLS_HANDSHAKE_FAILED',
  // A local firewall that rejects answers the caller with one of these.
  EACCES: 'NOT_PERMITTED',
  EPERM: 'NOT_PERMITTED',
  Z_DATA_ERROR: 'HTTP_PROTOCOL',
  Z_BUF_ERROR: 'HTTP_PROTOCOL',
  ERR_INVALID_PROTOCOL: 'HTTP_PROTOCOL',
};

/** Families of codes, by how they begin; looked at after the table. */
const reasonOfPrefix: readonly (readonly [prefix: string, reason: ReasonCode])[] = [
  ['HPE_', 'HTTP_PROTOCOL'],
  ['ERR_SSL_', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_TLS_', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_OSSL_', 'TLS_HANDSHAKE_FAILED'],
  ['ERR__ERROR_FORMAT_', 'HTTP_PROTOCOL'],
];

/** The `code` of a Node error; null for anything without one. An AggregateError (several addresses tried) speaks by its first error. */
export const codeOf = (thrown: unknown): string | null => {
  if (!(thrown instanceof Error)) return null;
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  return thrown instanceof AggregateError ? codeOf(thrown.errors[0]) : null;
};

/** What went wrong, for people: OpenSSL's messages are addresses in its source, and what it means stands in `reason`. */
export const wordsOf = (thrown: unknown): string =>
  thrown instanceof Error && 'library' in thrown && 'reason' in thrown && typeof thrown.reason === 'string'
    ? `${thrown.reason} (${thrown.library})`
    : messageOf(thrown);

/**
 * The reason a Node error code stands for.
 * @returns null for a code that says nothing about the target (`EMFILE`, `ENOENT` …): the probe itself failed
 * Source: https://nodejs.org/api/errors.html#common-system-errors, https://nodejs.org/api/dns.html#error-codes
 */
export const reasonForCode = (code: string): ReasonCode | null =>
  reasonOfCode[code] ?? reasonOfPrefix.find(([prefix]) => code.startsWith(prefix))?.[1] ?? null;
