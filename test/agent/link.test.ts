import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  initialLink,
  type LinkAction,
  type LinkEvent,
  type LinkMoment,
  type LinkState,
  linkDeadlineMs,
  stepLink,
} from '@jiwei/agent/link/machine.ts';
import { type LinkMessage, readMessage } from '@jiwei/agent/link/message.ts';
import { connectThroughProxy, proxyFor } from '@jiwei/agent/link/proxy.ts';
import { type LinkEnd, planRetry } from '@jiwei/agent/link/retry.ts';
import { createSendWindow } from '@jiwei/agent/link/window.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { hourMs, minuteMs } from '@jiwei/shared/time.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectProxy, openConnectProxy, type ProxyAnswer } from '../support/connect-proxy.ts';
import { portOf } from '../support/ports.ts';

const nonce = 'n'.repeat(43);
const challenge: LinkMessage = { type: 'challenge', version: 1, capabilities: [], nonce, collectorId: 'c' };
const welcome: LinkMessage = {
  type: 'welcome',
  agentId: asId<'agent'>('a'),
  stored: null,
  heartbeatMs: 5_000,
  heartbeatTimeoutMs: 15_000,
  framesInFlightMax: 64,
  frameBytesInFlightMax: 1_000_000,
  collectorTimeMs: 0,
};
const answer: LinkMessage = { type: 'heartbeatAnswer', echoMs: 0, collectorTimeMs: 0 };
const say = (message: LinkMessage): LinkEvent => ({ kind: 'message', message });

/** The wall clock agrees with the monotonic one, and the grid lies where the welcome comes. */
const moment = (monotonicMs: number, random = 0.5, gridOffsetMs = 30): LinkMoment => ({
  monotonicMs,
  random,
  nowMs: Math.floor(monotonicMs),
  gridOffsetMs,
});

/** Plays events at instants. @returns the last state, and the actions of all steps as words */
const play = (events: readonly (readonly [atMs: number, event: LinkEvent])[], from: LinkState = initialLink, random = 0.5) => {
  let state = from;
  const deeds: string[] = [];
  const actions: LinkAction[] = [];
  for (const [monotonicMs, event] of events) {
    const step = stepLink(state, event, moment(monotonicMs, random));
    state = step.state;
    actions.push(...step.actions);
    for (const action of step.actions)
      deeds.push(
        action.kind === 'close' ? `close ${action.closeCode}` : action.kind === 'report' ? `report ${action.level}` : action.kind,
      );
  }
  return { state, deeds: deeds.join(', '), actions };
};

const toStreaming: readonly (readonly [number, LinkEvent])[] = [
  [0, { kind: 'start' }],
  [10, { kind: 'opened' }],
  [20, say(challenge)],
  [30, say(welcome)],
];
const tick: LinkEvent = { kind: 'tick' };
const lost: LinkEvent = { kind: 'closed', closeCode: null, problem: 'ECONNRESET' };

