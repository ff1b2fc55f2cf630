import { request } from 'node:http';
import { request as requestByTls } from 'node:https';
import type { Socket } from 'node:net';
import { AppError } from '@jiwei/shared/errors.ts';

/** An HTTP proxy to go through. Credentials are in the URL; they are in no message of ours. */
export interface HttpProxy {
  readonly url: URL;
}

/**
 * Asks a proxy for a tunnel (RFC 9110, 9.3.6).
 * @param target `host:port`, an IPv6 address in brackets
 * @returns the connected socket, on which nothing was sent yet
 * @throws LINK_REFUSED with what the proxy answered; the system's error when it cannot be reached
 */
export const connectThroughProxy = (proxy: HttpProxy, target: string, signal: AbortSignal): Promise<Socket> => {
  const { url } = proxy;
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const ask = url.protocol === 'https:' ? requestByTls : request;
  return new Promise((resolve, reject) => {
    const asking = ask({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
      method: 'CONNECT',
      path: target,
      agent: false,
      signal,
      headers: {
        host: target,
        ...(url.username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
    });
    const refuse = (status: number | undefined): void =>
      reject(new AppError('LINK_REFUSED', `the proxy ${url.host} answered ${status} to CONNECT ${target}; ${adviceFor(status)}`));
    asking.on('connect', (answer, socket: Socket, head: Buffer) => {
      if (answer.statusCode === 200) {
        // What the other side sent before we spoke belongs to the tunnel.
        if (head.length > 0) socket.unshift(head);
        return resolve(socket);
      }
      socket.destroy();
      refuse(answer.statusCode);
    });
    asking.on('response', (answer) => {
      answer.resume();
      refuse(answer.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
};

const adviceFor = (status: number | undefined): string => {
  if (status === 407) return 'it wants a user and a password in the proxy URL';
  if (status === 403) return 'it does not allow this target';
  return 'check its settings';
};

/**
 * The proxy for a target as the usual environment variables name it (lower case first, as curl does).
 * @param environment HTTPS_PROXY for wss, HTTP_PROXY for ws, ALL_PROXY for both, NO_PROXY for exceptions
 * @throws CONFIG_INVALID when the variable is no http or https URL
 */
export const proxyFor = (target: URL, environment: Readonly<Record<string, string | undefined>>): HttpProxy | null => {
  const read = (name: string): string => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const name = target.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = read(name) || read('ALL_PROXY');
  if (text === '' || isExcepted(target, read('NO_PROXY'))) return null;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The text may hold a password, so it is not repeated.
    throw new AppError('CONFIG_INVALID', `${name} is not a URL of the form http://[user:password@]host:port`);
  }
  return { url };
};

/** NO_PROXY: names and addresses separated by commas; a name also stands for those below it; `*` for all; `name:port` for that port. */
const isExcepted = (target: URL, exceptions: string): boolean => {
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = target.port === '' ? (target.protocol === 'wss:' ? '443' : '80') : target.port;
  return exceptions
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const withPort = /^(.+):(\d+)$/.exec(entry);
      const isPortOfName = withPort !== null && !(withPort[1] ?? '').includes(':');
      if (isPortOfName && withPort[2] !== port) return false;
      const name = (isPortOfName ? (withPort[1] ?? '') : entry).replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
      return host === name || host.endsWith(`.${name}`);
    });
};
