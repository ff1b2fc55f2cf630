import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { messageOf } from '@jiwei/shared/errors.ts';

/** Whom the agent takes for its collector. */
export interface Trust {
  /** PEM of the only authorities to trust, as people named them; null when they named none. */
  readonly ca: string | null;
  /** PEM of the authority met at the first connection; null before it. Not looked at where `ca` is given. */
  readonly pinned: string | null;
  /** Whether the first connection may be to somebody whose authority nobody vouches for. */
  readonly trustsFirstUse: boolean;
  /** Keeps the authority for all later connections; throws when it cannot. */
  pin(pem: string): void;
}

/** Certificate chains are short; a longer one is a loop. */
const chainMax = 10;

/** From the server's own certificate up to the authority: all that it showed, and what was trusted above. */
const chainOf = (socket: TLSSocket): readonly X509Certificate[] => {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < chainMax) {
    const certificate = new X509Certificate(next.raw);
    if (chain.some((known) => known.fingerprint256 === certificate.fingerprint256)) break;
    chain.push(certificate);
    next = next.issuerCertificate;
  }
  return chain;
};

const nameOf = (certificate: X509Certificate): string =>
  `"${certificate.subject.replaceAll('\n', ', ')}" (SHA-256 ${certificate.fingerprint256})`;

/** All certificates of a PEM text, by name and fingerprint. */
const namesOf = (pem: string): string =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
    .map((one) => nameOf(new X509Certificate(one)))
    .join(', ');

const whomWeTrust = ({ ca, pinned }: Trust): string => {
  if (ca !== null) return `--ca trusts ${namesOf(ca)}; if the authority was changed on purpose, put the new one into that file`;
  if (pinned !== null) {
    return (
      `trusted since the first connection is ${namesOf(pinned)}; if it was changed on purpose, compare the fingerprint with the ` +
      "collector's, then remove collector-ca.pem from the state folder or give --ca FILE"
    );
  }
  return 'no authority known to this host vouches for it; give --ca FILE, or --trust-first-use where nobody can be on the way';
};

/**
 * Whether the other side of a TLS connection is to be trusted; pins its authority at the first one.
 * @returns null, or why not, with both fingerprints and what to do
 */
const judge = (socket: TLSSocket, host: string, trust: Trust): string | null => {
  const chain = chainOf(socket);
  const [own] = chain;
  const top = chain.at(-1);
  if (own === undefined || top === undefined) return 'the other side showed no certificate';
  const isFirst = trust.ca === null && trust.pinned === null;
  if (!socket.authorized) {
    const wrongName = checkServerIdentity(host, socket.getPeerCertificate());
    const why = wrongName?.message ?? String(socket.authorizationError);
    if (wrongName !== undefined || !isFirst || !trust.trustsFirstUse)
      return `the certificate of ${host} is not trusted (${why}): it comes from ${nameOf(top)}; ${whomWeTrust(trust)}`;
  }
  if (isFirst) trust.pin(top.toString());
  return null;
};

/** A TLS connection to somebody trusted, or one that is destroyed with the reason as its error before anything is said on it. */
export const connectTrusted = (
  to: { readonly host: string; readonly port: number; readonly tunnel: Socket | null },
  client: { readonly certificate: string; readonly key: string } | null,
  trust: Trust,
): TLSSocket => {
  const { host, port, tunnel } = to;
  const ca = trust.ca ?? trust.pinned;
  const socket = connect({
    host,
    ...(tunnel === null ? { port } : { socket: tunnel }),
    // With `servername` empty Node checks the certificate against `host`, as it must for an address (RFC 6066).
    servername: isIP(host) === 0 ? host : '',
    minVersion: 'TLSv1.2',
    // Judged below, where both fingerprints can be told.
    rejectUnauthorized: false,
    // What was pinned may be an authority in between, or the collector's own certificate.
    ...(ca === null ? {} : { ca, allowPartialTrustChain: true }),
    ...(client === null ? {} : { cert: client.certificate, key: client.key }),
  });
  socket.once('secureConnect', () => {
    let problem: string | null;
    try {
      problem = judge(socket, host, trust);
    } catch (error) {
      problem = `the authority of the collector cannot be kept: ${messageOf(error)}`;
    }
    if (problem !== null) socket.destroy(new Error(problem));
  });
  return socket;
};
