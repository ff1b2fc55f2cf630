import { ProbeFault } from '../fault.ts';
import { quote } from '../probe.ts';

/** A request as it will be sent. */
export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** Headers that say nothing about who asks. All others may carry a credential (`X-Api-Key`, `Cookie` …) and stay with their origin. */
const harmlessHeaders = new Set(['accept', 'accept-language', 'accept-charset', 'cache-control', 'pragma', 'user-agent']);

/** Headers that describe a body, which go when it goes. */
const bodyHeaders = new Set(['content-type', 'content-length', 'content-encoding', 'content-language', 'transfer-encoding']);

/**
 * The request that a redirect asks for.
 * @param location value of the Location header
 * @returns null when the answer is no redirect
 * @throws ProbeFault HTTP_PROTOCOL when the redirect leads to what is no http or https address
 * Source: RFC 9110, 15.4; method and body change as the Fetch standard has it
 */
export const redirectOf = (request: HttpRequest, status: number, location: string | undefined): HttpRequest | null => {
  if (!redirectStatuses.has(status) || location === undefined) return null;
  const url = targetOf(request.url, location);
  const becomesGet = (status === 303 && request.method !== 'HEAD') || (status < 303 && request.method === 'POST');
  const isSameOrigin = url.origin === request.url.origin;
  const headers = Object.entries(request.headers).filter(([name]) => {
    const lowerName = name.toLowerCase();
    if (becomesGet && bodyHeaders.has(lowerName)) return false;
    return isSameOrigin || harmlessHeaders.has(lowerName) || (!becomesGet && bodyHeaders.has(lowerName));
  });
  return {
    url,
    method: becomesGet ? 'GET' : request.method,
    headers: Object.fromEntries(headers),
    body: becomesGet ? undefined : request.body,
  };
};

/** An address as a detail tells it: queries hold sessions and tokens, and details go to people and into logs. */
export const shownUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

/** The same of a text that is no address: nothing of a query, nor of what may be a password. */
const shownText = (location: string): string => quote(location.replace(/[?#].*$/s, '').replace(/^.*@/s, '…@'));

const targetOf = (from: URL, location: string): URL => {
  if (!URL.canParse(location, from))
    throw new ProbeFault('HTTP_PROTOCOL', `redirect to ${shownText(location)}, which is no address`);
  const url = new URL(location, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProbeFault('HTTP_PROTOCOL', `redirect to ${shownText(location)}, which is not http or https`);
  }
  // A user name in a Location is not a credential of ours; it is not sent.
  url.username = '';
  url.password = '';
  return url;
};
