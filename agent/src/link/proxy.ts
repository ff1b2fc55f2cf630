import { type IncomingMessage, request } from 'node:http';
import { request as requestByTls } from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';

/** An HTTP proxy to go through. Credentials are in the URL; they are in no message of ours. */
export interface HttpProxy {
  readonly url: URL;
  /** The environment variable that named it, as people have to look for it. */
  readonly variable: string;
}

/**
 * Asks a proxy for a tunnel (RFC 9110, 9.3.6).
 * @param target `host:port`, an IPv6 address in brackets
 * @returns the connected socket, on which nothing was sent yet
 * @throws PROXY_FAILED naming the proxy, what it did and what to do; also when no answer came within `withinMs`
 */
export const connectThroughProxy = (
  proxy: HttpProxy,
  target: string,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<Socket> => {
  const { url } = proxy;
  const ask = url.protocol === 'https:' ? requestByTls : request;
  // One deadline for all of it: a proxy that sends its head byte by byte must not hold us longer than a silent one.
  const deadline = AbortSignal.timeout(withinMs);
  return new Promise((resolve, reject) => {
    const asking = ask({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
      method: 'CONNECT',
      path: target,
      agent: false,
      signal: AbortSignal.any([signal, deadline]),
      headers: { host: target, ...authorizationOf(url) },
    });
    // Whatever the status, an answer to CONNECT comes as this event.
    asking.on('connect', (answer: IncomingMessage, socket: Socket, head: Buffer) => {
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        // What the other side sent before we spoke belongs to the tunnel.
        if (head.length > 0) socket.unshift(head);
        return resolve(socket);
      }
      socket.destroy();
      reject(failed(proxy, `answered ${status} to CONNECT ${target}; ${adviceFor(proxy, answer)}`));
    });
    asking.on('error', (error: Error) =>
      reject(failed(proxy, deadline.aborted ? silence(proxy, target, withinMs) : problemOf(proxy, target, error), error)),
    );
    asking.end();
  });
};

const failed = (proxy: HttpProxy, what: string, cause?: Error): AppError =>
  new AppError('PROXY_FAILED', `the proxy ${proxy.url.host} (${proxy.variable}) ${what}`, { cause });

const hasCredentials = (url: URL): boolean => url.username !== '' || url.password !== '';

const authorizationOf = (url: URL): { readonly 'proxy-authorization'?: string } => {
  if (!hasCredentials(url)) return {};
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
};

const adviceFor = ({ url, variable }: HttpProxy, answer: IncomingMessage): string => {
  switch (answer.statusCode) {
    case 407: {
      const schemes = schemesOf(answer);
      if (schemes.length > 0 && !schemes.includes('basic'))
        return `it asks for ${schemes.join(' or ')}, and the agent speaks Basic only: have it let this host pass without, or by Basic`;
      return hasCredentials(url)
        ? `it does not take the user and the password in ${variable}`
        : `it wants a user and a password: write them into ${variable} as http://user:password@host:port`;
    }
    case 403:
      return 'it does not allow this target: have it allow the host and port of the collector';
    case 400:
    case 404:
    case 405:
    case 501:
      return `it makes no tunnels, so it is perhaps a web server and no proxy: set ${variable} right`;
    case 502:
    case 503:
    case 504:
      return 'it cannot reach the collector: check that the collector runs, and that the proxy knows its name and may go there';
    default:
      return 'check the settings of the proxy';
  }
};

/** Names of the schemes a proxy asks for, in lower case; nothing else of its text is repeated. */
const schemesOf = (answer: IncomingMessage): readonly string[] =>
  String(answer.headers['proxy-authenticate'] ?? '')
    .split(',')
    .map((challenge) => /^\s*([A-Za-z]{1,20})(?:\s|$)/.exec(challenge)?.[1]?.toLowerCase() ?? '')
    .filter((scheme) => scheme !== '');

const silence = ({ variable }: HttpProxy, target: string, withinMs: number): string =>
  `did not answer CONNECT ${target} within ${withinMs / 1_000} s; check that ${variable} names an HTTP proxy, and that it works`;

const problemOf = ({ url, variable }: HttpProxy, target: string, error: Error): string => {
  const code = 'code' in error ? String(error.code) : '';
  // Codes of Node's HTTP parser, https://nodejs.org/api/errors.html
  if (code.startsWith('HPE_'))
    return `answered with something that is no HTTP (${code}); check that ${variable} names the port of an HTTP proxy`;
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return `closed the connection without an answer to CONNECT ${target}; look into its log`;
  if (url.protocol === 'https:' && code === 'EPROTO')
    return `speaks no TLS; write http:// in place of https:// into ${variable} if it is a plain one`;
  const problem = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : messageOf(error);
  return `cannot be reached (${problem}); check that it runs, and host and port in ${variable}`;
};

/**
 * The proxy for a target as the usual environment variables name it (lower case first, as curl does).
 * @param environment HTTPS_PROXY for wss, HTTP_PROXY for ws, ALL_PROXY for both, NO_PROXY for exceptions
 * @returns null for none; always for this host's own loopback, which a proxy would take for its own
 * @throws CONFIG_INVALID when the variable is no http or https URL
 */
export const proxyFor = (target: URL, environment: Readonly<Record<string, string | undefined>>): HttpProxy | null => {
  const variable = [target.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY']
    .flatMap((name) => [name.toLowerCase(), name])
    .find((name) => (environment[name] ?? '') !== '');
  if (variable === undefined) return null;
  const text = environment[variable] ?? '';
  // As for the proxy: a variable that is there and empty says nothing.
  if (isExcepted(target, environment['no_proxy'] || (environment['NO_PROXY'] ?? ''))) return null;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || !isDecodable(url)) {
    // The text may hold a password, so it is not repeated.
    throw new AppError(
      'CONFIG_INVALID',
      `${variable} is not a URL of the form http://[user:password@]host:port (a "%" in user or password is written %25)`,
    );
  }
  return { url, variable };
};

const isDecodable = (url: URL): boolean => {
  try {
    decodeURIComponent(url.username + url.password);
    return true;
  } catch {
    return false;
  }
};

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * NO_PROXY: names and addresses separated by commas; a name also stands for those below it; `*` for all; `name:port` for that port;
 * `10.0.0.0/8` for the addresses of a network (names are not looked up for it).
 */
const isExcepted = (target: URL, exceptions: string): boolean => {
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = target.port === '' ? (target.protocol === 'wss:' ? '443' : '80') : target.port;
  if (host === 'localhost' || isInside(host, loopback)) return true;
  return exceptions
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const network = networkOf(entry);
      if (network !== null) return isInside(host, network);
      const withPort = /^(.+):(\d+)$/.exec(entry);
      const isPortOfName = withPort !== null && !(withPort[1] ?? '').replace(/^\[.*\]$/, '').includes(':');
      if (isPortOfName && withPort[2] !== port) return false;
      const name = (isPortOfName ? (withPort[1] ?? '') : entry).replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
      return host === name || host.endsWith(`.${name}`);
    });
};

/** Node answers in the wrong family with false, and takes IPv4 in IPv6 for what it is. */
const isInside = (host: string, network: BlockList): boolean => {
  const family = isIP(host);
  return family !== 0 && network.check(host, family === 6 ? 'ipv6' : 'ipv4');
};

/** `10.0.0.0/8` or `fd00::/8`; null for anything else. */
const networkOf = (entry: string): BlockList | null => {
  const [, address = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) return null;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  return network;
};
