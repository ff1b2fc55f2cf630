import type { CheckResult } from '@jiwei/shared/check.ts';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentProbe } from '@jiwei/shared/probes/registry.ts';
import {
  type AgentCapability,
  type AgentConfig,
  type AgentMessage,
  agentMessageSchema,
  type CollectorMessage,
  collectorCapabilities,
  type FramePosition,
  type Hello,
  protocolVersions,
} from '@jiwei/shared/protocol/control.ts';
import { isProofValid, isRekeyValid } from '@jiwei/shared/protocol/handshake.ts';
import type { RefusalCode } from '@jiwei/shared/protocol/refusals.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { type ClockSkew, observeSkew, unknownSkew } from './clock-skew.ts';
import { cleanedResult, type Delivery, readFrame } from './delivery.ts';

/** Everything that can happen to one agent's connection. `monotonicMs` is for silence, `atMs` for stamps. */
export type SessionInput =
  | { readonly kind: 'text'; readonly text: string; readonly atMs: EpochMs; readonly monotonicMs: number }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array; readonly atMs: EpochMs; readonly monotonicMs: number }
  /** The look-up that `authenticate` asked for ended well. */
  | {
      readonly kind: 'admitted';
      readonly agentId: AgentId;
      readonly stored: FramePosition | null;
      readonly config: AgentConfig;
      readonly atMs: EpochMs;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** A frame of this connection is committed (or was before, when it came twice). */
  | { readonly kind: 'committed'; readonly position: FramePosition; readonly frameCount: number; readonly frameBytes: number }
  | { readonly kind: 'configChanged'; readonly config: AgentConfig }
  | { readonly kind: 'rekey' }
  | { readonly kind: 'ask'; readonly requestId: string; readonly probe: AgentProbe; readonly timeoutMs: number }
  /** It is read from again, after a time in which it was not: that it said nothing meanwhile means nothing. */
  | { readonly kind: 'resumed'; readonly monotonicMs: number }
  | { readonly kind: 'tick'; readonly monotonicMs: number };

/** What the shell has to do, in order. After `close` nothing follows. */
export type SessionOutput =
  | { readonly kind: 'send'; readonly message: CollectorMessage }
  | { readonly kind: 'close'; readonly code: RefusalCode; readonly message: string }
  /** The key has proved itself: is it registered, or may it be? */
  | {
      readonly kind: 'authenticate';
      readonly hello: Hello;
      readonly joinToken: string | null;
      readonly wantedId: string | null /** The key it wants to have from now on; both keys agreed. */;
      readonly newPublicKey: string | null;
    }
  | { readonly kind: 'deliver'; readonly delivery: Delivery }
  | { readonly kind: 'probeAnswer'; readonly requestId: string; readonly result: CheckResult }
  | { readonly kind: 'configApplied'; readonly version: number; readonly errors: readonly string[] }
  /** Nothing came for longer than a heartbeat takes, or something came after all. */
  | { readonly kind: 'overdue'; readonly isOverdue: boolean }
  | { readonly kind: 'bye'; readonly reason: string };

/** A connection on its way from hello to streaming. */
type Phase =
  | { readonly kind: 'hello' }
  | { readonly kind: 'proof'; readonly hello: Hello; readonly nonce: string }
  | { readonly kind: 'admission'; readonly hello: Hello }
  | { readonly kind: 'streaming'; readonly hello: Hello; readonly agentId: AgentId }
  | { readonly kind: 'closed' };

/** A TLS connection to which proofs must be bound. */
export interface Channel {
  readonly binding: string | null;
}

export interface SessionOptions {
  readonly collectorId: string;
  /** 32 random bytes as base64url, never used before. */
  readonly nonce: string;
  /** Null: proofs are not bound to the connection. Else they must be; its `binding` is null where the connection has none. */
  readonly channel?: Channel | null;
  readonly openedMonotonicMs: number;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
}

/** State of one connection. Mutated by `stepSession` alone; readers may look. */
export interface Session {
  readonly options: SessionOptions;
  phase: Phase;
  lastHeardMonotonicMs: number;
  isOverdue: boolean;
  skew: ClockSkew;
  spoolFrames: number;
  spoolBytes: number;
  configVersion: number | null;
  configErrors: readonly string[];
  /** Delivered and not yet committed. */
  inFlightFrames: number;
  inFlightBytes: number;
  /** Series named on this connection, per boot. */
  readonly seriesCounts: Map<number, number>;
}

/** A connection that has just opened. */
export const createSession = (options: SessionOptions): Session => ({
  options,
  phase: { kind: 'hello' },
  lastHeardMonotonicMs: options.openedMonotonicMs,
  isOverdue: false,
  skew: unknownSkew,
  spoolFrames: 0,
  spoolBytes: 0,
  configVersion: null,
  configErrors: [],
  inFlightFrames: 0,
  inFlightBytes: 0,
  seriesCounts: new Map(),
});

/** The whole behaviour of a connection, without socket, clock or store: PROTOCOL.md as a function. Mutates `session`. */
export const stepSession = (session: Session, input: SessionInput): SessionOutput[] => {
  if (session.phase.kind === 'closed') return [];
  switch (input.kind) {
    case 'text':
      return [...heard(session, input.monotonicMs), ...onText(session, input.text, input.atMs)];
    case 'binary':
      return [...heard(session, input.monotonicMs), ...onBinary(session, input.bytes, input.atMs)];
    case 'admitted':
      return onAdmitted(session, input);
    case 'refused':
      return close(session, input.code, input.message);
    case 'committed':
      session.inFlightFrames -= input.frameCount;
      session.inFlightBytes -= input.frameBytes;
      return [send({ type: 'ack', ...input.position })];
    case 'configChanged':
      return session.phase.kind === 'streaming' ? [send({ type: 'config', config: input.config })] : [];
    case 'rekey':
      return isAble(session, 'rekey') ? [send({ type: 'rekey' })] : [];
    case 'ask':
      return onAsk(session, input);
    case 'resumed':
      return heard(session, input.monotonicMs);
    case 'tick':
      return onTick(session, input.monotonicMs);
    default:
      return input satisfies never;
  }
};

/** One heartbeat and half of the next: what is on its way has come by then, and the first agent of a zone is not yet given up. */
const overdueShare = 1.5;

/** When the session wants a tick, on the monotonic clock. */
export const nextSessionDeadlineMs = (session: Session): number =>
  session.phase.kind === 'streaming' && !session.isOverdue
    ? session.lastHeardMonotonicMs + overdueShare * session.options.heartbeatMs
    : givenUpAtMs(session);

const givenUpAtMs = (session: Session): number =>
  session.phase.kind === 'streaming'
    ? session.lastHeardMonotonicMs + session.options.heartbeatTimeoutMs
    : session.options.openedMonotonicMs + limits.handshakeMsMax;

/** Something came. */
const heard = (session: Session, monotonicMs: number): SessionOutput[] => {
  session.lastHeardMonotonicMs = monotonicMs;
  if (!session.isOverdue) return [];
  session.isOverdue = false;
  return [{ kind: 'overdue', isOverdue: false }];
};

const send = (message: CollectorMessage): SessionOutput => ({ kind: 'send', message });

const close = (session: Session, code: RefusalCode, message: string): SessionOutput[] => {
  session.phase = { kind: 'closed' };
  return [{ kind: 'close', code, message }];
};

const violation = (session: Session, message: string): SessionOutput[] => close(session, 'PROTOCOL_VIOLATION', message);

const onText = (session: Session, text: string, atMs: EpochMs): SessionOutput[] => {
  const parsed = parseMessage(text);
  if (typeof parsed === 'string') return violation(session, parsed);
  switch (parsed.type) {
    case 'hello':
      return onHello(session, parsed);
    case 'proof':
      return onProof(session, parsed);
    default:
      return session.phase.kind === 'streaming'
        ? onStreaming(session, parsed, atMs)
        : violation(session, `"${parsed.type}" came before the welcome`);
  }
};

/** @returns the message, or what is wrong with it */
const parseMessage = (text: string): AgentMessage | string => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `a control message is not JSON: ${messageOf(error)}`;
  }
  const parsed = agentMessageSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return `control message: ${issue?.path.join('.') || 'type'}: ${issue?.message ?? 'is not valid'}`;
};

