import type { LookupAddress } from 'node:dns';
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { onAbort } from './abort.ts';
import type { ProbeContext } from './probe.ts';

/** Where to connect. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
}

/** How long the parts of connecting took, ms; null for what was not reached. */
export interface DialTimes {
  resolveMs: number | null;
  connectMs: number | null;
}

/**
 * Addresses of a host, in the order the host's resolver prefers; an address is its own, without asking anyone.
 * @throws ProbeFault NOT_PERMITTED when one of them must not be asked; the resolver's error (`ENOTFOUND`, `EAI_AGAIN` …) or the signal's reason
 */
export const addressesOf = async (host: string, { signal, tools }: ProbeContext): Promise<readonly LookupAddress[]> => {
  const family = isIP(host);
  const addresses = family === 0 ? await orAborted(tools.lookup(host), signal) : [{ address: host, family }];
  // All of them, before any is connected to: which one it will be is not known yet.
  for (const { address } of addresses) tools.targets.check(address);
  return addresses;
};

/**
 * Opens a TCP connection and measures looking up and connecting apart. Several addresses are tried in order (RFC 8305, as Node does it).
 * The caller owns the socket and destroys it; it is also destroyed when the signal fires.
 * @param times filled in as far as it came, also when it throws
 * @throws Node's network errors, or the signal's reason
 */
export const dial = async (target: DialTarget, context: ProbeContext, times: DialTimes): Promise<Socket> => {
  const { clock, signal } = context;
  const askedMs = clock.monotonicMs();
  const addresses = await addressesOf(target.host, context);
  const foundMs = clock.monotonicMs();
  times.resolveMs = foundMs - askedMs;
  // No packet goes out for a run that has already ended.
  signal.throwIfAborted();
  const socket = connect(whereTo(target, addresses));
  socket.setNoDelay(true);
  await connected(socket, signal);
  times.connectMs = clock.monotonicMs() - foundMs;
  return socket;
};

/** From what was just looked up: asking twice could give another answer, that nobody checked. */
const whereTo = ({ host, port }: DialTarget, addresses: readonly LookupAddress[]): TcpNetConnectOpts => {
  const [only, ...others] = addresses;
  // The way over several addresses costs more than the connection itself; most targets have one.
  if (only !== undefined && others.length === 0) return { host: only.address, port, family: only.family };
  return {
    host,
    port,
    lookup: (_host, options, callback) => {
      if (options.all) callback(null, [...addresses]);
      else callback(null, only?.address ?? '', only?.family);
    },
    autoSelectFamily: true,
  };
};

/** Settles when the socket is open or has failed; from then on errors of a socket nobody reads any more are ignored. */
const connected = (socket: Socket, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    // An 'error' without a listener would end the process; whoever uses the socket adds a listener of his own beside this one.
    socket.on('error', reject);
    socket.once('close', () => {
      release();
      reject(signal.aborted ? signal.reason : Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    });
    const release = onAbort(signal, () => socket.destroy());
    socket.once('connect', resolve);
  });

/** `10.0.0.1:22`, `[2001:db8::1]:22`. */
export const hostPort = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