const cases: readonly {
  why: string;
  events: readonly (readonly [number, LinkEvent])[];
  deeds: string;
  status: LinkState['status'];
  deadlineMs: number;
}[] = [
  { why: 'connects at the start', events: [[0, { kind: 'start' }]], deeds: 'connect', status: 'connecting', deadlineMs: 10_000 },
  {
    why: 'starts once',
    events: [
      [0, { kind: 'start' }],
      [5, { kind: 'start' }],
    ],
    deeds: 'connect',
    status: 'connecting',
    deadlineMs: 10_000,
  },
  {
    why: 'goes from hello to streaming',
    events: toStreaming,
    deeds: 'connect, hello, prove, heartbeat, stream',
    status: 'streaming',
    deadlineMs: 5_030,
  },
  {
    why: 'does not wait for an opening for ever',
    events: [
      [0, { kind: 'start' }],
      [9_999, tick],
    ],
    deeds: 'connect',
    status: 'connecting',
    deadlineMs: 10_000,
  },
  {
    why: 'cuts a connection that does not open in time',
    events: [
      [0, { kind: 'start' }],
      [10_000, tick],
    ],
    deeds: 'connect, terminate, report warn',
    status: 'waiting',
    deadlineMs: 10_250,
  },
  {
    why: 'gives the whole handshake one deadline',
    events: [...toStreaming.slice(0, 3), [10_000, tick]],
    deeds: 'connect, hello, prove, terminate, report warn',
    status: 'waiting',
    deadlineMs: 10_250,
  },
  {
    why: 'sends a heartbeat when it is due',
    events: [...toStreaming, [5_030, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, heartbeat',
    status: 'streaming',
    deadlineMs: 10_030,
  },
  {
    why: 'sends one heartbeat after a long sleep, not several',
    events: [...toStreaming, [14_000, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, heartbeat',
    status: 'streaming',
    deadlineMs: 15_030,
  },
  {
    why: 'takes silence for the end',
    events: [...toStreaming, [15_030, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, terminate, report warn',
    status: 'waiting',
    deadlineMs: 15_280,
  },
  {
    why: 'takes anything heard for life',
    events: [...toStreaming, [14_000, say(answer)], [15_030, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, deliver, heartbeat',
    status: 'streaming',
    deadlineMs: 20_030,
  },
  {
    why: 'tries again after a loss',
    events: [
      [0, { kind: 'start' }],
      [10, lost],
      [260, tick],
    ],
    deeds: 'connect, report warn, connect',
    status: 'connecting',
    deadlineMs: 10_260,
  },
  {
    why: 'closes at a welcome without a challenge',
    events: [...toStreaming.slice(0, 2), [20, say(welcome)]],
    deeds: 'connect, hello, report error, close 4400',
    status: 'closing',
    deadlineMs: 2_020,
  },
  {
    why: 'closes at a second challenge',
    events: [...toStreaming, [40, say(challenge)]],
    deeds: 'connect, hello, prove, heartbeat, stream, report error, close 4400',
    status: 'closing',
    deadlineMs: 2_040,
  },
  {
    why: 'closes at an acknowledgement before the welcome',
    events: [...toStreaming.slice(0, 3), [40, say({ type: 'ack', bootId: 1, seq: 1 })]],
    deeds: 'connect, hello, prove, report error, close 4400',
    status: 'closing',
    deadlineMs: 2_040,
  },
  {
    why: 'closes at nonsense',
    events: [...toStreaming, [40, { kind: 'nonsense', problem: 'x' }]],
    deeds: 'connect, hello, prove, heartbeat, stream, report error, close 4400',
    status: 'closing',
    deadlineMs: 2_040,
  },
  {
    why: 'cuts the connection when its close is not answered',
    events: [...toStreaming, [40, { kind: 'nonsense', problem: 'x' }], [2_040, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, report error, close 4400, terminate',
    status: 'waiting',
    deadlineMs: 62_040,
  },
  {
    why: 'asks a person about an unknown key',
    events: [
      ...toStreaming.slice(0, 3),
      [40, say({ type: 'refuse', code: 'AGENT_UNKNOWN', class: 'ask-a-person', message: 'm', retryAfterMs: 0 })],
      [50, lost],
    ],
    deeds: 'connect, hello, prove, report error, close 1000',
    status: 'waiting',
    deadlineMs: 60_050,
  },
  {
    why: 'understands a refusal from its close code alone',
    events: [...toStreaming.slice(0, 3), [50, { kind: 'closed', closeCode: 4406, problem: '' }]],
    deeds: 'connect, hello, prove, report error',
    status: 'waiting',
    deadlineMs: 3_600_050,
  },
  {
    why: 'waits as long as it is told',
    events: [
      ...toStreaming.slice(0, 3),
      [40, say({ type: 'refuse', code: 'OVERLOADED', class: 'retry-later', message: 'm', retryAfterMs: 7_000 })],
      [50, lost],
    ],
    deeds: 'connect, hello, prove, report warn, close 1000',
    status: 'waiting',
    deadlineMs: 7_550,
  },
  {
    why: 'says nothing more when it is stopped',
    events: [...toStreaming, [40, { kind: 'stop' }], [50, lost], [99_999, tick]],
    deeds: 'connect, hello, prove, heartbeat, stream, close 1000',
    status: 'stopped',
    deadlineMs: Number.POSITIVE_INFINITY,
  },
];
for (const { why, events, deeds, status, deadlineMs } of cases) {
  test(`link ${why}`, () => {
    const { state, deeds: done } = play(events);
    expect({ deeds: done, status: state.status, deadlineMs: linkDeadlineMs(state) }).toEqual({ deeds, status, deadlineMs });
  });
}

const refused = (refusalClass: Extract<LinkEnd, { kind: 'refused' }>['class'], retryAfterMs = 0): LinkEnd => ({
  kind: 'refused',
  class: refusalClass,
  retryAfterMs,
});
const retries: readonly {
  why: string;
  end: LinkEnd;
  attempt: number;
  streamedMs: number;
  random: number;
  delayMs: number;
  next: number;
}[] = [
  { why: 'soon after the first loss', end: { kind: 'lost' }, attempt: 0, streamedMs: 0, random: 0.999, delayMs: 499, next: 1 },
  { why: 'later after the fourth', end: { kind: 'lost' }, attempt: 3, streamedMs: 0, random: 0.999, delayMs: 3_996, next: 4 },
  {
    why: 'never later than half a minute',
    end: { kind: 'lost' },
    attempt: 40,
    streamedMs: 0,
    random: 0.999,
    delayMs: 29_970,
    next: 41,
  },
  {
    why: 'a link that broke after 9.999 s did not succeed',
    end: { kind: 'lost' },
    attempt: 5,
    streamedMs: 9_999,
    random: 0.5,
    delayMs: 8_000,
    next: 6,
  },
  {
    why: 'one that lived for 10 s did',
    end: { kind: 'lost' },
    attempt: 5,
    streamedMs: 10_000,
    random: 0.5,
    delayMs: 250,
    next: 1,
  },
  {
    why: 'retry-now is soon, yet backs off when it repeats',
    end: refused('retry-now'),
    attempt: 4,
    streamedMs: 0,
    random: 0.5,
    delayMs: 4_000,
    next: 5,
  },
  {
    why: 'retry-later is not before it was told',
    end: refused('retry-later', 5_000),
    attempt: 0,
    streamedMs: 0,
    random: 0,
    delayMs: 5_000,
    next: 1,
  },
  {
    why: 'ask-a-person is about a minute',
    end: refused('ask-a-person'),
    attempt: 0,
    streamedMs: 0,
    random: 0,
    delayMs: 45_000,
    next: 1,
  },
  {
    why: 'give-up is about an hour',
    end: refused('give-up'),
    attempt: 0,
    streamedMs: 0,
    random: 0.999,
    delayMs: 4_498_200,
    next: 1,
  },
];
for (const { why, end, attempt, streamedMs, random, delayMs, next } of retries) {
  test(`retry: ${why}`, () => {
    expect(planRetry(end, { attempt, streamedMs, random })).toEqual({ delayMs, attempt: next });
  });
}

test('a refusal for good of what was sent is asked again in a minute, one of the build in an hour', () => {
  const giveUp = say({ type: 'refuse', code: 'PROTOCOL_VIOLATION', class: 'give-up', message: 'm', retryAfterMs: 0 });
  const afterFrames = play([...toStreaming, [40, giveUp]]);
  expect(afterFrames.deeds).toBe('connect, hello, prove, heartbeat, stream, suspect, report error, close 1000');
  expect(afterFrames.state).toMatchObject({ status: 'closing', retryMs: minuteMs });
  const atHello = play([...toStreaming.slice(0, 2), [40, giveUp]]);
  expect(atHello.deeds).toBe('connect, hello, report error, close 1000');
  expect(atHello.state).toMatchObject({ status: 'closing', retryMs: hourMs });
});

test('forgets what the collector holds and lets it measure the clocks before it sends frames', () => {
  const stored = { bootId: 3, seq: 9 };
  const { deeds } = play([...toStreaming.slice(0, 3), [30, say({ ...welcome, stored })]]);
  expect(deeds).toBe('connect, hello, prove, acknowledge, heartbeat, stream');
});

test('whatever happens, the link wants a tick or is idle or stopped, and connects again sooner or later', () => {
  const event = fc.oneof(
    fc.constantFrom<LinkEvent>(...toStreaming.map(([, one]) => one), tick, lost, say(answer), { kind: 'nonsense', problem: 'x' }),
    fc
      .constantFrom(4400, 4401, 4408, 4430, 1000, 1001)
      .map((closeCode): LinkEvent => ({ kind: 'closed', closeCode, problem: 'x' })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20_000), event), { size: 'max', maxLength: 60 }), (script) => {
      let atMs = 0;
      const events = script.map(([waitMs, one]) => {
        atMs += waitMs;
        return [atMs, one] as const;
      });
      const { state } = play([[0, { kind: 'start' }], ...events]);
      expect(Number.isFinite(linkDeadlineMs(state))).toBe(true);
      let next = state;
      let connects = 0;
      for (let steps = 0; steps < 8 && connects === 0; steps += 1) {
        const step = stepLink(next, tick, moment(linkDeadlineMs(next)));
        // A streaming link that hears nothing ends by its own deadline.
        next = step.state;
        connects += step.actions.filter(({ kind }) => kind === 'connect').length;
      }
      expect(connects).toBe(1);
    }),
  );
});

test('heartbeats lie on the grid of the agent, and never further apart than was told', () => {
  let state: LinkState = initialLink;
  const beats: number[] = [];
  const step = (event: LinkEvent, atMs: number): void => {
    const next = stepLink(state, event, moment(atMs, 0.5, 86_401_200));
    state = next.state;
    if (next.actions.some(({ kind }) => kind === 'heartbeat')) beats.push(atMs);
  };
  for (const [atMs, event] of toStreaming) step(event, atMs);
  // The second is told late, as on a busy host; the third is where it would have been.
  for (const lateMs of [0, 700, 0]) {
    const atMs = linkDeadlineMs(state) + lateMs;
    step(say(answer), atMs);
    step(tick, atMs);
  }
  expect(beats).toEqual([30, 1_200, 6_900, 11_200]);
});

test('the window holds as many frames and bytes as it was told', () => {
  const window = createSendWindow({ framesMax: () => 3, bytesMax: 100 });
  expect(window.hasRoom(1_000)).toBe(true);
  window.add({ bootId: 1, seq: 8 }, 60, 5);
  expect(window.oldest()).toEqual({ position: { bootId: 1, seq: 8 }, frameBytes: 60, atMs: 5 });
  expect([window.hasRoom(40), window.hasRoom(41)]).toEqual([true, false]);
  window.add({ bootId: 1, seq: 9 }, 1, 6);
  window.add({ bootId: 2, seq: 0 }, 1, 7);
  expect(window.hasRoom(1)).toBe(false);
  expect(window.release({ bootId: 1, seq: 9 })).toBe(2);
  expect([window.frames, window.bytes]).toEqual([1, 1]);
  expect(window.release({ bootId: 2, seq: 0 })).toBe(1);
});

test('a configuration that we do not understand is no reason to close the link', () => {
  const read = readMessage(JSON.stringify({ type: 'config', config: { version: 7, host: { intervalMs: 1 }, checks: [] } }));
  expect(read).toMatchObject({
    message: { type: 'config', version: 7, config: null, errors: [expect.stringContaining('config.host.intervalMs')] },
  });
});

test('a refusal with a code newer than we are still says what to do', () => {
  expect(
    readMessage(JSON.stringify({ type: 'refuse', code: 'MOON_IN_WRONG_PHASE', class: 'retry-later', message: 'm' })),
  ).toMatchObject({
    message: { code: 'MOON_IN_WRONG_PHASE', class: 'retry-later', retryAfterMs: 0 },
  });
});

for (const text of [
  '',
  'null',
  '[]',
  '{}',
  '{"type":"dance"}',
  '{"type":"ack","bootId":-1,"seq":0}',
  '{"type":"config","config":{}}',
]) {
  test(`${JSON.stringify(text)} is nonsense`, () => {
    expect(readMessage(text)).toHaveProperty('problem');
  });
}

const proxies: readonly { why: string; target: string; environment: Record<string, string>; expected: string | null }[] = [
  { why: 'none named', target: 'wss://c.example', environment: {}, expected: null },
  { why: 'HTTPS_PROXY is for wss', target: 'wss://c.example', environment: { HTTPS_PROXY: 'http://p:3128' }, expected: 'p:3128' },
  { why: 'and not for ws', target: 'ws://c.example', environment: { HTTPS_PROXY: 'http://p:3128' }, expected: null },
  {
    why: 'lower case goes before upper',
    target: 'wss://c.example',
    environment: { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' },
    expected: 'q:2',
  },
  { why: 'a scheme may be missing', target: 'wss://c.example', environment: { HTTPS_PROXY: 'p:3128' }, expected: 'p:3128' },
  {
    why: 'an exception by name',
    target: 'wss://c.example',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: 'x, c.example' },
    expected: null,
  },
  {
    why: 'an exception by domain',
    target: 'wss://c.example',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: '.example' },
    expected: null,
  },
  {
    why: 'no exception by a mere ending',
    target: 'wss://c.example',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: 'ample' },
    expected: 'p:1',
  },
  {
    why: 'an exception for another port',
    target: 'wss://c.example:7070',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: 'c.example:443' },
    expected: 'p:1',
  },
  {
    why: 'an exception for a network',
    target: 'wss://10.1.2.3',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: '10.0.0.0/8' },
    expected: null,
  },
  {
    why: 'not for another network',
    target: 'wss://11.1.2.3',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: '10.0.0.0/8' },
    expected: 'p:1',
  },
  {
    why: 'nor for a name',
    target: 'wss://c.example',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: '0.0.0.0/0' },
    expected: 'p:1',
  },
  {
    why: 'a network of IPv6',
    target: 'wss://[fd00::1]:1',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: 'fd00::/8' },
    expected: null,
  },
  {
    why: 'an IPv6 address with port',
    target: 'wss://[fd00::1]:7070',
    environment: { HTTPS_PROXY: 'p:1', NO_PROXY: '[fd00::1]:7070' },
    expected: null,
  },
  {
    why: 'an empty variable says nothing',
    target: 'wss://c.example',
    environment: { https_proxy: '', HTTPS_PROXY: 'p:1' },
    expected: 'p:1',
  },
  { why: 'never for the loopback', target: 'wss://localhost', environment: { HTTPS_PROXY: 'p:1' }, expected: null },
  { why: 'in none of its forms', target: 'wss://127.8.9.1', environment: { HTTPS_PROXY: 'p:1' }, expected: null },
  { why: 'nor of IPv6', target: 'wss://[::1]', environment: { HTTPS_PROXY: 'p:1' }, expected: null },
  { why: 'an exception for all', target: 'wss://c.example', environment: { ALL_PROXY: 'p:1', NO_PROXY: '*' }, expected: null },
];
for (const { why, target, environment, expected } of proxies) {
  test(`proxy: ${why}`, () => {
    expect(proxyFor(new URL(target), environment)?.url.host ?? null).toBe(expected);
  });
}

