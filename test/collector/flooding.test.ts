import { limits } from '@jiwei/shared/limits.ts';
import { expect, test } from 'vitest';
import { createAgentLinks } from '../../collector/src/ingest/agent-links.ts';
import type { AgentSocketEvents } from '../../collector/src/ingest/agent-socket.ts';
import { type Allowance, debtMs, fullAllowance, isFlood, messageCost, spend } from '../../collector/src/ingest/allowance.ts';
import { asId } from '../../shared/src/ids.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { testAgent } from '../support/protocol-agent.ts';

const cases: readonly {
  readonly why: string;
  readonly costs: readonly number[];
  readonly debtMs: number;
  readonly isFlood: boolean;
}[] = [
  { why: 'a burst is free of waiting to its last unit', costs: [limits.linkUnitsBurst], debtMs: 0, isFlood: false },
  { why: 'one unit more has to be waited for', costs: [limits.linkUnitsBurst, 1], debtMs: 2, isFlood: false },
  {
    why: 'debt up to its bound only slows',
    costs: [limits.linkUnitsBurst + limits.linkDebtUnitsMax],
    debtMs: 5_000,
    isFlood: false,
  },
  { why: 'beyond it is a flood', costs: [limits.linkUnitsBurst + limits.linkDebtUnitsMax + 1], debtMs: 5_002, isFlood: true },
];
for (const { why, costs, debtMs: expectedMs, isFlood: expected } of cases) {
  test(`the allowance of an agent: ${why}`, () => {
    const left = costs.reduce((allowance: Allowance, cost) => spend(allowance, cost, 0), fullAllowance(0));
    expect({ debtMs: debtMs(left, 0), isFlood: isFlood(left) }).toEqual({ debtMs: expectedMs, isFlood: expected });
  });
}

test('an allowance fills up again at its rate, and never beyond a burst', () => {
  const empty = spend(fullAllowance(0), limits.linkUnitsBurst, 0);
  expect(spend(empty, 0, 1_000).units).toBe(limits.linkUnitsPerSecond);
  expect(spend(empty, 0, 3_600_000).units).toBe(limits.linkUnitsBurst);
});

const nonce = Buffer.alloc(32, 1).toString('base64url');

/** Links over sockets in memory, each with an agent that has been welcomed. */
const world = () => {
  const clock = createManualClock(1_000_000);
  const refused: string[] = [];
  const throttled: boolean[] = [];
  const acknowledgements: (() => void)[] = [];
  const lines: [fields: unknown, line: string][] = [];
  const note = (...line: (typeof lines)[number]) => lines.push(line);
  const log = { ...world.log, info: note, warn: note };
  const links = createAgentLinks({
    clock,
    collectorId: 'c',
    newNonce: () => nonce,
    heartbeatMs: 5_000,
    heartbeatTimeoutMs: 15_000,
    log: { child: () => log, ...log } as never,
    onRefused: (code) => refused.push(code),
    onThrottled: (isThrottled) => throttled.push(isThrottled),
    host: {
      agentOf: ({ hello }) => asId<'agent'>(hello.hostname),
      cloned: () => undefined,
      overdue: () => undefined,
      admit: async ({ hello }) => ({
        kind: 'admitted',
        agentId: asId<'agent'>(hello.hostname),
        stored: null,
        config: { version: 1, host: { intervalMs: 15_000 }, checks: [] },
      }),
      connected: () => undefined,
      lost: () => undefined,
      deliver: (_agentId, _delivery, acknowledge) => acknowledgements.push(acknowledge),
      probeAnswer: () => undefined,
    },
  });
  /** Somebody opens a connection and says nothing yet. */
  const call = (address = '127.0.0.1') => {
    let events: AgentSocketEvents | null = null;
    const said: { readonly type: string; readonly code?: string }[] = [];
    const state = { isPaused: false, isOpen: true, unsentBytes: 0 };
    links.open((given) => {
      events = given;
      const end = (): void => {
        state.isOpen = false;
      };
      return {
        isOpen: () => state.isOpen,
        unsentBytes: () => state.unsentBytes,
        sendText: (text) => said.push(JSON.parse(text)),
        ping: () => undefined,
        close: end,
        terminate: end,
        pause: () => {
          state.isPaused = true;
        },
        resume: () => {
          state.isPaused = false;
        },
      };
    }, address);
    const say = (message: unknown): void => events?.text(JSON.stringify(message));
    return { state, said, say, send: (bytes: Uint8Array) => events?.binary(bytes), closed: () => events?.closed() };
  };
  /** @param agent whose key it has; the collector of this world knows agents by their host names alone */
  const knock = async (name: string, agent = testAgent(name, 'c', nonce), address = '127.0.0.1') => {
    const caller = call(address);
    caller.say({ ...agent.hello, hostname: name });
    caller.say(agent.proof);
    await new Promise(setImmediate);
    const sendResults = (seq: number, count?: number, detail?: string) => caller.send(agent.results(seq, count, detail));
    return { ...caller, sendResults };
  };
  const connect = async (name: string, agent?: ReturnType<typeof testAgent>) => {
    const caller = await knock(name, agent);
    expect(caller.said).toContainEqual(expect.objectContaining({ type: 'welcome' }));
    return caller;
  };
  return { clock, links, refused, throttled, acknowledgements, lines, call, knock, connect };
};
const heartbeat = {
  ...{ type: 'heartbeat', sentAtMs: 1_000_000, heardTimeMs: 1_000_000, heardAgoMs: 0 },
  ...{ spoolFrames: 0, spoolBytes: 0 },
};
const silent = () => undefined;
world.log = { info: silent, warn: silent, error: silent, debug: silent };

