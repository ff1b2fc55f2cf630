import type { Server, Socket } from 'node:net';
import type { Clock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FastifyBaseLogger } from 'fastify';
import { createCrowdLog } from '../ingest/crowd-log.ts';
import { createTally } from '../tally.ts';
import { plainAddress, sourceOf } from './source.ts';

/** Why a connection was ended before anything was read of it: no room at all, none for its address, no TLS in time or at all. */
export type DoorRefusal = 'full' | 'address' | 'tls';

export interface DoorOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: FastifyBaseLogger;
  /** Connections open at once, all together. */
  readonly connectionsMax: number;
  /** How many connections of this source (`sourceOf`) are those of agents that have proved their key: they take nobody's room. */
  provedFrom(source: string): number;
  onRefused(why: DoorRefusal): void;
}

/** Lets connections in, or not; shared by all servers of the collector. */
export interface Door {
  /** Stands before everybody who listens for connections of this server; to be called when those do already. */
  guard(server: Server): void;
}

/**
 * How many connections may be open: so many that files can still be opened beside them. Where the process may open few, they share them evenly.
 * @param descriptorsMax what the process may have open; null where that is not known
 */
export const connectionsMaxFor = (descriptorsMax: number | null): number =>
  descriptorsMax === null
    ? limits.connectionsMax
    : Math.max(
        1,
        Math.min(limits.connectionsMax, descriptorsMax - Math.min(limits.descriptorsKept, Math.ceil(descriptorsMax / 2))),
      );

/** Counts who is in, by where they come from. */
export const createDoor = (options: DoorOptions): Door => {
  const { log, clock, connectionsMax } = options;
  // One address leaves half of the room to others, however little there is.
  const strangersMax = Math.max(1, Math.min(limits.connectionsPerAddressMax, Math.floor(connectionsMax / 2)));
  const open = createTally();

  const noteFull = createCrowdLog<string>(clock, (refused, address) =>
    log.warn(
      { refused, address, connectionsMax, code: 'OVERLOADED' },
      'as many connections are open as may be; further ones are ended until others end',
    ),
  );
  const noteCrowded = createCrowdLog<string>(clock, (refused, address) =>
    log.warn(
      { refused, address, strangersMax },
      'one address holds as many connections as one may, besides those of agents that are let in; further ones of it are ended',
    ),
  );
  const noteTls = createCrowdLog<readonly [address: string, error: string]>(clock, (clients, [address, error]) =>
    log.info({ clients, address, error }, 'clients that made no TLS connection, or not in time, were cut off'),
  );

  const refusalOf = (source: string): 'full' | 'address' | null => {
    if (open.totalCount >= connectionsMax) return 'full';
    return open.of(source) - options.provedFrom(source) >= strangersMax ? 'address' : null;
  };

  return {
    guard: (server) => {
      const insiders = server.listeners('connection');
      server.removeAllListeners('connection');
      server.on('connection', (socket: Socket) => {
        const address = plainAddress(socket.remoteAddress ?? '');
        const source = sourceOf(address);
        const refusal = refusalOf(source);
        if (refusal !== null) {
          options.onRefused(refusal);
          (refusal === 'full' ? noteFull : noteCrowded)(address);
          // Not a regular end, which would leave thousands of them for the system to remember.
          socket.resetAndDestroy();
          return;
        }
        open.add(source);
        socket.once('close', () => open.remove(source));
        for (const insider of insiders) insider.call(server, socket);
      });
      // Before the HTTP server, which would answer in clear text over a handshake that never ends, and wait for that to be sent.
      server.prependListener('tlsClientError', (error: Error & { code?: string }, socket: Socket) => {
        options.onRefused('tls');
        noteTls([plainAddress(socket.remoteAddress ?? ''), error.code ?? error.message]);
        socket.destroy();
      });
    },
  };
};