const onHello = (session: Session, hello: Hello): SessionOutput[] => {
  if (session.phase.kind !== 'hello') return violation(session, 'a second hello');
  const version = protocolVersions.find((own) => hello.versions.includes(own));
  if (version === undefined) {
    return close(
      session,
      'VERSION_UNSUPPORTED',
      `agent speaks ${hello.versions.join(', ')}; this collector speaks ${protocolVersions.join(', ')}`,
    );
  }
  const { nonce, collectorId, channel = null } = session.options;
  if (channel?.binding === null)
    return close(session, 'CHANNEL_UNBOUND', 'proofs are bound to the connection here, which needs TLS 1.3');
  if (channel !== null && !hello.capabilities.includes('channel-binding'))
    return close(session, 'CHANNEL_UNBOUND', 'the agent cannot bind its proof to the connection; update it');
  session.phase = { kind: 'proof', hello, nonce };
  const capabilities = collectorCapabilities.filter((capability) => capability !== 'channel-binding' || channel !== null);
  return [send({ type: 'challenge', version, capabilities, nonce, collectorId })];
};

const onProof = (session: Session, proof: Extract<AgentMessage, { type: 'proof' }>): SessionOutput[] => {
  if (session.phase.kind !== 'proof') return violation(session, 'a proof nobody asked for');
  const { hello, nonce } = session.phase;
  const { collectorId, channel = null } = session.options;
  const binding = channel?.binding ?? null;
  const handshake = { collectorId, nonce, publicKey: hello.publicKey, bootId: hello.bootId, binding };
  if (!isProofValid(handshake, proof.signature)) return close(session, 'AUTHENTICATION_FAILED', unprovedText(binding !== null));
  if (proof.rekey !== undefined && !isRekeyValid(handshake, proof.rekey))
    return close(session, 'AUTHENTICATION_FAILED', 'the change of key is not signed by both keys');
  session.phase = { kind: 'admission', hello };
  const { joinToken = null, wantedId = null, rekey } = proof;
  return [{ kind: 'authenticate', hello, joinToken, wantedId, newPublicKey: rekey?.publicKey ?? null }];
};

