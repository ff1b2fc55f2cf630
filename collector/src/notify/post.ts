import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { messageOf } from '@jiwei/shared/errors.ts';
import { secondMs } from '@jiwei/shared/time.ts';

/**
 * What came of a POST. `mayHaveArrived`: the receiver may have got all of it. Errors name the host, never path, query or headers, where secrets
 * may stand.
 */
export type PostAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: 'failed'; readonly error: string; readonly mayHaveArrived: boolean };

/**
 * Posts JSON once: no redirects, no connection kept, and nothing of the answer's body is waited for or kept.
 * @param ca certificates to trust in place of the system's, or null
 * @returns never rejects
 */
export const postJson = (order: {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly ca: string | null;
  readonly signal: AbortSignal;
}): Promise<PostAnswer> => {
  const { promise, resolve } = Promise.withResolvers<PostAnswer>();
  const { url, body, ca, signal } = order;
  const isEncrypted = url.protocol === 'https:';
  let isOpen = false;
  const fail = (thrown: unknown): void =>
    resolve({ kind: 'failed', error: failureText(thrown, url, signal), mayHaveArrived: isOpen });
  try {
    const request = (isEncrypted ? requestTls : requestPlain)(url, {
      method: 'POST',
      agent: false,
      signal,
      headers: {
        ...order.headers,
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': String(body.byteLength),
        'User-Agent': 'jiwei-collector',
        Connection: 'close',
      },
      ...(ca === null ? {} : { ca }),
    });
    // A small request leaves in the moment in which the connection stands. From then on a reset does not tell how much of it was read.
    request.once('socket', (socket) => {
      socket.once(isEncrypted ? 'secureConnect' : 'connect', () => {
        isOpen = true;
      });
    });
    request.on('error', fail);
    request.on('response', (response) => {
      // The verdict is in the status line. Whatever else the receiver sends, however long, is not read.
      resolve({
        kind: 'answered',
        status: response.statusCode ?? 0,
        retryAfterMs: retryAfterMsOf(response.headers['retry-after']),
      });
      response.on('error', () => undefined); // cut off by us below
      response.destroy();
    });
    request.end(body);
  } catch (thrown) {
    fail(thrown); // a header or address the HTTP client refuses
  }
  return promise;
};

/** Seconds only: a date would need the receiver's clock to be right. */
const retryAfterMsOf = (value: string | undefined): number | null =>
  value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * secondMs : null;

const failureText = (thrown: unknown, url: URL, signal: AbortSignal): string =>
  signal.aborted ? `${url.host} did not answer in time` : `${url.host} cannot be reached: ${messageOf(thrown)}`;
