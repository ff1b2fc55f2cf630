import { createConnection, type Socket } from 'node:net';
import { type Call, decodeMessage, encodeCall, type Message } from './message.ts';

/** An authenticated connection to a D-Bus socket. */
export interface DbusConnection {
  /**
   * Calls may overlap; replies find their call by its number.
   * @throws Error when the other side answers with an error (its name is the message's beginning) or the connection ends
   */
  call(call: Call): Promise<Message>;
  close(): void;
}

/** The answer to the authentication is one short line; a peer that sends more without a line feed is none. */
const lineBytesMax = 1_024;

/**
 * Connects and says who we are (SASL EXTERNAL: the kernel tells the other side our user id; D-Bus Specification, "Authentication Protocol").
 * @param isBus false for systemd's private socket, which has nobody else on it and wants no Hello
 * @param signal ends the connection, and every call on it, when it fires
 */
export const openDbus = async (
  socketPath: string,
  options: { readonly isBus: boolean; readonly userId: number; readonly signal: AbortSignal },
): Promise<DbusConnection> => {
  options.signal.throwIfAborted();
  const socket = createConnection({ path: socketPath, signal: options.signal });
  const connection = converse(socket, options.userId);
  const close = () => socket.destroy();
  try {
    await connection.ready;
    if (options.isBus) await connection.call({ ...busAddress, member: 'Hello' });
  } catch (error) {
    close();
    throw error;
  }
  return { call: connection.call, close };
};

const busAddress = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

interface Waiting {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

const converse = (socket: Socket, userId: number) => {
  const waiting = new Map<number, Waiting>();
  const ready = Promise.withResolvers<void>();
  let received: Buffer = Buffer.alloc(0);
  let isReady = false;
  let ended: Error | null = null;
  let serial = 0;

  const end = (error: Error): void => {
    if (ended !== null) return;
    ended = error;
    ready.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    socket.destroy();
  };
  const takeLine = (): void => {
    const lineEnd = received.indexOf('\r\n');
    if (lineEnd < 0) {
      if (received.length > lineBytesMax) throw new Error('the peer does not speak D-Bus');
      return;
    }
    const line = received.toString('latin1', 0, lineEnd);
    if (!line.startsWith('OK ')) throw new Error(`the peer refused user ${userId}: ${line.slice(0, 80)}`);
    received = received.subarray(lineEnd + 2);
    isReady = true;
    socket.write('BEGIN\r\n');
    ready.resolve();
  };
  const takeMessages = (): void => {
    for (let found = decodeMessage(received); found !== null; found = decodeMessage(received)) {
      received = received.subarray(found.lengthBytes);
      const { message } = found;
      const call = message.kind === 'other' ? undefined : waiting.get(message.replySerial);
      if (call === undefined) continue;
      waiting.delete(message.replySerial);
      if (message.kind === 'reply') call.resolve(message);
      else call.reject(new DbusError(message.errorName));
    }
  };
  socket.on('connect', () => socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(userId)).toString('hex')}\r\n`));
  socket.on('data', (bytes: Buffer) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    try {
      if (!isReady) takeLine();
      if (isReady) takeMessages();
    } catch (error) {
      end(error instanceof Error ? error : new Error(String(error)));
    }
  });
  socket.on('error', end);
  socket.on('close', () => end(new Error('the peer closed the D-Bus connection')));

  const call = (what: Call): Promise<Message> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      serial += 1;
      waiting.set(serial, { resolve, reject });
      socket.write(encodeCall(what, serial));
    });
  return { ready: ready.promise, call };
};

/** The other side's refusal of a call, by its name, such as org.freedesktop.DBus.Error.UnknownMethod. */
export class DbusError extends Error {
  readonly dbusName: string;
  constructor(dbusName: string) {
    super(`D-Bus answered with ${dbusName}`);
    this.name = 'DbusError';
    this.dbusName = dbusName;
  }
}
