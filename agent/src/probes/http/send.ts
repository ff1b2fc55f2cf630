import { type IncomingMessage, request as openRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpRequest } from './redirect.ts';

/**
 * Sends a request on a connection that is open (and, for https, secured) already, and answers with the head of the response.
 * @throws Node's HTTP and network errors; destroying the socket is the way to end it early
 */
export const sendRequest = ({ url, method, headers, body }: HttpRequest, socket: Socket): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = openRequest({
      // With a connection given no agent takes part, so that nothing is kept open or taken from the environment.
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      // The Host of a spec wins: that is how one virtual host behind an address is probed.
      headers: { host: url.host, ...headers },
    });
    request.once('response', resolve);
    // 101 is an answer like another here; without this listener Node would cut the connection and report an error.
    request.once('upgrade', resolve);
    request.on('error', reject);
    request.end(body);
  });
