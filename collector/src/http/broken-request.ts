import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { problemOf, problemType } from './problem.ts';
import { securityHeaderLines } from './security-headers.ts';

const timedOut = 'ERR_HTTP_REQUEST_TIMEOUT';

/** Parser errors with a status of their own; all others are 400. */
const statuses: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  [timedOut]: [408, 'Request Timeout'],
};

/**
 * Answers bytes that are no HTTP request. There is no request object yet, so the answer is written by hand.
 * @param noteSlow told the address of each client that sent no whole request in time, before it is cut off
 */
export const createBrokenRequestAnswer =
  (noteSlow: (address: string) => void) =>
  (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === timedOut) noteSlow(socket.remoteAddress ?? '');
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, phrase] = statuses[error.code ?? ''] ?? [400, 'Bad Request'];
    const detail = status === 400 ? 'what came is no valid HTTP request' : phrase.toLowerCase();
    const body = JSON.stringify(problemOf({ code: 'REQUEST_INVALID', status, detail }, '', randomUUID()));
    const head = [
      `HTTP/1.1 ${status} ${phrase}`,
      `content-type: ${problemType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      ...securityHeaderLines(socket),
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
