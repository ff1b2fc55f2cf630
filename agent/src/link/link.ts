import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentMessage, FramePosition, Welcome } from '@jiwei/shared/protocol/control.ts';
import { errorFields, type Log } from '../log.ts';
import { isUpTo } from '../spool/position.ts';
import type { Spool } from '../spool/spool.ts';
import type { Stamps } from '../stamps.ts';
import { type ClockMeasurement, measureClock } from './clock-offset.ts';
import { createFrameSender, type FrameSender } from './frame-sender.ts';
import { helloOf, type Identity, proofOf } from './identity.ts';
import { initialLink, type LinkAction, type LinkEvent, type LinkState, linkDeadlineMs, stepLink } from './machine.ts';
import { type Challenge, type ConfigMessage, type ProbeRequest, readMessage } from './message.ts';
import { type Suspect, suspectAfter, suspectRefusalsMax } from './suspect.ts';
import type { Dial, Transport } from './transport.ts';

/** What the rest of the agent does with what the link brings. None of it may block. */
export interface LinkHandlers {
  /** Called at each welcome, before frames are sent. @returns false when none may be sent */
  onWelcome(welcome: Welcome): boolean;
  onConfig(message: ConfigMessage): void;
  onProbeRequest(request: ProbeRequest): void;
  /** The collector asks for a new key: makes one, durable when it returns. The link is made anew after it, and proves both. */
  onRekey(): void;
  /** The new key counts from now on, and the old one no longer. */
  onRekeyed(): void;
  /** Called before each heartbeat: what waits may go along with it. */
  onHeartbeat(): void;
}

export interface LinkOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly stamps: Stamps;
  /** From [0, 1), for the waits. */
  readonly random: () => number;
  /** Where the grid of this agent lies, see schedule/phase.ts; its name may change with a welcome. */
  readonly gridOffsetMs: () => number;
  readonly identity: Identity;
  readonly spool: Spool;
  readonly handlers: LinkHandlers;
  readonly log: Log;
}

/** The agent's one connection: kept up, or made again. */
export interface Link {
  start(): void;
  /** To be called after frames were appended to the spool. */
  framesWaiting(): void;
  /** Sends a control message if connected; else it is dropped, as it would be too late anyway. */
  send(message: AgentMessage): void;
  isStreaming(): boolean;
  /** The last measurement of the clocks, or null before the first. */
  clock(): ClockMeasurement | null;
  /** Says goodbye and closes; resolves when the connection is gone or `withinMs` is over. */
  stop(reason: string, withinMs: number): Promise<void>;
}

/** A timer of a busy host is late by some tenths of a second; later than this the process was stopped (SIGSTOP) or the host out of breath. */
const stoodStillMsMin = 2_000;
/** RFC 6455, 7.4.1. */
const normalClosure = 1_000;

