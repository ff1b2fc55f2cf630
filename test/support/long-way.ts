import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './ports.ts';

/** A relay to a server: every byte takes as long as is said there, and as long back. */
export interface LongWay {
  readonly port: number;
  setDelay(delayMs: number): void;
  close(): void;
}

/** A relay on the host of its server, without delay at first. */
export const openLongWay = async (target: { readonly host: string; readonly port: number }): Promise<LongWay> => {
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const carry = (from: Socket, to: Socket): void => {
    let before: Promise<unknown> = Promise.resolve();
    const later = (act: () => void): void => {
      // A timer may be early by less than a millisecond.
      const waited = new Promise((resolve) => setTimeout(resolve, delayMs + 1));
      // A shorter delay overtakes no byte that is on its way.
      before = Promise.all([before, waited]).then(act);
    };
    from.on('data', (chunk) => later(() => to.write(chunk)));
    from.on('close', () => later(() => to.destroy()));
    from.on('error', () => undefined);
    sockets.add(from);
  };
  const server = createServer((socket) => {
    const onward = connect(target.port, target.host);
    carry(socket, onward);
    carry(onward, socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, target.host, resolve);
  });
  return {
    port: portOf(server),
    setDelay: (ms) => {
      delayMs = ms;
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
