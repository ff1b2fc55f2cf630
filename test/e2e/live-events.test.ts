import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type District, openDistrict } from '../support/district.ts';
import { eventually } from '../support/processes.ts';
import { type ReceivedEvent, readEvents } from '../support/server-sent-events.ts';

/** A service that is stopped and started again at its port. */
const openService = async () => {
  let server: Server;
  const sockets = new Set<Socket>();
  const start = async (port: number): Promise<number> => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  const port = await start(0);
  return {
    port,
    start: () => start(port),
    stop: async (): Promise<void> => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

const declaration = (port: number): string => `
zones: [{ id: east, name: 东片区, crew: 一组 }]
units: [{ id: tax, name: 税务局, zone: east }]
assets: [{ id: portal, name: 门户, kind: website, unit: tax }, { id: host, name: 主机, kind: server, unit: tax }]
agents: [{ id: real, asset: host }]
checks:
  - { id: port, asset: portal, kind: tcp, host: 127.0.0.1, port: ${port}, interval: 1s, timeout: 500ms, confirm: { failures: 2, successes: 2, retry: 200ms } }
`;
/** Interval, confirmation and what a busy machine takes; a stream that stays silent ends the test here. */
const eventMsMax = 20_000;

let service: Awaited<ReturnType<typeof openService>>;
let district: District;
beforeAll(async () => {
  service = await openService();
  district = await openDistrict(declaration(service.port));
});
afterAll(async () => {
  await district.close();
  await service.stop();
});

const open = async (lastEventId?: string): Promise<Response> => {
  const answer = await fetch(`${district.url}/api/v1/events?kinds=check,asset,incident`, {
    headers: {
      authorization: `Bearer ${district.adminToken}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: AbortSignal.timeout(eventMsMax),
  });
  expect(answer.status).toBe(200);
  return answer;
};
const status = async (): Promise<string> => (await district.get<{ status: string }>('/api/v1/checks/port')).status;

/** What happened to the service, in the order told; the agent's own host is left out. */
const storyOf = (events: readonly ReceivedEvent[]): readonly string[] =>
  events.flatMap(({ event, data }) => {
    if (event === 'incident') {
      const { assetId, state } = data['incident'] as { assetId: string; state: string };
      return assetId === 'portal' ? [`incident ${state}`] : [];
    }
    return data['id'] === 'port' || data['id'] === 'portal' ? [`${event} ${String(data['status'])}`] : [];
  });

test('a running collector tells each change of a status at once, what was missed to who comes back, and that it began anew', async () => {
  await district.startAgent('real');
  await eventually('the check is up', async () => ((await status()) === 'up' ? true : null));

  const stream = await open();
  await service.stop();
  const down = await readEvents(stream, (events) => storyOf(events).includes('incident open'));
  expect(down[0]?.event).toBe('hello');
  expect(storyOf(down)).toEqual(expect.arrayContaining(['check down', 'asset down', 'incident open']));
  // Told after it was stored: whoever asks then finds it so.
  expect(await status()).toBe('down');
  const opened = down.find(({ event }) => event === 'incident');
  expect(opened?.data).toMatchObject({ incident: { assetId: 'portal', problem: 'down' }, entries: [{ kind: 'opened' }] });

  // Nobody listens while it comes back.
  const lastId = down.at(-1)?.id ?? '';
  await service.start();
  await eventually('the check is up again', async () => ((await status()) === 'up' ? true : null));
  const missed = await readEvents(await open(lastId), (events) => storyOf(events).includes('incident resolved'));
  expect(missed.map(({ event }) => event)).not.toContain('reset');
  expect(storyOf(missed)).toEqual(expect.arrayContaining(['check up', 'asset up', 'incident resolved']));
  const ids = [...down, ...missed].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);

  await district.restartCollector();
  const [first] = await readEvents(await open(missed.at(-1)?.id ?? ''), (events) => events.length > 0);
  expect(first?.event).toBe('reset');
});
