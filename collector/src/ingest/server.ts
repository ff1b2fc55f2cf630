import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { channelBindingOf } from '@jiwei/shared/protocol/handshake.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { FastifyBaseLogger } from 'fastify';
import { WebSocketServer } from 'ws';
import { securityHeaderLines } from '../http/security-headers.ts';
import { plainAddress } from '../http/source.ts';
import type { AgentLinks } from './agent-links.ts';
import { createCrowdLog } from './crowd-log.ts';
import type { Channel } from './session.ts';
import { agentSocketOf } from './web-socket.ts';

export interface IngestOptions {
  readonly server: Server;
  readonly links: AgentLinks;
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  /** Proofs must be bound to the TLS connection they come on; false where a proxy ends TLS and makes it anew. */
  readonly bindsChannel: boolean;
  /** An agent must show a certificate of the named authorities as well. */
  readonly needsClientCertificate: boolean;
  onRefused(code: RefusalCode): void;
}

export interface Ingest {
  /** Takes no new agents. The links are closed by their owner. */
  close(): void;
}

/** The agents' WebSocket endpoint on the collector's HTTP server. */
export const createIngest = (options: IngestOptions): Ingest => {
  const { links, log } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has(linkSubprotocol) ? linkSubprotocol : false),
  });
  // What ws itself finds wrong, with the headers that all answers have.
  sockets.on('wsClientError', (error, socket) => refuseUpgrade(socket, { status: '400 Bad Request', reason: error.message }));
  let isClosing = false;
  const noteFull = createCrowdLog<string>(options.clock, (refused, address) =>
    log.warn({ refused, address, code: 'OVERLOADED' }, 'there is no room for more connections; agents are told to come back'),
  );
  const noteCrowded = createCrowdLog<string>(options.clock, (refused, address) =>
    log.warn(
      { refused, address, code: 'OVERLOADED' },
      'one address has as many connections under way that have not proved who they are as one may; further ones of it are told to come back',
    ),
  );

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Until ws takes over, nobody else listens: an error here would end the process.
    socket.on('error', (error) => log.debug({ error: messageOf(error) }, 'a connection failed before its upgrade'));
    const answer = upgradeRefusal(request);
    if (answer !== null) return refuseUpgrade(socket, answer);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      links.open(agentSocketOf(webSocket), addressOf(request), channelOf(request.socket));
    });
  };

  const channelOf = (socket: Socket): Channel | null =>
    options.bindsChannel && socket instanceof TLSSocket ? { binding: channelBindingOf(socket) } : null;

  /** @returns what to answer with, or null when the upgrade may go on */
  const upgradeRefusal = (request: IncomingMessage): UpgradeRefusal | null => {
    if (request.url !== linkPath) return { status: '404 Not Found', reason: `agents connect to ${linkPath}` };
    if (!(request.headers['sec-websocket-protocol'] ?? '').split(',').some((protocol) => protocol.trim() === linkSubprotocol))
      return { status: '400 Bad Request', reason: `the subprotocol ${linkSubprotocol} is needed` };
    if (options.needsClientCertificate && !(request.socket instanceof TLSSocket && request.socket.authorized))
      return {
        status: '401 Unauthorized',
        reason:
          'a certificate of the authorities that the collector was told of (--client-ca) is needed; give the agent --cert and --key',
      };
    if (isClosing) return { status: '503 Service Unavailable', reason: 'the collector is stopping' };
    const address = addressOf(request);
    const room = links.roomFor(address);
    if (room !== 'room') {
      options.onRefused('OVERLOADED');
      (room === 'full' ? noteFull : noteCrowded)(address);
      return { status: '503 Service Unavailable', reason: noRoom[room] };
    }
    return null;
  };

  options.server.on('upgrade', upgrade);

  return {
    close: () => {
      isClosing = true;
      options.server.off('upgrade', upgrade);
      sockets.close();
    },
  };
};

const addressOf = (request: IncomingMessage): string => plainAddress(request.socket.remoteAddress ?? '');

const noRoom = {
  full: 'there is no room for another connection',
  address: 'too many connections from this address have not yet proved who they are',
} as const;

/** Told to the agent, whose log is where somebody looks for it. */
interface UpgradeRefusal {
  readonly status: string;
  /** ASCII, so that its length is that of its bytes. */
  readonly reason: string;
}

const refuseUpgrade = (socket: Duplex, { status, reason }: UpgradeRefusal): void => {
  const head = [
    `HTTP/1.1 ${status}`,
    'connection: close',
    'content-type: text/plain',
    `content-length: ${reason.length}`,
    // For those who come with another version of the protocol: RFC 6455, 4.4.
    'sec-websocket-version: 13',
    ...securityHeaderLines(socket),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${reason}`);
};
