import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { portOf } from './ports.ts';
import { listen } from './webhook.ts';

export type ReceiverMode =
  | 'ok'
  | 'hang'
  | 'reset'
  | 'html'
  | 'endless'
  | { readonly status: number; readonly headers?: Record<string, string> };

interface ReceivedEvent {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly body: string;
}

/** A web server that takes events and misbehaves as told; it can be stopped, and started again on its port. */
export const openReceiver = async () => {
  const received: ReceivedEvent[] = [];
  const waiting = new Set<() => void>();
  let mode: ReceiverMode = 'ok';
  const server = createServer(async (request, response) => {
    const body = await text(request);
    received.push({ headers: request.headers, url: request.url ?? '', body });
    for (const wake of waiting) wake();
    if (mode === 'hang') return;
    if (mode === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (mode === 'html') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>signed in?</html>');
      return;
    }
    if (mode === 'endless') {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
      return;
    }
    const answer = mode === 'ok' ? { status: 204 } : mode;
    response.writeHead(answer.status, { ...answer.headers }).end();
  });
  await listen(server);
  const port = portOf(server);
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    stop,
    start: () => listen(server, port),
    setMode: (next: ReceiverMode): void => {
      mode = next;
    },
    /** Resolves when so many events have come. */
    count: async (count: number): Promise<void> => {
      while (received.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    close: stop,
  };
};
export type Receiver = Awaited<ReturnType<typeof openReceiver>>;
