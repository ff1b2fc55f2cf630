import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a webhook got, with the time at which it came. */
interface ReceivedNotice {
  readonly atMs: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Of the event; see docs/notify.md. */
  readonly notice: string;
  readonly incidentId: string;
}

/** A real receiver of webhooks on a port of its own. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: readonly ReceivedNotice[];
  /** Resolves with the first notice, past or future, that fits. */
  next(fits: (notice: ReceivedNotice) => boolean, withinMs?: number): Promise<ReceivedNotice>;
  close(): Promise<void>;
}

/** Starts a receiver that answers 204 to everything. */
export const openWebhook = async (): Promise<WebhookReceiver> => {
  const received: ReceivedNotice[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const event = JSON.parse(body) as { notice: string; incident: { id: string } };
      received.push({ atMs: Date.now(), headers: request.headers, body, notice: event.notice, incidentId: event.incident.id });
      response.writeHead(204).end();
      for (const look of [...waiting]) look();
    });
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    received,
    next: (fits, withinMs = 20_000) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = received.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          clearTimeout(deadline);
          resolve(found);
        };
        const deadline = setTimeout(() => {
          waiting.delete(look);
          reject(
            new Error(
              `no such notice within ${withinMs} ms; received: ${received.map((one) => `${one.notice} ${one.incidentId}`).join(', ') || 'none'}`,
            ),
          );
        }, withinMs);
        waiting.add(look);
        look();
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

/** Starts a server on a free loopback port. */
export const listen = (server: Server, port = 0): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