for (const text of ['socks5://me:secret@p:1', 'http://me:sec%ret@p:1']) {
  test(`proxy: ${text.slice(0, 5)} with a bad URL is refused without repeating the password in it`, () => {
    expect(() => proxyFor(new URL('wss://c'), { HTTPS_PROXY: text })).toThrow(
      /^HTTPS_PROXY is not a URL of the form http:\/\/\[user:password@\]host:port \(a "%" in user or password is written %25\)$/,
    );
  });
}

test('proxy: the variable is named as it is written', () => {
  expect(proxyFor(new URL('wss://c'), { all_proxy: 'http://p:1' })?.variable).toBe('all_proxy');
});

describe('proxy', () => {
  let target: Server;
  let proxy: ConnectProxy;
  beforeAll(async () => {
    target = createServer((_request, response) => response.end('through')).listen(0, '127.0.0.1');
    await once(target, 'listening');
    proxy = await openConnectProxy({ 'c.example:443': portOf(target) });
  });
  afterAll(async () => {
    await proxy.stop();
    target.close();
  });
  const connectBy = (credentials: string, to = 'c.example:443'): Promise<Socket> =>
    connectThroughProxy({ url: new URL(`http://${credentials}127.0.0.1:${proxy.port}`), variable: 'HTTPS_PROXY' }, to, {
      withinMs: 30_000,
      signal: new AbortController().signal,
    });

  test('opens a tunnel with the credentials', async () => {
    proxy.answer('tunnel');
    const tunnel = await connectBy('me:p%40ss@');
    tunnel.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of tunnel) text += String(chunk);
    expect(text).toContain('through');
    expect(proxy.asked().at(-1)).toEqual({
      target: 'c.example:443',
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    });
  });

  test('any status of success makes a tunnel, and what came with it is not lost', async () => {
    proxy.answer({ says: 'HTTP/1.1 204 No Content\r\n\r\nearly' });
    let text = '';
    for await (const chunk of await connectBy('')) text += String(chunk);
    expect(text).toBe('early');
  });

  const refusals: readonly { why: string; answer: ProxyAnswer; credentials?: string; expected: RegExp }[] = [
    {
      why: 'a user is wanted',
      answer: { says: 'HTTP/1.1 407 No\r\nproxy-authenticate: Basic realm="a, b"\r\n\r\n' },
      expected: /answered 407 to CONNECT c\.example:443; it wants a user and a password: write them into HTTPS_PROXY/,
    },
    {
      why: 'the user is not taken',
      answer: { says: 'HTTP/1.1 407 No\r\n\r\n' },
      credentials: 'me:p%40ss@',
      expected: /407 .*it does not take the user and the password in HTTPS_PROXY/,
    },
    {
      why: 'another scheme is wanted',
      answer: { says: 'HTTP/1.1 407 No\r\nproxy-authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n\r\n' },
      credentials: 'me:p%40ss@',
      expected: /407 .*it asks for negotiate or ntlm, and the agent speaks Basic only/,
    },
    {
      why: 'the target is not allowed',
      answer: { says: 'HTTP/1.1 403 No\r\n\r\n' },
      expected: /403 .*does not allow this target/,
    },
    {
      why: 'it is a web server',
      answer: { says: 'HTTP/1.1 405 No\r\n\r\n' },
      expected: /405 .*perhaps a web server and no proxy/,
    },
    { why: 'it cannot go on', answer: { says: 'HTTP/1.1 502 No\r\n\r\n' }, expected: /502 .*cannot reach the collector/ },
    { why: 'it sends elsewhere', answer: { says: 'HTTP/1.1 302 Found\r\n\r\n' }, expected: /302 .*check the settings/ },
    {
      why: 'it is no HTTP',
      answer: { says: '\u0005\u0000' },
      expected: /something that is no HTTP \(HPE_\w+\); check that HTTPS_PROXY/,
    },
    { why: 'it hangs up', answer: 'hang-up', expected: /closed the connection without an answer/ },
  ];
  for (const { why, answer, credentials = '', expected } of refusals) {
    test(`is named with what to do when ${why}`, async () => {
      proxy.answer(answer);
      const refusal = connectBy(credentials);
      await expect(refusal).rejects.toMatchObject({ code: 'PROXY_FAILED', message: expect.stringMatching(expected) });
      await expect(refusal).rejects.toThrow(new RegExp(`^the proxy 127\\.0\\.0\\.1:${proxy.port} \\(HTTPS_PROXY\\) `));
      await expect(refusal).rejects.not.toThrow(/p@ss|p%40ss|bWU6/);
    });
  }

  test('is given up and named when it accepts and says nothing', async () => {
    proxy.answer('silence');
    const url = new URL(`http://127.0.0.1:${proxy.port}`);
    const asking = connectThroughProxy({ url, variable: 'HTTPS_PROXY' }, 'c.example:443', {
      withinMs: 50,
      signal: new AbortController().signal,
    });
    await expect(asking).rejects.toThrow(
      /\(HTTPS_PROXY\) did not answer CONNECT c\.example:443 within 0\.05 s; check that HTTPS_PROXY/,
    );
  });

  test('is named when it is not there, or speaks no TLS', async () => {
    const lone = await openConnectProxy({});
    const by = (scheme: string) =>
      connectThroughProxy({ url: new URL(`${scheme}://127.0.0.1:${lone.port}`), variable: 'ALL_PROXY' }, 'c.example:443', {
        withinMs: 30_000,
        signal: new AbortController().signal,
      });
    await expect(by('https')).rejects.toThrow(/\(ALL_PROXY\) speaks no TLS; write http:\/\//);
    await lone.stop();
    await expect(by('http')).rejects.toThrow(/\(ALL_PROXY\) cannot be reached \(.*ECONNREFUSED.*\); check that it runs/);
  });
});
