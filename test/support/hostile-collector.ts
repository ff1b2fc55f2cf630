import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@jiwei/shared/clock.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import type { Series } from '@jiwei/shared/series.ts';
import Fastify from 'fastify';
import { openCollector } from '../../collector/src/assemble.ts';
import { parseCommand } from '../../collector/src/options.ts';
import { type LoadAgent, type LoadIdentity, newLoadIdentity, openLoadAgent } from './load-agent.ts';
import { testFolder } from './processes.ts';

/** A collector with an agent that works, and who tries what he can against it. */
export interface HostileCollector {
  readonly url: string;
  /** The one whose state must not change. */
  readonly victim: LoadAgent;
  /** Everything stored or shown that is not about an attacker: entities, positions, spans, agents, checks, and who is connected. */
  othersState(): Promise<unknown>;
  /** Writes bytes to the port, hangs up, and waits until the collector has done so too. */
  sendRaw(bytes: Uint8Array): Promise<void>;
  /** An attacker with a key of its own, welcomed, that then says anything; ends when the collector ended the link, or it had said all. */
  sendWelcomed(parts: readonly (string | Uint8Array)[]): Promise<void>;
  /** What would have ended the process. */
  readonly fatal: readonly unknown[];
  close(): Promise<void>;
}

const declaration = `
zones: [{ id: z, name: z, crew: c }]
units: [{ id: u, name: u, zone: z }]
assets: [{ id: h1, name: h1, kind: server, unit: u }, { id: h2, name: h2, kind: server, unit: u }]
agents: [{ id: victim, asset: h1 }]
checks: [{ id: site, asset: h1, kind: tcp, host: 127.0.0.1, port: 9, interval: 24h, from: { agents: [victim] } }]
`;
const series: Series[] = [{ family: { name: 'm', type: 'gauge', help: '' }, labels: [['a', '名']] }];
/** As many addresses and keys in turn, so that no rate limit of one address or agent ends the attack. */
const addressCount = 250;
const attackerCount = 64;

/** A request to become a WebSocket of an agent. */
export const upgradeRequest = `GET ${linkPath} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\nsec-websocket-protocol: ${linkSubprotocol}\r\n\r\n`;

/** A frame of RFC 6455, masked with zeros. */
export const webSocketFrame = (opcode: number, payload: Uint8Array): Buffer => {
  const head = Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
};

export const openHostileCollector = async (): Promise<HostileCollector> => {
  const folder = await testFolder();
  const file = join(folder.path, 'district.yaml');
  await writeFile(file, declaration);
  const command = parseCommand(['serve', '--data', join(folder.path, 'data'), '--listen', '127.0.0.1:0', '--declaration', file]);
  if (command.kind !== 'serve') throw new Error('not a command to serve');
  const log = Fastify({ logger: false }).log;
  const fatal: unknown[] = [];
  const world = { clock: systemClock, random: () => 0.5, log, version: '0', onFatal: (error: unknown) => fatal.push(error) };
  const collector = await openCollector(command.options, world);
  const { url, service } = collector;
  const { token } = await service.createJoinToken({ zoneId: null, labels: {}, usesLeft: 1_000, lifetimeMs: 3_600_000 });
  const victim = await openLoadAgent({ url, joinToken: token, name: 'victim', series });
  await victim.sendRow(Date.now(), Float64Array.of(1));
  await victim.sendResults([
    {
      ...{ checkId: asId<'check'>('site'), observedAtMs: Date.now(), outcome: 'up', reason: 'OK', latencyMs: 1 },
      run: { ofDown: 0, ofUp: 3 },
    },
  ]);
  const isOthers = (id: string): boolean => !id.includes('attacker');
  const attackers: LoadIdentity[] = [];
  let turn = 0;
  return {
    url,
    victim,
    fatal,
    othersState: async () => {
      const { store, view } = service;
      return {
        entities: (await store.entities()).filter(({ entity, id }) => entity !== 'writer' && isOthers(id)),
        positions: (await store.positions()).filter(({ agentId }) => isOthers(agentId)),
        spans: (await store.spansSince(0)).filter(({ subject }) => isOthers(subject.id)),
        agents: (await store.agents()).filter(({ id }) => isOthers(id)),
        checks: [...view.checks()].filter(({ id }) => isOthers(id)),
        connected: service
          .sessions()
          .map(({ agentId, bootId }) => ({ agentId, bootId }))
          .filter(({ agentId }) => isOthers(agentId)),
      };
    },
    sendRaw: async (bytes) => {
      turn += 1;
      const localAddress = `127.0.0.${2 + (turn % addressCount)}`;
      const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
      // Being cut off is an answer.
      socket.on('error', () => socket.destroy());
      socket.resume();
      socket.end(bytes);
      await once(socket, 'close');
    },
    sendWelcomed: async (parts) => {
      turn += 1;
      const place = turn % attackerCount;
      const identity = { ...(attackers[place] ?? newLoadIdentity()), bootId: Date.now() };
      attackers[place] = identity;
      const attacker = await openLoadAgent({ url, joinToken: token, name: `attacker-${place}`, series, identity });
      await attacker.sendAnything(parts);
      attacker.close();
      await attacker.closed;
    },
    close: async () => {
      victim.close();
      await collector.close();
      await folder.remove();
    },
  };
};
