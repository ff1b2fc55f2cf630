import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@jiwei/shared/clock.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { encodeFrame } from '@jiwei/shared/protocol/frame.ts';
import type { Series } from '@jiwei/shared/series.ts';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCollector, type RunningCollector } from '../../collector/src/assemble.ts';
import { parseCommand } from '../../collector/src/options.ts';
import { createDice, mutate } from '../fuzz/mutate.ts';
import type { FuzzTarget } from '../fuzz/target.ts';
import { target as sessionTarget } from '../fuzz/targets/session.ts';
import { type LoadAgent, openLoadAgent } from '../support/load-agent.ts';
import { eventually, testFolder } from '../support/processes.ts';
import { testAgent } from '../support/protocol-agent.ts';

const declaration = `
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: h1, name: h1, kind: server, unit: u }, { id: h2, name: h2, kind: server, unit: u }]
agents: [{ id: victim, asset: h1 }]
checks: [{ id: site, asset: h1, kind: tcp, host: 127.0.0.1, port: 9, interval: 20s, from: { agents: [victim] } }]
`;
const seed = 20_261_125;
const series: Series[] = [{ family: { name: 'm', type: 'gauge', help: '' }, labels: [['a', '名']] }];

let folder: Awaited<ReturnType<typeof testFolder>>;
let collector: RunningCollector;
let victim: LoadAgent;
let token: string;
const fatal: unknown[] = [];

beforeAll(async () => {
  folder = await testFolder();
  const file = join(folder.path, 'district.yaml');
  await writeFile(file, declaration);
  const command = parseCommand(['serve', '--data', join(folder.path, 'data'), '--listen', '127.0.0.1:0', '--declaration', file]);
  if (command.kind !== 'serve') throw new Error('not a command to serve');
  const log = Fastify({ logger: false }).log;
  const world = { clock: systemClock, random: () => 0.5, log, version: '0', onFatal: (error: unknown) => fatal.push(error) };
  collector = await openCollector(command.options, world);
  ({ token } = await collector.service.createJoinToken({ zoneId: null, labels: {}, usesLeft: 1_000, lifetimeMs: 3_600_000 }));
  victim = await openLoadAgent({ url: collector.url, joinToken: token, name: 'victim', series });
  await victim.sendRow(Date.now(), Float64Array.of(1));
  await victim.sendResults([
    {
      ...{ checkId: asId<'check'>('site'), observedAtMs: Date.now(), outcome: 'up', reason: 'OK', latencyMs: 1 },
      run: { ofDown: 0, ofUp: 3 },
    },
  ]);
});
afterAll(async () => {
  victim.close();
  await collector.close();
  await folder.remove();
});

/** Everything stored that is not about an attacker: entities, positions, spans, registered agents; and who is connected. */
const digest = async (): Promise<unknown> => {
  const { store, view } = collector.service;
  const isOthers = (id: string): boolean => !id.includes('attacker');
  return {
    entities: (await store.entities()).filter(({ entity, id }) => entity !== 'writer' && isOthers(id)),
    positions: (await store.positions()).filter(({ agentId }) => isOthers(agentId)),
    spans: (await store.spansSince(0)).filter(({ subject }) => isOthers(subject.id)),
    agents: (await store.agents()).filter(({ id }) => isOthers(id)),
    checks: [...view.checks()].filter(({ id }) => isOthers(id)),
    connected: collector.service
      .sessions()
      .map(({ agentId, bootId }) => ({ agentId, bootId }))
      .filter(({ agentId }) => isOthers(agentId)),
  };
};

/** Writes bytes to the collector's port, hangs up, and waits until the collector has done so too. */
const sendRaw = async (bytes: Uint8Array): Promise<void> => {
  const { port } = new URL(collector.url);
  const socket: Socket = connect(Number(port), '127.0.0.1');
  // Being cut off is an answer.
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(bytes);
  await once(socket, 'close');
};

/** The victim's link still works: what it sends now is stored. Then its state is what it was, but for that. */
const victimGoesOn = async (): Promise<void> => {
  await victim.sendRow(Date.now(), Float64Array.of(2));
};

const upgrade = `GET ${linkPath} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\nsec-websocket-protocol: ${linkSubprotocol}\r\n\r\n`;
/** A frame of RFC 6455, masked with zeros. */
const webSocketFrame = (opcode: number, payload: Uint8Array): Buffer => {
  const head = Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
};
const attacker = testAgent('attacker', 'c', 'n');
const rawTarget: FuzzTarget = {
  ...sessionTarget,
  name: 'raw',
  separator: '\r\n',
  corpus: [
    Buffer.from('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'),
    Buffer.from('POST /api/v1/declaration HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nzones'),
    Buffer.from(upgrade),
    Buffer.concat([Buffer.from(upgrade), webSocketFrame(1, Buffer.from(JSON.stringify(attacker.hello)))]),
    Buffer.concat([Buffer.from(upgrade), webSocketFrame(2, attacker.results(0)), webSocketFrame(8, Buffer.from([3, 232]))]),
    Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
  ],
  words: [
    'HTTP/1.1',
    'upgrade: websocket',
    'content-length: 99',
    'transfer-encoding: chunked',
    linkSubprotocol,
    '\u0081\u0080',
    '\u0088\u0080',
    '\r\n',
  ],
  mend: (bytes) => bytes,
};

test(`whatever bytes come before the welcome, the state of every other agent is unchanged (seed ${seed})`, async () => {
  const before = await digest();
  const dice = createDice(seed);
  for (let count = 0; count < 200; count += 1) await sendRaw(mutate(rawTarget, rawTarget.corpus, dice));
  expect(await digest()).toEqual(before);
  expect(fatal).toEqual([]);
  await victimGoesOn();
});

/** An attacker with a key of its own, welcomed; then it says anything. Resolves when the collector ended the link, or it had said all. */
const attackWelcomed = async (name: string, parts: readonly (string | Uint8Array)[]): Promise<void> => {
  const agent = await openLoadAgent({ url: collector.url, joinToken: token, name, series });
  await agent.sendAnything(parts);
  agent.close();
};

test(`whatever bytes come after the welcome, the state of every other agent is unchanged (seed ${seed})`, async () => {
  const before = await digest();
  const dice = createDice(seed + 1);
  const good = encodeFrame({
    kind: 'results',
    bootId: 1,
    seq: 0,
    body: Buffer.from(
      '{"results":[{"checkId":"site","observedAtMs":1,"outcome":"down","reason":"TIMEOUT","latencyMs":null,"run":{"ofDown":9,"ofUp":0}}]}',
    ),
  });
  for (let round = 0; round < 40; round += 1) {
    const parts: (string | Uint8Array)[] = [];
    for (let count = 0; count < 8; count += 1) {
      const bytes = mutate({ ...sessionTarget, corpus: [good, ...sessionTarget.corpus] }, [good, ...sessionTarget.corpus], dice);
      const text = Buffer.from(bytes).toString('utf8');
      parts.push(...text.split('\n~~\n').map((part) => (part.startsWith('{') ? part : Buffer.from(part, 'latin1'))));
    }
    // One that answers the victim's check, which it was never given.
    await attackWelcomed(`attacker-${round}`, round % 2 === 0 ? [good, ...parts] : parts);
  }
  await eventually('the attackers are gone', async () => (collector.service.sessions().length === 1 ? true : null));
  const after = await digest();
  expect(after).toEqual(before);
  expect(fatal).toEqual([]);
});