/** A link that does nothing before `start`. */
export const createLink = (options: LinkOptions): Link => {
  const { clock, log, spool, stamps, handlers } = options;
  let state: LinkState = initialLink;
  let transport: Transport | null = null;
  let sender: FrameSender | null = null;
  let cancelTick: CancelTimer = () => undefined;
  /** The proof that was sent last asked for a new key; the welcome grants it. */
  let isRekeying = false;
  let armedForMs = Number.POSITIVE_INFINITY;
  let suspect: Suspect | null = null;
  let measurement: ClockMeasurement | null = null;
  /** What the collector last said of its clock, and when that came. */
  let told = { collectorTimeMs: 0, heardMonotonicMs: 0 };
  let onGone: (() => void) | null = null;
  let onIdle: (() => void) | null = null;

  const step = (event: LinkEvent): void => {
    noteStandstill();
    const next = stepLink(state, event, {
      monotonicMs: clock.monotonicMs(),
      random: options.random(),
      nowMs: stamps.nowMs(),
      gridOffsetMs: options.gridOffsetMs(),
    });
    state = next.state;
    for (const action of next.actions) perform(action);
    if (state.status !== 'streaming') sender = null;
    arm();
  };

  /** Every message from the collector puts the silence off, but hardly ever the instant that is due first. */
  const arm = (): void => {
    const deadlineMs = linkDeadlineMs(state);
    if (deadlineMs === armedForMs) return;
    cancelTick();
    armedForMs = deadlineMs;
    if (!Number.isFinite(deadlineMs)) return;
    cancelTick = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), () => {
      noteStandstill();
      armedForMs = Number.POSITIVE_INFINITY;
      step({ kind: 'tick' });
    });
  };

  /** After a standstill what waited in the socket may come before the timer that is overdue. */
  const noteStandstill = (): void => {
    const lateMs = Math.round(clock.monotonicMs() - armedForMs);
    if (lateMs < stoodStillMsMin) return;
    armedForMs = Number.POSITIVE_INFINITY;
    log.warn(`the agent stood still for ${(lateMs / 1_000).toFixed(1)} s`, { lateMs });
  };

  const perform = (action: LinkAction): void => {
    switch (action.kind) {
      case 'connect':
        transport = connect();
        return;
      case 'hello':
        return send(helloOf(options.identity));
      case 'prove':
        return prove(action.challenge);
      case 'acknowledge':
        return spool.acknowledge(action.position);
      case 'heartbeat':
        return sendHeartbeat();
      case 'stream':
        return startStreaming(action.welcome);
      case 'deliver':
        return deliver(action.message);
      case 'suspect':
        return suspectFrame();
      case 'close':
        return transport?.close(action.closeCode, action.reason);
      case 'terminate':
        return transport?.terminate();
      case 'report':
        return log[action.level](action.message, action.fields);
      default:
        return action satisfies never;
    }
  };

  /** A connection that was given up may still speak; what it says is about a state that is gone. */
  const connect = (): Transport => {
    const isCurrent = (): boolean => transport === mine;
    const mine: Transport = options.dial({
      opened: () => isCurrent() && step({ kind: 'opened' }),
      text: (text) => isCurrent() && hear(text),
      binary: () => isCurrent() && step({ kind: 'nonsense', problem: 'a binary message came' }),
      drained: () => isCurrent() && pump(),
      closed: (closeCode, problem) => {
        if (!isCurrent()) return;
        transport = null;
        step({ kind: 'closed', closeCode, problem });
        onIdle?.();
        onGone?.();
      },
    });
    return mine;
  };

  const hear = (text: string): void => {
    const read = readMessage(text);
    if ('message' in read && 'collectorTimeMs' in read.message)
      told = { collectorTimeMs: read.message.collectorTimeMs, heardMonotonicMs: clock.monotonicMs() };
    step('message' in read ? { kind: 'message', message: read.message } : { kind: 'nonsense', problem: read.problem });
  };

  const send = (message: AgentMessage): void => transport?.sendText(JSON.stringify(message));

  const prove = (challenge: Challenge): void => {
    const proof = proofOf(options.identity, challenge, transport?.channelBinding?.() ?? null);
    isRekeying = proof.rekey !== undefined;
    send(proof);
  };

  const startStreaming = (welcome: Welcome): void => {
    log.info('connected to the collector', { agentId: welcome.agentId });
    if (isRekeying) handlers.onRekeyed();
    if (transport === null) return;
    if (!handlers.onWelcome(welcome)) return;
    const framesMax = Math.min(welcome.framesInFlightMax, limits.framesInFlightMax);
    sender = createFrameSender({
      transport,
      reader: spool.read(welcome.stored),
      bounds: {
        // One at a time while a frame is suspected, so that a refusal can only mean that one.
        framesMax: () => (suspect === null ? framesMax : 1),
        bytesMax: Math.min(welcome.frameBytesInFlightMax, limits.frameBytesInFlightMax),
      },
    });
    pump();
  };

  const suspectFrame = (): void => {
    const frame = sender?.oldest() ?? null;
    suspect = suspectAfter(suspect, frame?.position ?? null);
    if (frame === null || suspect === null || suspect.refusals < suspectRefusalsMax) return;
    log.error('the collector refuses a frame for good: it is left out, and reported as a gap', { ...frame.position });
    spool.setAside(frame.position, { atMs: frame.atMs, bytes: frame.frameBytes });
    suspect = null;
  };

  const pump = (): void => {
    try {
      sender?.pump();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.error('frames cannot be read back', errorFields(error));
    }
  };

  const sendHeartbeat = (): void => {
    handlers.onHeartbeat();
    const { pendingFrames, pendingBytes } = spool.counts();
    const heardAgoMs = Math.max(0, Math.floor(clock.monotonicMs() - told.heardMonotonicMs));
    send({
      ...{ type: 'heartbeat', sentAtMs: stamps.nowMs(), heardTimeMs: told.collectorTimeMs, heardAgoMs },
      ...{ spoolFrames: pendingFrames, spoolBytes: pendingBytes },
    });
  };

  const deliver = (message: Extract<LinkAction, { kind: 'deliver' }>['message']): void => {
    switch (message.type) {
      case 'ack':
        return onAck({ bootId: message.bootId, seq: message.seq });
      case 'heartbeatAnswer':
        return onHeartbeatAnswer(message.echoMs, message.collectorTimeMs);
      case 'config':
        return handlers.onConfig(message);
      case 'rekey':
        handlers.onRekey();
        return transport?.close(normalClosure, 'rekey');
      case 'probeRequest':
        return handlers.onProbeRequest(message);
      case 'unreadableQuestion':
        return log.warn('a question of the collector cannot be read, and is left unanswered', { problem: message.problem });
      default:
        return message satisfies never;
    }
  };

  const onAck = (position: FramePosition): void => {
    spool.acknowledge(position);
    if (suspect !== null && isUpTo(suspect.position, position)) suspect = null;
    sender?.acknowledged(position);
    pump();
    if (sender?.isIdle() === true) onIdle?.();
  };

  const onHeartbeatAnswer = (echoMs: number, collectorTimeMs: number): void => {
    measurement = measureClock(echoMs, stamps.nowMs(), collectorTimeMs);
    if (Math.abs(measurement.offsetMs) > limits.clockToleranceMs + measurement.roundTripMs / 2) {
      log.warn('the clocks of agent and collector differ; the collector corrects the times, but one clock should be set', {
        offsetMs: measurement.offsetMs,
      });
    }
  };

  const within = (limitMs: number, begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(limitMs, resolve);
      begin(() => {
        cancel();
        resolve();
      });
    });

  return {
    start: () => step({ kind: 'start' }),
    framesWaiting: pump,
    send: (message) => {
      if (state.status === 'streaming') send(message);
    },
    isStreaming: () => state.status === 'streaming',
    clock: () => measurement,
    stop: async (reason, withinMs) => {
      // What is on the way may still be acknowledged; then the next start need not send it again.
      await within(withinMs / 2, (done) => {
        if (sender === null || sender.isIdle()) return done();
        onIdle = done;
      });
      if (state.status === 'streaming') send({ type: 'bye', reason });
      const gone = within(withinMs / 2, (done) => {
        if (transport === null) return done();
        onGone = done;
      });
      step({ kind: 'stop' });
      await gone;
      transport?.terminate();
    },
  };
};
