import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** Who is asked for. */
export interface HandshakeOptions {
  /** Name or address: sent as SNI when it is a name, and looked for in the certificate. */
  readonly serverName: string;
  /** Certificates (PEM) to trust instead of Node's own; null for those. */
  readonly authorities: readonly string[] | null;
}

/**
 * Speaks TLS on a connected socket. A bad certificate does not end the handshake, so that it can be seen: judge it with
 * `judgeCertificate` before anything confidential is sent.
 * The caller destroys the returned socket, which destroys the one below it; the signal of `dial` ends the one below, and so this one.
 * @throws Node's TLS and network errors, or the signal's reason
 */
export const shakeHands = (socket: Socket, options: HandshakeOptions, signal: AbortSignal): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      host: options.serverName,
      // RFC 6066: an address is not sent as a server name.
      servername: isIP(options.serverName) === 0 ? options.serverName.replace(/\.$/, '') : '',
      rejectUnauthorized: false,
      ...(options.authorities === null ? {} : { ca: [...options.authorities] }),
    });
    secure.on('error', (error) => {
      socket.destroy();
      reject(error);
    });
    secure.once('close', () => {
      socket.destroy();
      reject(signal.aborted ? signal.reason : Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    });
    secure.once('secureConnect', () => resolve(secure));
  });
