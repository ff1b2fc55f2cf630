import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** Starts any server on a free port of the loopback address until the test ends. */
const listen = async (server: Server, host = '127.0.0.1'): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // What a probe does to the connection is not the server's trouble.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
};

/** A TCP server that does with each connection what the test says. */
export const tcpServer = (onSocket: (socket: Socket) => void, host?: string): Promise<number> =>
  listen(createServer({ allowHalfOpen: true }, onSocket), host);

/** A TCP server that takes every connection and never says a word. */
export const silentServer = (): Promise<number> => tcpServer((socket) => socket.resume());

/** An HTTP server; answers its address without a closing slash. */
export const httpServer = async (listener: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createHttpServer(listener))}`;

/** An HTTPS server. */
export const httpsServer = (options: TlsOptions, listener: RequestListener): Promise<number> =>
  listen(createHttpsServer(options, listener));

/** A TLS server that does with each secured connection what the test says. */
export const tlsServer = (options: TlsOptions, onSocket: (socket: Socket) => void = () => undefined): Promise<number> =>
  listen(
    createTlsServer(options, (socket) => {
      socket.on('error', () => socket.destroy());
      onSocket(socket);
    }),
  );

/** A port that refuses: it was free a moment ago, and nothing listens on it now. */
export const refusingPort = async (): Promise<number> => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  server.close();
  await once(server, 'close');
  return address.port;
};
