import type { SecureVersion } from 'node:tls';

/** Options of one that speaks this version of TLS and no other, also one that OpenSSL no longer speaks by itself. */
export const onlyTls = (version: SecureVersion) => ({
  minVersion: version,
  maxVersion: version,
  ciphers: 'DEFAULT@SECLEVEL=0',
});

/** Versions that nobody may speak any more (RFC 8996), and those that are in use. */
export const tlsVersionsRefused = ['TLSv1', 'TLSv1.1'] as const satisfies readonly SecureVersion[];
export const tlsVersionsTaken = ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[];
