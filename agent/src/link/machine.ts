import { limits } from '@jiwei/shared/limits.ts';
import type { FramePosition, Welcome } from '@jiwei/shared/protocol/control.ts';
import { type RefusalClass, refusalOfCloseCode, refusals } from '@jiwei/shared/protocol/refusals.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { LogFields, LogLevel } from '../log.ts';
import { nextTickMs } from '../schedule/phase.ts';
import type { Challenge, LinkMessage, RefuseMessage } from './message.ts';
import { type LinkEnd, planRetry } from './retry.ts';

/** Where a link stands. All times are monotonic ms. `attempt` counts failures in a row. */
export type LinkState =
  | { readonly status: 'idle' }
  | { readonly status: 'waiting'; readonly attempt: number; readonly untilMs: number }
  /** The connection is being made. */
  | { readonly status: 'connecting'; readonly attempt: number; readonly deadlineMs: number }
  /** It is open and hello was sent. */
  | { readonly status: 'greeting'; readonly attempt: number; readonly deadlineMs: number }
  /** The challenge was answered. */
  | { readonly status: 'proving'; readonly attempt: number; readonly deadlineMs: number }
  | {
      readonly status: 'streaming';
      readonly attempt: number;
      readonly sinceMs: number;
      readonly heartbeatMs: number;
      readonly heartbeatTimeoutMs: number;
      readonly nextHeartbeatMs: number;
      /** When the collector is taken for gone, unless something comes before. */
      readonly silentAtMs: number;
    }
  /** Closing was begun; the time to wait after it is known. */
  | { readonly status: 'closing'; readonly attempt: number; readonly retryMs: number; readonly deadlineMs: number }
  | { readonly status: 'stopped' };

export type LinkEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'message'; readonly message: LinkMessage }
  /** Something came that is not the protocol. */
  | { readonly kind: 'nonsense'; readonly problem: string }
  /** The connection is gone, or was never made; a close code of WebSocket, or null when none came. */
  | { readonly kind: 'closed'; readonly closeCode: number | null; readonly problem: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'stop' };

/** What the shell must do, in order. */
export type LinkAction =
  | { readonly kind: 'connect' }
  | { readonly kind: 'hello' }
  | { readonly kind: 'prove'; readonly challenge: Challenge }
  /** The collector holds everything up to here. */
  | { readonly kind: 'acknowledge'; readonly position: FramePosition }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'stream'; readonly welcome: Welcome }
  | { readonly kind: 'deliver'; readonly message: Exclude<LinkMessage, { type: 'challenge' | 'welcome' | 'refuse' }> }
  /** What was sent will never be taken. */
  | { readonly kind: 'suspect' }
  | { readonly kind: 'close'; readonly closeCode: number; readonly reason: string }
  /** Cut the connection without waiting for the other side. */
  | { readonly kind: 'terminate' }
  | { readonly kind: 'report'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields };

export interface LinkStep {
  readonly state: LinkState;
  readonly actions: readonly LinkAction[];
}

/** After asking to close, the other side has this long to agree. */
const closeMsMax = 2_000;
const normalClosure = 1_000;

export const initialLink: LinkState = { status: 'idle' };

/** The present, as the shell knows it. */
export interface LinkMoment {
  readonly monotonicMs: number;
  /** From [0, 1), for the waits. */
  readonly random: number;
  /** The agent's time, and how far past whole intervals since the epoch its grid lies: heartbeats are on the grid, as rows and checks are. */
  readonly nowMs: EpochMs;
  readonly gridOffsetMs: number;
}

/** The whole of what a link decides. */
export const stepLink = (state: LinkState, event: LinkEvent, now: LinkMoment): LinkStep => {
  switch (event.kind) {
    case 'start':
      return state.status === 'idle' ? connect(0, now.monotonicMs) : stay(state);
    case 'opened':
      return state.status === 'connecting'
        ? { state: { ...state, status: 'greeting' }, actions: [{ kind: 'hello' }] }
        : stay(state);
    case 'message':
      return onMessage(state, event.message, now);
    case 'nonsense':
      return isLive(state) ? breakOff(state, event.problem, now) : stay(state);
    case 'closed':
      return onClosed(state, event, now);
    case 'tick':
      return onTick(state, now);
    case 'stop':
      return onStop(state);
    default:
      return event satisfies never;
  }
};

