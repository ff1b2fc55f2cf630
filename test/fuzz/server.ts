import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { checkResultSchema } from '@jiwei/shared/check.ts';
import { systemClock } from '@jiwei/shared/clock.ts';
import type { ProbeOutcome } from '../../agent/src/probes/probe.ts';
import { createProbeTools, type ProbeTools } from '../../agent/src/probes/tools.ts';

/** A peer that may say anything. */
export interface HostilePeer {
  readonly port: number;
  /** What it says to the next connections, as soon as they say something (or at once); then it hangs up. */
  says(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** Listens on a loopback port. @param waitsForRequest whether the other side speaks first */
export const openHostilePeer = async (waitsForRequest: boolean): Promise<HostilePeer> => {
  let answer: Uint8Array = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (waitsForRequest) socket.once('data', () => socket.end(answer));
    else socket.end(answer);
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return {
    port: address.port,
    says: (bytes) => {
      answer = bytes;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** A name or an address that an answer leads to: nothing beyond this machine is ever asked, and no resolver's patience is waited for. */
const unknownHost = (host: string): Error => Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });

/** The tools of this machine, without systemd and without any other machine, and some of them replaced. */
export const fuzzTools = (replaced: Partial<ProbeTools> = {}): ProbeTools => ({
  ...createProbeTools({ clock: systemClock, unitState: async () => null }),
  lookup: async (host) => {
    throw unknownHost(host);
  },
  targets: {
    check: (address) => {
      if (address !== '127.0.0.1') throw unknownHost(address);
    },
    setLists: () => undefined,
  },
  ...replaced,
});

/** An outcome must fit into a result, or the agent could not send it. */
export const assertOutcome = (outcome: ProbeOutcome): void => {
  checkResultSchema.parse({ ...outcome, checkId: 'check', observedAtMs: 0, run: { ofDown: 0, ofUp: 1 } });
};
