import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FramePosition } from '@jiwei/shared/protocol/control.ts';
import { type RefusalCode, refusals } from '@jiwei/shared/protocol/refusals.ts';
import type { FastifyBaseLogger } from 'fastify';
import { sourceOf } from '../http/source.ts';
import type { AgentSessionView } from '../runtime/service.ts';
import type { OpenAgentSocket } from './agent-socket.ts';
import { type Allowance, connectCost, debtMs, deliveryCost, fullAllowance, isFlood, messageCost, spend } from './allowance.ts';
import { createCrowdLog } from './crowd-log.ts';
import type { Delivery, FrameHead } from './delivery.ts';
import type { IngestHost, LinkLoss, Pressure } from './host.ts';
import { noRoundTrips, noteRoundTrip } from './round-trips.ts';
import {
  type Channel,
  createSession,
  nextSessionDeadlineMs,
  type SessionInput,
  type SessionOutput,
  stepSession,
} from './session.ts';
import type { StrangerEnd } from './stranger-log.ts';

/** After our close frame a peer has this long to answer before the socket is cut, ms. */
const closeMsMax = 1_000;
/** Unsent control messages past this mean that the agent no longer reads; bytes. */
const unsentBytesMax = 4 * 1024 * 1024;

export interface ConnectionOptions {
  readonly openSocket: OpenAgentSocket;
  readonly address: string;
  readonly clock: Clock;
  readonly host: IngestHost;
  readonly log: FastifyBaseLogger;
  readonly collectorId: string;
  readonly nonce: string;
  readonly channel: Channel | null;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  onStreaming(connection: Connection): void;
  onEnded(connection: Connection): void;
  onRefused(code: RefusalCode): void;
  /** It ended before it was let in. */
  noteStranger(code: StrangerEnd, address: string, message: string): void;
  onThrottled(isThrottled: boolean): void;
  pressure(): Pressure;
}

/** One agent's connection: turns what happens on it into session inputs, and session outputs into deeds. */
export interface Connection {
  readonly agentId: AgentId | null;
  readonly bootId: number;
  /** Whom its address stands for (`sourceOf`). */
  readonly source: string;
  /** Why it ended, once it has, and from when on nothing was heard that should have been. */
  readonly loss: LinkLoss;
  view(): AgentSessionView | null;
  input(input: SessionInput): void;
  refuse(code: RefusalCode, message: string): void;
  /** Whether the other side answers a ping within `withinMs`; false also when the connection ends meanwhile. */
  isAlive(withinMs: number): Promise<boolean>;
  /** Nothing is read at the moment, so that silence says nothing. */
  readonly isPaused: boolean;
  /** What it may still make the collector do. */
  readonly allowance: Allowance;
  /** Goes on with what the agent had left on its connection before. */
  inherit(left: Allowance): void;
  /** The queue's pressure changed: reads on, or no more for now. */
  yieldToPressure(): void;
}

