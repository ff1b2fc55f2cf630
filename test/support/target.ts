import { createServer, type Server } from 'node:http';
import { portOf } from './ports.ts';
import { listen } from './webhook.ts';

/** A website that can be stopped, and started again on its port. */
export const openTarget = async () => {
  let server: Server = createServer((_request, response) => response.end('ok'));
  await listen(server);
  const port = portOf(server);
  return {
    port,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
    start: () => {
      server = createServer((_request, response) => response.end('ok'));
      return listen(server, port);
    },
  };
};
export type Target = Awaited<ReturnType<typeof openTarget>>;