/** Monotonic ms at which the machine wants a tick; Infinity when nothing is due. */
export const linkDeadlineMs = (state: LinkState): number => {
  switch (state.status) {
    case 'idle':
    case 'stopped':
      return Number.POSITIVE_INFINITY;
    case 'waiting':
      return state.untilMs;
    case 'streaming':
      return Math.min(state.nextHeartbeatMs, state.silentAtMs);
    default:
      return state.deadlineMs;
  }
};

/** Monotonic ms of the next heartbeat: within an interval from now. */
const nextHeartbeatMs = ({ monotonicMs, nowMs, gridOffsetMs }: LinkMoment, heartbeatMs: number): number =>
  monotonicMs + nextTickMs(nowMs, heartbeatMs, gridOffsetMs % heartbeatMs) - nowMs;

type LiveState = Extract<LinkState, { status: 'connecting' | 'greeting' | 'proving' | 'streaming' }>;

const isLive = (state: LinkState): state is LiveState =>
  state.status === 'connecting' || state.status === 'greeting' || state.status === 'proving' || state.status === 'streaming';

const stay = (state: LinkState): LinkStep => ({ state, actions: [] });

const connect = (attempt: number, monotonicMs: number): LinkStep => ({
  state: { status: 'connecting', attempt, deadlineMs: monotonicMs + limits.handshakeMsMax },
  actions: [{ kind: 'connect' }],
});

const onMessage = (state: LinkState, message: LinkMessage, now: LinkMoment): LinkStep => {
  if (!isLive(state)) return stay(state);
  if (message.type === 'refuse') return onRefused(state, message, now);
  if (state.status === 'greeting' && message.type === 'challenge') {
    return { state: { ...state, status: 'proving' }, actions: [{ kind: 'prove', challenge: message }] };
  }
  if (state.status === 'proving' && message.type === 'welcome') return onWelcome(state, message, now);
  if (state.status === 'streaming' && message.type !== 'challenge' && message.type !== 'welcome') {
    const heard = { ...state, silentAtMs: now.monotonicMs + state.heartbeatTimeoutMs };
    return { state: heard, actions: [{ kind: 'deliver', message }] };
  }
  return breakOff(state, `${message.type} came while ${state.status}`, now);
};

const onWelcome = (state: LiveState, welcome: Welcome, now: LinkMoment): LinkStep => ({
  state: {
    status: 'streaming',
    attempt: state.attempt,
    sinceMs: now.monotonicMs,
    heartbeatMs: welcome.heartbeatMs,
    heartbeatTimeoutMs: welcome.heartbeatTimeoutMs,
    nextHeartbeatMs: nextHeartbeatMs(now, welcome.heartbeatMs),
    silentAtMs: now.monotonicMs + welcome.heartbeatTimeoutMs,
  },
  // The first heartbeat before the first frame: the collector measures our clock by it, and sets the times of what follows right.
  actions: [
    ...(welcome.stored === null ? [] : [{ kind: 'acknowledge' as const, position: welcome.stored }]),
    { kind: 'heartbeat' },
    { kind: 'stream', welcome },
  ],
});

const onTick = (state: LinkState, now: LinkMoment): LinkStep => {
  const { monotonicMs } = now;
  if (monotonicMs < linkDeadlineMs(state)) return stay(state);
  switch (state.status) {
    case 'waiting':
      return connect(state.attempt, monotonicMs);
    case 'connecting':
    case 'greeting':
    case 'proving':
      return cut(state, `no answer in time while ${state.status}`, now);
    case 'streaming':
      if (monotonicMs >= state.silentAtMs) return cut(state, 'nothing came from the collector for the heartbeat timeout', now);
      // From now, not from when it was due: a late tick must not send several at once.
      return {
        state: { ...state, nextHeartbeatMs: nextHeartbeatMs(now, state.heartbeatMs) },
        actions: [{ kind: 'heartbeat' }],
      };
    case 'closing':
      return {
        state: { status: 'waiting', attempt: state.attempt, untilMs: monotonicMs + state.retryMs },
        actions: [{ kind: 'terminate' }],
      };
    default:
      return stay(state);
  }
};

const streamedMs = (state: LiveState, monotonicMs: number): number =>
  state.status === 'streaming' ? monotonicMs - state.sinceMs : 0;

const retryOf = (state: LiveState, end: LinkEnd, { monotonicMs, random }: LinkMoment) =>
  planRetry(end, { attempt: state.attempt, streamedMs: streamedMs(state, monotonicMs), random });

/**
 * A refusal for good while streaming is about what was sent, and after some tries that is left out; so it is tried again soon. Before that
 * it is about this build.
 */
const waitClassOf = (state: LiveState, refusal: RefusalClass): RefusalClass =>
  isAboutData(state, refusal) ? 'ask-a-person' : refusal;