/** Takes a socket over; from here on it is the session's. */
export const openConnection = (options: ConnectionOptions): Connection => {
  const { clock, host } = options;
  const session = createSession({ ...options, openedMonotonicMs: clock.monotonicMs() });
  let agentId: AgentId | null = null;
  let bootId = 0;
  let connectedAtMs = 0;
  let roundTripMs: number | null = null;
  /** null while no ping is on its way: a second one meanwhile would make a long way look short. */
  let pingSentMonotonicMs: number | null = null;
  /** Reading was paused since: how long the answer takes is then our doing. */
  let wasPausedSincePing = false;
  let roundTrips = noRoundTrips;
  let lostCause: LinkLoss['cause'] = 'closed';
  let lastHeardAtMs = clock.nowMs();
  let isEnded = false;
  /** Who waits for a sign of life. */
  const askers = new Set<(isAlive: boolean) => void>();
  /** Frames committed and not yet acknowledged. */
  let committed: Extract<SessionInput, { kind: 'committed' }> | null = null;
  let allowance = fullAllowance(clock.monotonicMs());
  /** Why nothing is read at the moment; empty while it is. */
  const pauses = new Set<'debt' | 'pressure'>();
  let cancelDebt: CancelTimer = () => undefined;
  let cancelTick = clock.after(0, () => undefined);
  let log = options.log;
  // One that sends all it may is slowed a hundred times a second.
  const saySlowed = createCrowdLog<number>(clock, (times, waitMs) =>
    log.info({ times, waitMs }, 'agent sends more than one agent may; it is slowed'),
  );

  const armTick = (): void => {
    cancelTick();
    if (isEnded) return;
    // While we do not read, silence says nothing about the other side.
    if (pauses.size > 0) return;
    cancelTick = clock.after(Math.max(1, nextSessionDeadlineMs(session) - clock.monotonicMs()), () => {
      input({ kind: 'tick', monotonicMs: clock.monotonicMs() });
      armTick();
    });
  };

  const input = (event: SessionInput): void => {
    for (const output of stepSession(session, event)) perform(output);
  };

  /** Something came: it is dealt with, charged, and when it was too much nothing more is read until that is paid. */
  const take = (event: Extract<SessionInput, { kind: 'text' | 'binary' }>, bytes: number): void => {
    charge(messageCost(bytes));
    input(event);
    if (session.phase.kind === 'closed') return;
    if (isFlood(allowance)) return input({ kind: 'refused', code: 'FLOODING', message: 'far more came than one agent may send' });
    const waitMs = debtMs(allowance, clock.monotonicMs());
    if (waitMs > 0) waitForDebt(waitMs);
    yieldToPressure();
  };

  const charge = (cost: number): void => {
    allowance = spend(allowance, cost, clock.monotonicMs());
  };

  const waitForDebt = (waitMs: number): void => {
    if (!pauses.has('debt')) {
      saySlowed(waitMs);
      options.onThrottled(true);
      pause('debt');
    }
    cancelDebt();
    cancelDebt = clock.after(waitMs, () => {
      options.onThrottled(false);
      resume('debt');
    });
  };

  const pause = (why: 'debt' | 'pressure'): void => {
    if (pauses.size === 0) socket.pause();
    wasPausedSincePing = true;
    pauses.add(why);
    cancelTick();
  };

  const resume = (why: 'debt' | 'pressure'): void => {
    if (!pauses.delete(why) || pauses.size > 0 || isEnded) return;
    socket.resume();
    input({ kind: 'resumed', monotonicMs: clock.monotonicMs() });
    armTick();
  };

  const yieldToPressure = (): void => {
    const pressure = options.pressure();
    const isHeavy = session.inFlightFrames >= limits.heavyLinkFrames || session.inFlightBytes >= limits.heavyLinkBytes;
    if (pressure === 'full' || (pressure === 'half' && isHeavy)) pause('pressure');
    else resume('pressure');
  };

  const perform = (output: SessionOutput): void => {
    switch (output.kind) {
      case 'send':
        return send(output);
      case 'close':
        return closeWith(output.code, output.message);
      case 'authenticate':
        return admit(output);
      case 'deliver':
        return deliver(output.delivery);
      case 'probeAnswer':
        if (agentId !== null) host.probeAnswer(agentId, output.requestId, output.result);
        return;
      case 'configApplied':
        if (output.errors.length > 0)
          log.warn(
            { version: output.version, errors: output.errors },
            'agent refused its configuration and goes on with the one before',
          );
        return;
      case 'overdue':
        if (agentId !== null) host.overdue(agentId, output.isOverdue);
        return;
      case 'bye':
        lostCause = 'bye';
        log.info({ reason: output.reason }, 'agent says goodbye');
        return;
      default:
        return output satisfies never;
    }
  };

  const send = (output: Extract<SessionOutput, { kind: 'send' }>): void => {
    if (!socket.isOpen()) return;
    const unsentBytes = socket.unsentBytes();
    if (unsentBytes > unsentBytesMax) {
      log.warn({ unsentBytes }, 'agent no longer reads; its connection is cut');
      socket.terminate();
      return;
    }
    if (output.message.type === 'heartbeatAnswer' && pingSentMonotonicMs === null) {
      pingSentMonotonicMs = clock.monotonicMs();
      wasPausedSincePing = pauses.size > 0;
      socket.ping();
    }
    socket.sendText(JSON.stringify(output.message));
  };

  const watchRoundTrip = (ms: number): void => {
    const { isSlow } = roundTrips;
    roundTrips = noteRoundTrip(roundTrips, ms);
    if (roundTrips.isSlow === isSlow) return;
    const told = { roundTripMs: Math.round(ms) };
    if (roundTrips.isSlow)
      log.warn(told, 'messages to this agent and back take long: its network is slow, or loses many of them');
    else log.info(told, 'messages to this agent and back are quick again');
  };

  const closeWith = (code: RefusalCode, message: string): void => {
    options.onRefused(code);
    if (code === 'SILENT') lostCause = 'silent';
    if (agentId === null) options.noteStranger(code, options.address, message);
    // A stop or a reconnection is nobody's fault.
    else
      log[code === 'SHUTTING_DOWN' || code === 'REPLACED' ? 'info' : 'warn'](
        { code, address: options.address },
        `connection ended: ${message}`,
      );
    if (socket.isOpen()) {
      socket.sendText(JSON.stringify({ type: 'refuse', code, class: refusals[code].class, message: message.slice(0, 500) }));
      socket.close(refusals[code].closeCode, code);
    }
    clock.after(closeMsMax, () => socket.terminate());
  };

  const admit = (output: Extract<SessionOutput, { kind: 'authenticate' }>): void => {
    const { hello, joinToken, wantedId, newPublicKey } = output;
    host.admit({ hello, joinToken, wantedId, newPublicKey, address: options.address }).then(
      (admission) => {
        if (isEnded) return;
        if (admission.kind === 'refused') return input(admission);
        agentId = admission.agentId;
        bootId = output.hello.bootId;
        connectedAtMs = clock.nowMs();
        log = options.log.child({ agentId });
        // First the news, then the welcome: what the agent sends next must find it connected.
        options.onStreaming(connection);
        host.connected(agentId, bootId);
        input({ ...admission, atMs: connectedAtMs });
        armTick();
      },
      (error: unknown) => {
        log.error({ err: error }, 'an agent could not be looked up');
        input({ kind: 'refused', code: 'STORE_UNAVAILABLE', message: 'the collector cannot read its store at the moment' });
      },
    );
  };

  const deliver = (delivery: Delivery): void => {
    if (agentId === null) return;
    charge(deliveryCost(delivery));
    if (delivery.kind === 'dictionary') return host.deliver(agentId, delivery, () => undefined);
    host.deliver(agentId, delivery, () => noteCommitted(delivery));
  };

  /** The frames of one commit are acknowledged together: an acknowledgement speaks for all before it, and writing one costs more than a frame. */
  const noteCommitted = (frame: FrameHead): void => {
    if (committed === null) queueMicrotask(acknowledge);
    const isNewest = committed === null || isAfter(frame, committed.position);
    committed = {
      kind: 'committed',
      position: isNewest || committed === null ? { bootId: frame.bootId, seq: frame.seq } : committed.position,
      frameCount: (committed?.frameCount ?? 0) + 1,
      frameBytes: (committed?.frameBytes ?? 0) + frame.messageBytes,
    };
  };

  const acknowledge = (): void => {
    const event = committed;
    committed = null;
    if (event === null) return;
    input(event);
    yieldToPressure();
  };

  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    cancelTick();
    for (const tell of [...askers]) tell(false);
    cancelDebt();
    if (pauses.has('debt')) options.onThrottled(false);
    options.onEnded(connection);
  };

  const heard = () => {
    lastHeardAtMs = clock.nowMs();
    return { atMs: lastHeardAtMs, monotonicMs: clock.monotonicMs() };
  };
  const socket = options.openSocket({
    text: (text) => take({ kind: 'text', text, ...heard() }, text.length),
    binary: (bytes) => take({ kind: 'binary', bytes, ...heard() }, bytes.length),
    pong: () => {
      if (pingSentMonotonicMs === null) return;
      roundTripMs = clock.monotonicMs() - pingSentMonotonicMs;
      pingSentMonotonicMs = null;
      if (!wasPausedSincePing) watchRoundTrip(roundTripMs);
      for (const tell of [...askers]) tell(true);
    },
    failed: (problem) => {
      if (agentId === null) options.noteStranger('FAILED', options.address, problem);
      else log.warn({ error: problem, address: options.address }, 'connection failed');
    },
    tooLarge: () => options.onRefused('MESSAGE_TOO_LARGE'),
    closed: end,
  });

  const connection: Connection = {
    source: sourceOf(options.address),
    get agentId() {
      return agentId;
    },
    get bootId() {
      return bootId;
    },
    get loss(): LinkLoss {
      // Of a silent agent the first heartbeat that did not come is the first sign that it is gone.
      return { cause: lostCause, sinceMs: lostCause === 'silent' ? lastHeardAtMs + options.heartbeatMs : clock.nowMs() };
    },
    view: () =>
      agentId === null || session.phase.kind !== 'streaming'
        ? null
        : {
            agentId,
            connectedAtMs,
            address: options.address,
            bootId,
            clockSkewMs: session.skew.skewMs,
            roundTripMs,
            spoolFrames: session.spoolFrames,
            spoolBytes: session.spoolBytes,
            configVersion: session.configVersion,
            configErrors: session.configErrors,
          },
    input,
    refuse: (code, message) => input({ kind: 'refused', code, message }),
    isAlive: (withinMs) =>
      new Promise((resolve) => {
        if (isEnded || !socket.isOpen()) return resolve(false);
        const tell = (isAlive: boolean): void => {
          askers.delete(tell);
          cancel();
          resolve(isAlive);
        };
        const cancel = clock.after(withinMs, () => tell(false));
        askers.add(tell);
        pingSentMonotonicMs = clock.monotonicMs();
        socket.ping();
      }),
    get isPaused() {
      return pauses.size > 0;
    },
    get allowance() {
      return allowance;
    },
    inherit: (left) => {
      allowance = spend(left, connectCost, clock.monotonicMs());
    },
    yieldToPressure,
  };
  armTick();
  return connection;
};

const isAfter = (frame: FramePosition, other: FramePosition): boolean =>
  frame.bootId > other.bootId || (frame.bootId === other.bootId && frame.seq > other.seq);
