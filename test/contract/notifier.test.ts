import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { notifierKinds, notifierSchemas } from '../../collector/src/notify/registry.ts';
import { openMailServer } from '../support/mail-server.ts';
import { noticeOf, worldOf } from '../support/notices.ts';
import { portOf } from '../support/ports.ts';
import { openReceiver } from '../support/webhook-receiver.ts';

const secret = 'very-secret-value';

/** For each kind that goes over the network: options for a port, and a receiver that works. */
const networked: Readonly<
  Record<string, { optionsOf: (port: number) => object; openGood: () => Promise<{ port: number; close: () => Promise<void> }> }>
> = {
  webhook: {
    optionsOf: (port) => ({
      url: `http://127.0.0.1:${port}/hook?key=${secret}`,
      allowPlainHttp: true,
      secretFile: 'key',
      headers: { Authorization: `Bearer ${secret}` },
      timeoutMs: 300,
    }),
    openGood: async () => {
      const receiver = await openReceiver();
      return { port: Number(new URL(receiver.url).port), close: receiver.close };
    },
  },
  smtp: {
    optionsOf: (port) => ({
      host: '127.0.0.1',
      port,
      security: 'none',
      username: 'ops',
      passwordFile: 'key',
      from: 'jiwei@example.invalid',
      to: ['duty@example.invalid'],
      timeoutMs: 300,
    }),
    openGood: () => openMailServer({ account: { user: 'ops', pass: secret } }),
  },
};

describe.each(notifierKinds)('notifier contract: $kind', ({ kind, summary, schema, open }) => {
  const network = networked[kind];
  const { world, lines } = worldOf({ key: `${secret}\n` });
  const optionsOf = (port: number) => network?.optionsOf(port) ?? {};

  test('describes itself and all its options', () => {
    expect(summary).toMatch(/^[A-Z].*\.$/);
    expect(notifierSchemas.get(kind)).toBe(schema);
    const { properties } = z.toJSONSchema(schema, { io: 'input' });
    const undescribed = Object.entries(properties ?? {}).filter(
      ([, option]) => typeof option !== 'object' || !option.description,
    );
    expect(undescribed.map(([name]) => name)).toEqual([]);
  });

  test('refuses options it does not know', () => {
    expect(schema.safeParse({ ...optionsOf(1), colour: 'red' }).success).toBe(false);
  });

  test('takes its own output as input', () => {
    const once = schema.parse(optionsOf(1));
    expect(schema.parse(once)).toEqual(once);
  });

  test('reports what was sent', async () => {
    const good = await network?.openGood();
    const { timeoutMs: _short, ...options } = { timeoutMs: 0, ...optionsOf(good?.port ?? 1) };
    const channel = await open(options, world);
    expect(await channel.send(noticeOf(), AbortSignal.timeout(30_000))).toMatchObject({ kind: 'sent' });
    await good?.close();
  });

  if (network === undefined) return;
  describe('when the network fails it asks for another try and tells no secret', () => {
    let server: Server;
    const sockets = new Set<Socket>();
    let onConnection: 'hang' | 'close' | 'nonsense' = 'hang';
    beforeEach(async () => {
      server = createServer((socket) => {
        socket.on('error', () => undefined); // the client hangs up
        socket.resume();
        sockets.add(socket);
        if (onConnection === 'close') socket.destroy();
        if (onConnection === 'nonsense') socket.end('\u0000\u0001 nonsense\r\n\r\n');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });

    const refusedPort = async (): Promise<number> => {
      const free = createServer();
      await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
      const port = portOf(free);
      await new Promise<void>((resolve) => free.close(() => resolve()));
      return port;
    };
    const expectRetry = async (port: number, signal = AbortSignal.timeout(5_000)) => {
      const channel = await open(optionsOf(port), world);
      const outcome = await channel.send(noticeOf(), signal);
      expect(outcome).toMatchObject({
        kind: 'retry',
        error: expect.stringMatching(/\S/),
        mayHaveArrived: expect.any(Boolean),
      });
      expect(JSON.stringify([outcome, lines])).not.toContain(secret);
      return outcome;
    };

    test('refused, and nothing has arrived', async () => {
      expect(await expectRetry(await refusedPort())).toMatchObject({ mayHaveArrived: false });
    });
    test('closed at once', async () => {
      onConnection = 'close';
      await expectRetry(portOf(server));
    });
    test('nonsense', async () => {
      onConnection = 'nonsense';
      await expectRetry(portOf(server));
    });
    test('silence, within its own deadline', async () => {
      onConnection = 'hang';
      await expectRetry(portOf(server));
    });
    test('given up by the caller, before and during', async () => {
      onConnection = 'hang';
      expect(await expectRetry(portOf(server), AbortSignal.abort())).toMatchObject({ mayHaveArrived: false });
      const during = new AbortController();
      server.once('connection', () => during.abort());
      await expectRetry(portOf(server), during.signal);
    });
  });
});

test('the receivers of these tests are real: a refused port refuses', async () => {
  const good = await openReceiver();
  const port = Number(new URL(good.url).port);
  await good.close();
  const socket = connect(port, '127.0.0.1');
  const code = await new Promise((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));
  expect(code).toBe('ECONNREFUSED');
});
