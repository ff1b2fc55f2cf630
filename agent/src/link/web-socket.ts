import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { linkPath, linkSubprotocol } from '@jiwei/shared/protocol/control.ts';
import { channelBindingOf } from '@jiwei/shared/protocol/handshake.ts';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { connectThroughProxy, type HttpProxy } from './proxy.ts';
import type { Dial, Transport, TransportEvents } from './transport.ts';
import { connectTrusted, type Trust } from './trust.ts';

/** Where the collector is and how to trust it. */
export interface CollectorAddress {
  /** `wss://host[:port]` or `ws://host[:port]`. */
  readonly url: URL;
  readonly trust: Trust;
  /** PEM of our own certificate and its key, where the collector or something before it asks for one. */
  readonly client: { readonly certificate: string; readonly key: string } | null;
  readonly proxy: HttpProxy | null;
}

/** A configuration of thousands of checks is larger than a frame may be. */
const payloadBytesMax = 16 * limits.messageBytesMax;
/** Unsent bytes under which reading from the spool goes on. */
const drainedBytes = 256 * 1024;
/** Of a refusal in words; a proxy's page is longer and says no more. */
const refusalCharactersMax = 300;
/** "No close frame came" (RFC 6455, 7.1.5). */
const abnormalClosure = 1006;

/** Connects by WebSocket (ws 8), through a proxy where one is named. */
export const createWebSocketDial = (address: CollectorAddress): Dial => {
  const url = new URL(linkPath, address.url);
  const { proxy } = address;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  const open = (tunnel: Socket | null): WebSocket => {
    const options: ClientOptions = {
      perMessageDeflate: false,
      maxPayload: payloadBytesMax,
      // Before the link gives up for the same reason without knowing of the proxy: a tunnel may be made and lead nowhere.
      handshakeTimeout: tunnel === null ? limits.handshakeMsMax : limits.handshakeMsMax - limits.proxyMsMax,
    };
    // A proxy's tunnel carries plain bytes; TLS is made inside it, with the collector.
    if (url.protocol === 'wss:')
      options.createConnection = () => connectTrusted({ host, port, tunnel }, address.client, address.trust);
    else if (tunnel !== null) options.createConnection = () => tunnel;
    return new WebSocket(url, linkSubprotocol, options);
  };
  return (events) => (proxy === null ? overSocket(open(null), events) : overProxy(proxy, url, open, events));
};

const overProxy = (proxy: HttpProxy, url: URL, open: (tunnel: Socket) => WebSocket, events: TransportEvents): Transport => {
  let transport: Transport | null = null;
  const cancel = new AbortController();
  const port = url.port === '' ? (url.protocol === 'wss:' ? '443' : '80') : url.port;
  connectThroughProxy(proxy, `${url.hostname}:${port}`, { withinMs: limits.proxyMsMax, signal: cancel.signal }).then(
    (tunnel) => {
      if (cancel.signal.aborted) tunnel.destroy();
      else transport = overSocket(open(tunnel), throughProxy(proxy, events));
    },
    (error: unknown) => events.closed(null, messageOf(error)),
  );
  return {
    sendText: (text) => transport?.sendText(text),
    sendBinary: (bytes) => transport?.sendBinary(bytes),
    unsentBytes: () => transport?.unsentBytes() ?? 0,
    close: (closeCode, reason) => (transport === null ? cancel.abort() : transport.close(closeCode, reason)),
    terminate: () => (transport === null ? cancel.abort() : transport.terminate()),
    channelBinding: () => transport?.channelBinding?.() ?? null,
  };
};

/** Whoever reads why a connection broke has to know that somebody stands between. */
const throughProxy = (proxy: HttpProxy, events: TransportEvents): TransportEvents => ({
  ...events,
  closed: (closeCode, problem) =>
    events.closed(closeCode, closeCode === null ? `${problem} (through the proxy ${proxy.url.host})` : problem),
});

/** By its mark and not by its class, for which the whole module would have to be loaded. */
const isTls = (socket: Socket): socket is TLSSocket => 'encrypted' in socket && socket.encrypted === true;

const overSocket = (socket: WebSocket, events: TransportEvents): Transport => {
  let problem = 'the connection was closed by the other side';
  let wasFull = false;
  let binding: string | null = null;
  socket.on('upgrade', (response) => {
    if (isTls(response.socket)) binding = channelBindingOf(response.socket);
  });
  socket.on('open', () => events.opened());
  socket.on('message', (data, isBinary) => (isBinary ? events.binary() : events.text(textOf(data))));
  // Not the collector's WebSocket but an answer in words, its own or a proxy's: why stands in the body.
  socket.on('unexpected-response', (_, response) => {
    void refusalOf(response).then((refusal) => {
      problem = refusal;
      socket.off('error', noteProblem).on('error', () => undefined);
      socket.terminate();
    });
  });
  // After an error `close` always follows, and tells it on.
  const noteProblem = (error: Error): void => {
    problem = describe(error);
  };
  socket.on('error', noteProblem);
  socket.on('close', (closeCode, reason) => {
    if (closeCode === abnormalClosure) return events.closed(null, problem);
    events.closed(
      closeCode,
      reason.length > 0 ? `closed with ${closeCode} ${reason.toString('utf8')}` : `closed with ${closeCode}`,
    );
  });
  const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;
  return {
    sendText: (text) => {
      if (isOpen()) socket.send(text);
    },
    sendBinary: (bytes) => {
      if (!isOpen()) return;
      socket.send(bytes, () => {
        if (!wasFull || socket.bufferedAmount > drainedBytes) return;
        wasFull = false;
        events.drained();
      });
      wasFull ||= socket.bufferedAmount > drainedBytes;
    },
    unsentBytes: () => socket.bufferedAmount,
    close: (closeCode, reason) => socket.close(closeCode, reason),
    terminate: () => socket.terminate(),
    channelBinding: () => binding,
  };
};

/** Status and the first words of an answer, of which no more is read than is told. */
const refusalOf = async (response: IncomingMessage): Promise<string> => {
  const status = `the other side answered with HTTP ${response.statusCode ?? 0}`;
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += String(chunk);
      if (text.length >= refusalCharactersMax) break;
    }
  } catch (error) {
    text += ` (cut off: ${messageOf(error)})`;
  }
  const words = text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, refusalCharactersMax);
  return words === '' ? status : `${status}: ${words}`;
};

const tooOld = 'the collector speaks no TLS 1.2 or 1.3, and the agent nothing older; update it, or what ends TLS in front of it';
const noTls = 'what answers there speaks no TLS; check the port, or write ws:// for a collector of this host without TLS';
/**
 * By OpenSSL's number for the error, which stands in its text whether a read failed (ERR_SSL_…) or a write (EPROTO). The words beside it
 * are for those who know its sources.
 */
const problemOfNumber: ReadonlyMap<string, string> = new Map([
  // Unsupported protocol: the other side answers with an older version. Alert protocol version: it knows none of ours.
  ['0A000102', tooOld],
  ['0A00042E', tooOld],
  // Wrong version number, packet length too long: that was no TLS.
  ['0A00010B', noTls],
  ['0A0000C6', noTls],
]);

/** Several addresses that all failed come as one error without a text of its own. */
const describe = (error: Error): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  const number = /\berror:([0-9A-F]{8}):/.exec(error.message)?.[1] ?? '';
  return problemOfNumber.get(number) ?? messageOf(error);
};

/** ws hands over one Buffer unless it was told otherwise. */
const textOf = (data: RawData): string => {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
};