test('an agent that sends too much is slowed, then goes on, and another one notices nothing', async () => {
  const { clock, connect, throttled, refused } = world();
  const [flooder, quiet] = [await connect('flooder'), await connect('quiet')];
  let sent = 0;
  while (!flooder.state.isPaused && sent < 10_000) {
    flooder.say(heartbeat);
    sent += 1;
  }
  expect(sent).toBeGreaterThan(limits.linkUnitsBurst / messageCost(200) - 10);
  expect(sent).toBeLessThanOrEqual(limits.linkUnitsBurst);
  expect({ throttled, refused, isQuietPaused: quiet.state.isPaused }).toEqual({
    throttled: [true],
    refused: [],
    isQuietPaused: false,
  });
  quiet.say(heartbeat);
  expect(quiet.said.at(-1)?.type).toBe('heartbeatAnswer');
  clock.advance(20);
  expect(flooder.state.isPaused).toBe(false);
  expect(throttled).toEqual([true, false]);
});

test('an agent that is slowed many times a second is in the log at most once in ten seconds', async () => {
  const { clock, connect, throttled, lines } = world();
  const flooder = await connect('flooder');
  const slowed = () => lines.filter(([, line]) => line.includes('it is slowed')).map(([fields]) => fields);
  for (let sent = 0; throttled.length < 1_000 && sent < 100_000; sent += 1) {
    flooder.say(heartbeat);
    if (flooder.state.isPaused) clock.advance(4);
  }
  expect(throttled).toHaveLength(1_000);
  expect(slowed()).toEqual([{ times: 1, waitMs: expect.any(Number) }]);
  clock.advance(10_000);
  while (!flooder.state.isPaused) flooder.say(heartbeat);
  expect(slowed()).toEqual([expect.anything(), { times: 500, waitMs: expect.any(Number) }]);
});

test('one that goes on although it is not read from is refused, and kept out until its debt is paid', async () => {
  const { clock, knock, connect, refused } = world();
  const flooder = await connect('flooder');
  // What the socket had taken in before it was paused still comes.
  for (let sent = 0; sent < limits.linkUnitsBurst + limits.linkDebtUnitsMax && flooder.state.isOpen; sent += 1)
    flooder.say(heartbeat);
  expect(refused).toEqual(['FLOODING']);
  expect(flooder.said.at(-1)).toMatchObject({ type: 'refuse', code: 'FLOODING', class: 'retry-later' });
  flooder.closed();
  expect((await knock('flooder')).said.at(-1)).toMatchObject({ type: 'refuse', code: 'FLOODING' });
  clock.advance(6_000);
  await connect('flooder');
});

test('a link that is not read from is not taken for silent', async () => {
  const { clock, links, connect, refused } = world();
  const agent = await connect('waiting');
  links.setPressure('full');
  expect(agent.state.isPaused).toBe(true);
  clock.advance(60_000);
  expect(refused).toEqual([]);
  links.setPressure('none');
  expect(agent.state.isPaused).toBe(false);
  clock.advance(14_999);
  expect(refused).toEqual([]);
  clock.advance(2);
  expect(refused).toEqual(['SILENT']);
});

test('a queue that is half full stops those who fill it, and nobody else', async () => {
  const { links, connect, acknowledgements } = world();
  const [heavy, usual] = [await connect('heavy'), await connect('usual')];
  for (let seq = 0; seq < limits.heavyLinkFrames; seq += 1) heavy.sendResults(seq);
  usual.sendResults(0);
  links.setPressure('half');
  expect([heavy.state.isPaused, usual.state.isPaused]).toEqual([true, false]);
  for (const acknowledge of acknowledgements) acknowledge();
  await new Promise(setImmediate);
  expect(heavy.state.isPaused).toBe(false);
});

test('a few frames of many bytes fill a queue as well', async () => {
  const { links, connect } = world();
  const [heavy, usual] = [await connect('heavy'), await connect('usual')];
  // A little more than half as much as makes a link heavy.
  const count = Math.ceil(limits.heavyLinkBytes / 2 / limits.detailCharactersMax);
  const text = 'x'.repeat(limits.detailCharactersMax);
  heavy.sendResults(0, count, text);
  links.setPressure('half');
  expect(heavy.state.isPaused).toBe(false);
  heavy.sendResults(1, count, text);
  usual.sendResults(0);
  expect([heavy.state.isPaused, usual.state.isPaused]).toEqual([true, false]);
});