const isAboutData = (state: LiveState, refusal: RefusalClass): boolean => state.status === 'streaming' && refusal === 'give-up';
const suspectOf = (state: LiveState, refusal: RefusalClass): readonly LinkAction[] =>
  isAboutData(state, refusal) ? [{ kind: 'suspect' }] : [];

const cut = (state: LiveState, problem: string, now: LinkMoment): LinkStep => {
  const retry = retryOf(state, { kind: 'lost' }, now);
  return {
    state: { status: 'waiting', attempt: retry.attempt, untilMs: now.monotonicMs + retry.delayMs },
    actions: [{ kind: 'terminate' }, lostReport(state, problem, retry.delayMs)],
  };
};

const onClosed = (state: LinkState, event: Extract<LinkEvent, { kind: 'closed' }>, now: LinkMoment): LinkStep => {
  if (state.status === 'closing') {
    return stay({ status: 'waiting', attempt: state.attempt, untilMs: now.monotonicMs + state.retryMs });
  }
  if (!isLive(state)) return stay(state);
  // The refusal itself may have been lost; the close code stands for it.
  const code = event.closeCode === null ? null : refusalOfCloseCode(event.closeCode);
  const end: LinkEnd =
    code === null ? { kind: 'lost' } : { kind: 'refused', class: waitClassOf(state, refusals[code].class), retryAfterMs: 0 };
  const retry = retryOf(state, end, now);
  return {
    state: { status: 'waiting', attempt: retry.attempt, untilMs: now.monotonicMs + retry.delayMs },
    actions: [
      ...(code === null ? [] : suspectOf(state, refusals[code].class)),
      code === null
        ? lostReport(state, event.problem, retry.delayMs)
        : refusalReport(
            { type: 'refuse', code, class: refusals[code].class, message: refusals[code].text, retryAfterMs: 0 },
            retry.delayMs,
          ),
    ],
  };
};

const onRefused = (state: LiveState, refusal: RefuseMessage, now: LinkMoment): LinkStep => {
  const retry = retryOf(
    state,
    { kind: 'refused', class: waitClassOf(state, refusal.class), retryAfterMs: refusal.retryAfterMs },
    now,
  );
  return {
    state: { status: 'closing', attempt: retry.attempt, retryMs: retry.delayMs, deadlineMs: now.monotonicMs + closeMsMax },
    actions: [
      ...suspectOf(state, refusal.class),
      refusalReport(refusal, retry.delayMs),
      { kind: 'close', closeCode: normalClosure, reason: '' },
    ],
  };
};

const breakOff = (state: LiveState, problem: string, now: LinkMoment): LinkStep => {
  const retry = retryOf(state, { kind: 'broken' }, now);
  return {
    state: { status: 'closing', attempt: retry.attempt, retryMs: retry.delayMs, deadlineMs: now.monotonicMs + closeMsMax },
    actions: [
      {
        kind: 'report',
        level: 'error',
        message: 'the other side does not speak our protocol; the link is closed',
        fields: { problem, retryInMs: retry.delayMs },
      },
      { kind: 'close', closeCode: refusals.PROTOCOL_VIOLATION.closeCode, reason: 'PROTOCOL_VIOLATION' },
    ],
  };
};

const onStop = (state: LinkState): LinkStep => ({
  state: { status: 'stopped' },
  actions: isLive(state) || state.status === 'closing' ? [{ kind: 'close', closeCode: normalClosure, reason: 'bye' }] : [],
});

const lostReport = (state: LiveState, problem: string, retryInMs: number): LinkAction => ({
  kind: 'report',
  level: 'warn',
  message: state.status === 'streaming' ? 'the link to the collector is lost' : 'the collector cannot be reached',
  fields: { problem, retryInMs, failuresInARow: state.attempt + 1 },
});

const refusalReport = (refusal: RefuseMessage, retryInMs: number): LinkAction => ({
  kind: 'report',
  level: refusal.class === 'give-up' || refusal.class === 'ask-a-person' ? 'error' : 'warn',
  message: refusalAdvice[refusal.class],
  fields: { code: refusal.code, problem: refusal.message, retryInMs },
});

const refusalAdvice = {
  'retry-now': 'the collector closed the link',
  'retry-later': 'the collector cannot take us at the moment',
  'ask-a-person':
    'the collector refuses this agent: somebody with rights on the collector has to act; measuring goes on meanwhile',
  'give-up': 'the collector refuses this agent for good: one of both has to be updated or set right; measuring goes on meanwhile',
} as const;
