import { expect, test } from 'vitest';
import { run } from './support/run.ts';
import { refusingPort, silentServer, tcpServer } from './support/servers.ts';

const host = '127.0.0.1';

test('a port that accepts is up, with the time to connect', async () => {
  const outcome = await run('tcp', { host, port: await silentServer() });
  expect(outcome).toMatchObject({ outcome: 'up', reason: 'OK' });
  expect(outcome.values?.['probe_tcp_connect_seconds']).toBeGreaterThan(0);
  expect(outcome.values?.['probe_failed_due_to_regex']).toBe(0);
});

test('a port that refuses is down because of it', async () => {
  const outcome = await run('tcp', { host, port: await refusingPort() });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'CONNECTION_REFUSED', latencyMs: null });
});

test('an answer slower than slowMs is degraded', async () => {
  const port = await silentServer();
  // Every look at this clock costs 50 ms.
  let monotonicMs = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => (monotonicMs += 50), after: () => () => undefined };
  expect(await run('tcp', { host, port, slowMs: 1_000 }, { clock })).toMatchObject({ outcome: 'up' });
  expect(await run('tcp', { host, port, slowMs: 50 }, { clock })).toMatchObject({ outcome: 'degraded', reason: 'SLOW' });
});

const conversations: readonly {
  why: string;
  exchange: readonly { send?: string; expect?: string }[];
  talk: (heard: string) => string | null;
  expected: Record<string, unknown>;
}[] = [
  {
    why: 'a greeting that matches is up',
    exchange: [{ expect: '^220 ' }],
    talk: (heard) => (heard === '' ? '220 ready\r\n' : null),
    expected: { outcome: 'up' },
  },
  {
    why: 'what is sent arrives, and its reply is expected after it',
    exchange: [{ expect: '^220 ' }, { send: 'PING\r\n', expect: 'PONG' }, { send: 'QUIT\r\n' }],
    talk: (heard) => (heard === '' ? '220 ready\r\n' : heard === 'PING\r\n' ? 'PONG\r\n' : null),
    expected: { outcome: 'up' },
  },
  {
    why: 'the same words expected twice must come twice',
    exchange: [{ expect: '250' }, { expect: '250' }],
    talk: (heard) => (heard === '' ? '250 once\r\n' : null),
    expected: { outcome: 'down', reason: 'TIMEOUT', values: expect.objectContaining({ probe_failed_due_to_regex: 1 }) },
  },
  {
    why: 'a reply that came together with the one before is not lost',
    exchange: [{ expect: 'one' }, { expect: 'two' }],
    talk: (heard) => (heard === '' ? 'one two' : null),
    expected: { outcome: 'up' },
  },
];
for (const { why, exchange, talk, expected } of conversations) {
  test(`conversation: ${why}`, async () => {
    const port = await tcpServer((socket) => {
      let heard = '';
      const answer = (): void => {
        const text = talk(heard);
        if (text !== null) socket.write(text);
      };
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        answer();
      });
      answer();
    });
    expect(await run('tcp', { host, port, exchange }, { timeoutMs: 300 })).toMatchObject(expected);
  });
}

test('a character cut in two by the network is put together again', async () => {
  const bytes = Buffer.from('监控');
  const port = await tcpServer((socket) => {
    socket.write(bytes.subarray(0, 4));
    socket.once('data', () => socket.write(bytes.subarray(4)));
  });
  const exchange = [{ expect: '监' }, { send: 'go on', expect: '控' }];
  expect(await run('tcp', { host, port, exchange }, { timeoutMs: 3_000 })).toMatchObject({ outcome: 'up' });
});

test('an end before the match is an unexpected reply that quotes what came', async () => {
  const port = await tcpServer((socket) => socket.end('554 go away\r\n'));
  const outcome = await run('tcp', { host, port, exchange: [{ expect: '^220 ' }] });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'UNEXPECTED_REPLY' });
  expect(outcome.detail).toContain('554 go away');
  expect(outcome.values?.['probe_failed_due_to_regex']).toBe(1);
});

test('a half-closed connection without a word is an unexpected reply, not a wait until the deadline', async () => {
  const port = await tcpServer((socket) => socket.end());
  expect(await run('tcp', { host, port, exchange: [{ expect: 'x' }] })).toMatchObject({ reason: 'UNEXPECTED_REPLY' });
});

test('an endless reply without a match is given up at 64 KiB', async () => {
  const port = await tcpServer((socket) => socket.write('x'.repeat(200_000)));
  expect(await run('tcp', { host, port, exchange: [{ expect: 'y' }] })).toMatchObject({ reason: 'UNEXPECTED_REPLY' });
});

test('a connection that is reset is down because of it', async () => {
  const port = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const outcome = await run('tcp', { host, port, exchange: [{ send: 'hello', expect: 'world' }] });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'CONNECTION_RESET' });
});

test('a server that drips is cut off at the deadline, and the detail says what came', async () => {
  let tell: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (tell = resolve));
  const port = await tcpServer((socket) => {
    socket.on('end', () => tell()).resume();
    socket.write('2');
  });
  const outcome = await run('tcp', { host, port, exchange: [{ expect: '^220 ' }] }, { timeoutMs: 200 });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'TIMEOUT', latencyMs: null });
  expect(outcome.detail).toContain('received "2"');
  await closed;
});

test('a name that does not exist is down because of that', async () => {
  expect(await run('tcp', { host: 'no-such-host.invalid', port: 1 }, { tools: { lookup: notFound } })).toMatchObject({
    reason: 'DNS_NOT_FOUND',
  });
});
const notFound = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));

test('all addresses of a name are tried: one that refuses does not hide one that answers', async () => {
  const port = await silentServer();
  const lookup = async () => [
    { address: '127.0.0.2', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ];
  expect(await run('tcp', { host: 'two.example', port }, { tools: { lookup } })).toMatchObject({ outcome: 'up' });
});

test('a look-up that never ends is cut off at the deadline', async () => {
  const lookup = () => new Promise<never>(() => undefined);
  const outcome = await run('tcp', { host: 'slow.example', port: 1 }, { timeoutMs: 50, tools: { lookup } });
  expect(outcome).toMatchObject({ outcome: 'down', reason: 'TIMEOUT' });
});