test('an agent that does not read what it is told is cut off', async () => {
  const { connect } = world();
  const deaf = await connect('deaf');
  deaf.state.unsentBytes = 4 * 1024 * 1024;
  deaf.say(heartbeat);
  expect(deaf.state.isOpen).toBe(true);
  deaf.state.unsentBytes += 1;
  deaf.say(heartbeat);
  expect(deaf.state.isOpen).toBe(false);
});

test('only so many strangers are heard at once, and agents that are known by then do not count', async () => {
  const { links, call, connect } = world();
  await connect('known');
  const strangers = Array.from({ length: limits.handshakesAtOnceMax - 1 }, (_, index) => call(`10.0.0.${index % 100}`));
  expect(links.roomFor('127.0.0.1')).toBe('room');
  strangers.push(call());
  expect(links.roomFor('127.0.0.1')).toBe('full');
  strangers[0]?.closed();
  expect(links.roomFor('127.0.0.1')).toBe('room');
});

test('one address has its share of the strangers, whatever it holds; agents of it that proved their keys do not count', async () => {
  const { links, call, knock } = world();
  const agent = testAgent('any', 'c', nonce);
  const known = await Promise.all(
    Array.from({ length: 2 * limits.handshakesPerAddressMax }, (_, index) => knock(`agent-${index}`, agent, '10.0.0.1')),
  );
  expect(links.roomFor('10.0.0.1')).toBe('room');
  expect(links.provedFrom('10.0.0.1')).toBe(known.length);
  const silent = Array.from({ length: limits.handshakesPerAddressMax }, () => call('10.0.0.1'));
  expect(links.roomFor('10.0.0.1')).toBe('address');
  expect(links.roomFor('::ffff:10.0.0.1')).toBe('address');
  expect(links.roomFor('10.0.0.2')).toBe('room');
  silent[0]?.closed();
  expect(links.roomFor('10.0.0.1')).toBe('room');
  for (const one of known) one.closed();
  expect(links.provedFrom('10.0.0.1')).toBe(0);
  expect(links.roomFor('10.0.0.1')).toBe('room');
  call('10.0.0.1');
  expect(links.roomFor('10.0.0.1')).toBe('address');
});

test('there is room for agentsMax agents; of those that left the oldest is forgotten', async () => {
  const { links, knock, connect } = world();
  const flooder = await connect('flooder');
  for (let sent = 0; sent < 10_000 && flooder.state.isOpen; sent += 1) flooder.say(heartbeat);
  flooder.closed();
  // Making a key each would take longer than all the rest.
  const agent = testAgent('any', 'c', nonce);
  const many = await Promise.all(Array.from({ length: limits.agentsMax - 1 }, (_, index) => knock(`agent-${index}`, agent)));
  expect(links.roomFor('10.0.0.1')).toBe('room');
  const last = await connect('last', agent);
  expect(links.roomFor('10.0.0.1')).toBe('full');
  for (const one of many) one.closed();
  expect(links.roomFor('10.0.0.1')).toBe('room');
  expect((await knock('flooder')).said.at(-1)).toMatchObject({ type: 'refuse', code: 'FLOODING' });
  last.closed();
  await connect('flooder');
});

test('those who are refused before their welcome are told of with their address, by reason, and at most once in ten seconds each', async () => {
  const { clock, lines, refused, call, knock } = world();
  for (let count = 0; count < 1_000; count += 1) call(`10.0.${count % 4}.1`).say({ type: 'hello' });
  call('10.0.9.9').say({ ...testAgent('old', 'c', nonce).hello, versions: [999] });
  expect(refused).toHaveLength(1_001);
  expect(lines).toEqual([
    [
      { code: 'PROTOCOL_VIOLATION', connections: 1, address: '10.0.0.1' },
      expect.stringMatching(/^connection ended before its welcome: /),
    ],
    [{ code: 'VERSION_UNSUPPORTED', connections: 1, address: '10.0.9.9' }, expect.stringMatching(/agent speaks 999/)],
  ]);
  // Those that say nothing at all: the handshake of all of them runs out at once.
  for (let count = 0; count < 100; count += 1) call('10.0.8.8');
  clock.advance(10_000);
  expect(lines.slice(2)).toEqual([
    [{ code: 'HANDSHAKE_TIMEOUT', connections: 1, address: '10.0.8.8' }, expect.stringMatching(/took longer than/)],
  ]);
  call('10.0.7.7').say('no hello');
  expect(lines.at(-1)?.[0]).toEqual({ code: 'PROTOCOL_VIOLATION', connections: 1_000, address: '10.0.7.7' });
  // Whoever is let in has lines of its own, with its address too.
  const known = await knock('known', undefined, '10.0.6.6');
  known.say('no message');
  expect(lines.at(-1)).toEqual([
    { code: 'PROTOCOL_VIOLATION', address: '10.0.6.6' },
    expect.stringMatching(/^connection ended: /),
  ]);
});
