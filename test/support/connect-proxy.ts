import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { portOf } from './ports.ts';

/** What the proxy does with a CONNECT: make the tunnel, say something else, say nothing, or hang up. */
export type ProxyAnswer = 'tunnel' | 'silence' | 'hang-up' | { readonly says: string };

/** A real HTTP proxy of a test, for CONNECT alone. */
export interface ConnectProxy {
  readonly port: number;
  /** Tunnels that were made since the beginning, and those that are open. */
  tunnelsMade(): number;
  tunnelsOpen(): number;
  /** Every CONNECT that came: where to, and its Proxy-Authorization. */
  asked(): readonly { readonly target: string; readonly authorization: string | undefined }[];
  answer(answer: ProxyAnswer): void;
  /** As when its process ends: nobody listens, and all tunnels are cut. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1.
 * @param places what only this proxy knows: the port of 127.0.0.1 that a target (`name:port`) leads to; any other target is answered with 502
 */
export const openConnectProxy = async (places: Readonly<Record<string, number>>): Promise<ConnectProxy> => {
  const server = createServer((_request, response) => response.writeHead(405).end());
  let answer: ProxyAnswer = 'tunnel';
  let tunnelsMade = 0;
  const asked: { target: string; authorization: string | undefined }[] = [];
  const open = new Set<Socket>();
  const clients = new Set<Duplex>();

  const tunnel = (client: Duplex, target: string): void => {
    const port = places[target];
    if (port === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const there = connect(port, '127.0.0.1', () => {
      tunnelsMade += 1;
      open.add(there);
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      there.pipe(client).pipe(there);
    });
    there.on('error', () => client.destroy());
    there.on('close', () => {
      open.delete(there);
      client.destroy();
    });
    client.on('close', () => there.destroy());
  };
  server.on('connect', (request, client: Duplex) => {
    const target = request.url ?? '';
    asked.push({ target, authorization: request.headers['proxy-authorization'] });
    clients.add(client);
    client.on('error', () => undefined).on('close', () => clients.delete(client));
    if (answer === 'tunnel') tunnel(client, target);
    else if (answer === 'hang-up') client.destroy();
    else if (answer !== 'silence') client.end(answer.says);
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const port = portOf(server);
  return {
    port,
    tunnelsMade: () => tunnelsMade,
    tunnelsOpen: () => open.size,
    asked: () => asked,
    answer: (next) => {
      answer = next;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const client of clients) client.destroy();
      await closed;
    },
    start: () => listen(port),
  };
};
