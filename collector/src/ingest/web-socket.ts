import { messageOf } from '@jiwei/shared/errors.ts';
import type { RawData, WebSocket } from 'ws';
import type { OpenAgentSocket } from './agent-socket.ts';

/** A WebSocket as the link's port. */
export const agentSocketOf =
  (socket: WebSocket): OpenAgentSocket =>
  (events) => {
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const bytes = bytesOf(data);
      if (isBinary) events.binary(bytes);
      else events.text(bytes.toString('utf8'));
    });
    socket.on('pong', events.pong);
    socket.on('error', (error) => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') events.tooLarge();
      events.failed(messageOf(error));
    });
    socket.on('close', events.closed);
    return {
      isOpen: () => socket.readyState === socket.OPEN,
      unsentBytes: () => socket.bufferedAmount,
      sendText: (text) => socket.send(text),
      ping: () => socket.ping(),
      close: (closeCode, reason) => socket.close(closeCode, reason),
      terminate: () => socket.terminate(),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    };
  };

/** ws hands over one Buffer unless it was told otherwise. */
const bytesOf = (data: RawData): Buffer => {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
};