const unprovedText = (isBound: boolean): string =>
  isBound
    ? 'the signature does not fit key, challenge and TLS connection: if the key is right, somebody stands between; see docs/security.md'
    : 'the signature does not fit the key and the challenge';

const onAdmitted = (session: Session, input: Extract<SessionInput, { kind: 'admitted' }>): SessionOutput[] => {
  if (session.phase.kind !== 'admission') return [];
  session.phase = { kind: 'streaming', hello: session.phase.hello, agentId: input.agentId };
  return [
    send({
      type: 'welcome',
      agentId: input.agentId,
      stored: input.stored,
      heartbeatMs: session.options.heartbeatMs,
      heartbeatTimeoutMs: session.options.heartbeatTimeoutMs,
      framesInFlightMax: limits.framesInFlightMax,
      frameBytesInFlightMax: limits.frameBytesInFlightMax,
      collectorTimeMs: input.atMs,
    }),
    send({ type: 'config', config: input.config }),
  ];
};

const onStreaming = (
  session: Session,
  message: Exclude<AgentMessage, { type: 'hello' | 'proof' }>,
  atMs: EpochMs,
): SessionOutput[] => {
  switch (message.type) {
    case 'heartbeat':
      session.skew = observeSkew(session.skew, message, atMs);
      session.spoolFrames = message.spoolFrames;
      session.spoolBytes = message.spoolBytes;
      return [send({ type: 'heartbeatAnswer', echoMs: message.sentAtMs, collectorTimeMs: atMs })];
    case 'configApplied':
      session.configVersion = message.errors.length === 0 ? message.version : session.configVersion;
      session.configErrors = message.errors;
      return [{ kind: 'configApplied', version: message.version, errors: message.errors }];
    case 'probeAnswer':
      return [{ kind: 'probeAnswer', requestId: message.requestId, result: cleanedResult(message.result) }];
    case 'bye':
      return [{ kind: 'bye', reason: message.reason }];
    default:
      return message satisfies never;
  }
};

const onBinary = (session: Session, bytes: Uint8Array, atMs: EpochMs): SessionOutput[] => {
  if (session.phase.kind !== 'streaming') return violation(session, 'a frame came before the welcome');
  let delivery: Delivery;
  try {
    delivery = readFrame(bytes, { offsetMs: session.skew.offsetMs, receivedAtMs: atMs, seriesCounts: session.seriesCounts });
  } catch (error) {
    if (error instanceof AppError && error.code === 'TOO_LARGE') return close(session, 'LIMIT_EXCEEDED', error.message);
    if (error instanceof AppError && error.code === 'FRAME_INVALID') return violation(session, error.message);
    throw error;
  }
  if (delivery.kind !== 'dictionary') {
    session.inFlightFrames += 1;
    session.inFlightBytes += bytes.length;
    // Twice the window: an acknowledgement may be on its way while the agent already sends on.
    if (session.inFlightFrames > 2 * limits.framesInFlightMax || session.inFlightBytes > 2 * limits.frameBytesInFlightMax) {
      return close(
        session,
        'FLOODING',
        `${session.inFlightFrames} frames (${session.inFlightBytes} bytes) in flight; ${limits.framesInFlightMax} are allowed`,
      );
    }
  }
  return [{ kind: 'deliver', delivery }];
};

const isAble = ({ phase }: Session, capability: AgentCapability): boolean =>
  phase.kind === 'streaming' && phase.hello.capabilities.includes(capability);

const onAsk = (session: Session, ask: Extract<SessionInput, { kind: 'ask' }>): SessionOutput[] => {
  if (!isAble(session, 'probe-request')) return [];
  return [send({ type: 'probeRequest', requestId: ask.requestId, probe: ask.probe, timeoutMs: ask.timeoutMs })];
};

const onTick = (session: Session, monotonicMs: number): SessionOutput[] => {
  if (monotonicMs < nextSessionDeadlineMs(session)) return [];
  if (monotonicMs < givenUpAtMs(session)) {
    session.isOverdue = true;
    return [{ kind: 'overdue', isOverdue: true }];
  }
  return session.phase.kind === 'streaming'
    ? close(session, 'SILENT', `nothing came for ${session.options.heartbeatTimeoutMs} ms`)
    : close(session, 'HANDSHAKE_TIMEOUT', `the handshake took longer than ${limits.handshakeMsMax} ms`);
};
