import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { FastifyBaseLogger } from 'fastify';
import { WebSocketServer } from 'ws';
import type { AgentSessionView } from '../runtime/service.ts';
import { type Connection, openConnection } from './connection.ts';
import type { IngestHost, Links } from './host.ts';

export interface IngestOptions {
  readonly server: Server;
  readonly host: IngestHost;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly collectorId: string;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  onRefused(code: RefusalCode): void;
}

export interface Ingest {
  readonly links: Links;
  /** Refuses all agents with SHUTTING_DOWN and takes no new ones. */
  close(): void;
}

/** The agents' WebSocket endpoint on the collector's HTTP server. */
export const createIngest = (options: IngestOptions): Ingest => {
  const { host, log } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has(linkSubprotocol) ? linkSubprotocol : false),
  });
  const connections = new Set<Connection>();
  const byAgent = new Map<AgentId, Connection>();
  let isPaused = false;
  let isClosing = false;

  const onStreaming = (connection: Connection): void => {
    const { agentId } = connection;
    if (agentId === null) return;
    const before = byAgent.get(agentId);
    byAgent.set(agentId, connection);
    before?.refuse('REPLACED', 'the same agent connected again');
  };

  const onEnded = (connection: Connection): void => {
    connections.delete(connection);
    const { agentId } = connection;
    // A connection that was replaced has lost nobody: its agent is on the newer one.
    if (agentId === null || byAgent.get(agentId) !== connection) return;
    byAgent.delete(agentId);
    host.lost(agentId, connection.loss);
  };

  /** A live newer boot of the same key means that somebody copied the agent's folder. */
  const guardedHost: IngestHost = {
    ...host,
    admit: async (request) => {
      const admission = await host.admit(request);
      if (admission.kind === 'refused') return admission;
      const live = byAgent.get(admission.agentId);
      if (live === undefined || live.bootId <= request.hello.bootId) return admission;
      return {
        kind: 'refused',
        code: 'AGENT_CLONED',
        message: `agent ${admission.agentId} is connected from another, newer run with the same key`,
      };
    },
  };

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Until ws takes over, nobody else listens: an error here would end the process.
    socket.on('error', (error) => log.debug({ error: messageOf(error) }, 'a connection failed before its upgrade'));
    const answer = upgradeRefusal(request);
    if (answer !== null) return refuseUpgrade(socket, answer);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = openConnection({
        ...options,
        host: guardedHost,
        socket: webSocket,
        address: plainAddress(request.socket.remoteAddress ?? ''),
        nonce: randomBytes(32).toString('base64url'),
        onStreaming,
        onEnded,
      });
      connections.add(connection);
      if (isPaused) connection.pause();
    });
  };

  /** @returns the HTTP status line to answer with, or null when the upgrade may go on */
  const upgradeRefusal = (request: IncomingMessage): string | null => {
    if (request.url !== linkPath) return '404 Not Found';
    if (!(request.headers['sec-websocket-protocol'] ?? '').split(',').some((protocol) => protocol.trim() === linkSubprotocol))
      return '400 Bad Request';
    if (isClosing) return '503 Service Unavailable';
    if (byAgent.size >= limits.agentsMax || connections.size - byAgent.size >= limits.handshakesAtOnceMax) {
      options.onRefused('OVERLOADED');
      return '503 Service Unavailable';
    }
    return null;
  };

  options.server.on('upgrade', upgrade);

  return {
    links: {
      sessions: () =>
        [...byAgent.values()].map((connection) => connection.view()).filter((view): view is AgentSessionView => view !== null),
      ask: (agentId, question) => byAgent.get(agentId)?.input({ ...question, kind: 'ask' }),
      configChanged: (agentId, config) => byAgent.get(agentId)?.input({ kind: 'configChanged', config }),
      disconnect: (agentId, code, message) => byAgent.get(agentId)?.refuse(code, message),
      setPaused: (paused) => {
        if (paused === isPaused) return;
        isPaused = paused;
        for (const connection of connections) paused ? connection.pause() : connection.resume();
      },
    },
    close: () => {
      isClosing = true;
      options.server.off('upgrade', upgrade);
      for (const connection of connections) connection.refuse('SHUTTING_DOWN', 'the collector stops');
      sockets.close();
    },
  };
};

const refuseUpgrade = (socket: Duplex, status: string): void => {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
};

/** `::ffff:10.0.0.1` is IPv4 10.0.0.1 seen through an IPv6 socket. */
const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);
