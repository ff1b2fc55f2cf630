import type { Clock } from '@jiwei/shared/clock.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import { sourceOf } from '../http/source.ts';
import type { AgentSessionView } from '../runtime/service.ts';
import { createTally } from '../tally.ts';
import type { OpenAgentSocket } from './agent-socket.ts';
import { type Allowance, debtMs } from './allowance.ts';
import { type Connection, openConnection } from './connection.ts';
import type { IngestHost, Links, Pressure } from './host.ts';
import type { Channel } from './session.ts';
import { createStrangerLog } from './stranger-log.ts';

export interface AgentLinksOptions {
  readonly host: IngestHost;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly collectorId: string;
  /** 32 random bytes as base64url, never given before. */
  readonly newNonce: () => string;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  onRefused(code: RefusalCode): void;
  /** An agent sends too much and is not read from for a while (`true`), or is again. */
  onThrottled(isThrottled: boolean): void;
}

/** All agents' connections, whatever carries them. */
export interface AgentLinks extends Links {
  /**
   * Whether one more from this address may come now: not while all places of agents or of strangers are taken, nor while its source has its share of the
   * strangers'. Who has proved a known key takes no stranger's place.
   */
  roomFor(address: string): 'room' | 'full' | 'address';
  /** Connections from a source (`sourceOf`) whose agents have proved their keys. */
  provedFrom(source: string): number;
  /** Takes a new connection. @param address where it comes from @param channel what proofs must be bound to, if anything */
  open(openSocket: OpenAgentSocket, address: string, channel?: Channel | null): void;
  /** Refuses all agents with SHUTTING_DOWN. */
  close(): void;
}

/** A connection that is alive answers a ping within this, also over a satellite and from a busy host. */
const cloneAnswerMs = 2 * secondMs;

const clonedText = (agentId: AgentId): string =>
  `agent ${agentId} is connected and answers: this is a second one with a copy of its key; enrol it as an agent of its own`;
const busyText = 'the collector is too busy to tell this connection from a copy of one';

/** Keeps the connections, and which of them is an agent's present one. */
export const createAgentLinks = (options: AgentLinksOptions): AgentLinks => {
  const { host } = options;
  const connections = new Set<Connection>();
  const byAgent = new Map<AgentId, Connection>();
  /** Where connections come from: all of them, and those whose agents have proved their keys. */
  const opened = createTally();
  const proved = createTally();
  /** Of agents that left with less than a full allowance: who is refused for flooding must not begin anew by connecting again. */
  const allowances = new Map<AgentId, Allowance>();
  const noteStranger = createStrangerLog(options.clock, options.log);
  let pressure: Pressure = 'none';

  const onStreaming = (connection: Connection): void => {
    const { agentId } = connection;
    if (agentId === null) return;
    proved.add(connection.source);
    const before = byAgent.get(agentId);
    byAgent.set(agentId, connection);
    const left = before?.allowance ?? allowances.get(agentId);
    if (left !== undefined) connection.inherit(left);
    allowances.delete(agentId);
    before?.refuse('REPLACED', 'the same agent connected again');
  };

  const onEnded = (connection: Connection): void => {
    connections.delete(connection);
    opened.remove(connection.source);
    const { agentId } = connection;
    if (agentId !== null) proved.remove(connection.source);
    // A connection that was replaced has lost nobody: its agent is on the newer one.
    if (agentId === null || byAgent.get(agentId) !== connection) return;
    byAgent.delete(agentId);
    keepAllowance(agentId, connection.allowance);
    host.lost(agentId, connection.loss);
  };

  const keepAllowance = (agentId: AgentId, allowance: Allowance): void => {
    const oldest = allowances.keys().next();
    if (allowances.size >= limits.agentsMax && !oldest.done) allowances.delete(oldest.value);
    allowances.set(agentId, allowance);
  };

  /** What an agent has to wait before it may come back. */
  const debtOf = (agentId: AgentId): number => {
    const left = byAgent.get(agentId)?.allowance ?? allowances.get(agentId);
    return left === undefined ? 0 : debtMs(left, options.clock.monotonicMs());
  };

  /**
   * Two living holders of one key mean that somebody copied the agent's folder. Whoever is connected and answers stays: if the newcomer won,
   * the two would push each other out for ever. An agent that really came back has left a dead connection behind, which does not answer.
   */
  const guardedHost: IngestHost = {
    ...host,
    admit: async (request) => {
      // Before anything of it is taken: a copy must not change the address or the key of the agent.
      const agentId = host.agentOf(request);
      const waitMs = agentId === null ? 0 : debtOf(agentId);
      if (waitMs > 0)
        return { kind: 'refused', code: 'FLOODING', message: `${agentId} sent too much; come back in ${waitMs} ms` };
      const live = agentId === null ? undefined : byAgent.get(agentId);
      if (agentId === null || live === undefined) return host.admit(request);
      const wasPaused = live.isPaused;
      const isAlive = await live.isAlive(cloneAnswerMs);
      if (isAlive) {
        host.cloned(agentId, { address: request.address, hostname: request.hello.hostname });
        return { kind: 'refused', code: 'AGENT_CLONED', message: clonedText(agentId) };
      }
      // Where nothing was read, silence says nothing.
      if ((wasPaused || live.isPaused) && byAgent.get(agentId) === live)
        return { kind: 'refused', code: 'OVERLOADED', message: busyText };
      return host.admit(request);
    },
  };

  return {
    roomFor: (address) => {
      const source = sourceOf(address);
      const strangersOfIt = opened.of(source) - proved.of(source);
      if (strangersOfIt >= limits.handshakesPerAddressMax) return 'address';
      const strangers = opened.totalCount - proved.totalCount;
      return byAgent.size < limits.agentsMax && strangers < limits.handshakesAtOnceMax ? 'room' : 'full';
    },
    provedFrom: proved.of,
    open: (openSocket, address, channel = null) => {
      const nonce = options.newNonce();
      const connection = openConnection({
        ...options,
        ...{ host: guardedHost, openSocket, address, channel, nonce, onStreaming, onEnded, noteStranger },
        pressure: () => pressure,
      });
      connections.add(connection);
      opened.add(connection.source);
      connection.yieldToPressure();
    },
    close: () => {
      for (const connection of connections) connection.refuse('SHUTTING_DOWN', 'the collector stops');
    },
    sessions: () =>
      [...byAgent.values()].map((connection) => connection.view()).filter((view): view is AgentSessionView => view !== null),
    ask: (agentId, question) => byAgent.get(agentId)?.input({ ...question, kind: 'ask' }),
    rekey: (agentId) => byAgent.get(agentId)?.input({ kind: 'rekey' }),
    configChanged: (agentId, config) => byAgent.get(agentId)?.input({ kind: 'configChanged', config }),
    disconnect: (agentId, code, message) => byAgent.get(agentId)?.refuse(code, message),
    setPressure: (next) => {
      if (next === pressure) return;
      pressure = next;
      for (const connection of connections) connection.yieldToPressure();
    },
  };
};
