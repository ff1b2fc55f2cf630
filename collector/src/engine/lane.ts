import type { CheckResult, Confirm } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Outcome, Status } from '@jiwei/shared/status.ts';
import type { EpochMs, TimeRange } from '@jiwei/shared/time.ts';
import type { Span } from './effect.ts';
import { rewrite, type Timeline } from './timeline.ts';

/**
 * One agent's view of one check, as it is stored. Its history over observed time is a function of its results in order and the present
 * instant alone, so results that come late, in any portions, end in the history they would have made live.
 */
export interface LaneState {
  readonly checkId: CheckId;
  /** null: the collector itself (heartbeats). */
  readonly agentId: AgentId | null;
  /** Instant of the last result; null before the first. */
  lastAtMs: EpochMs | null;
  lastOutcome: Outcome;
  lastReason: ReasonCode;
  /** What was last confirmed; null before anything was. It outlives a gap: a confirmed outage that goes on needs no second confirmation. */
  belief: 'good' | 'down' | null;
  /** The present run of failures while they are not yet believed. */
  failCount: number;
  failFromMs: EpochMs;
  failReason: ReasonCode;
  /** The present run of successes while the outage is still believed; replaced, never changed in place. */
  recovery: readonly { readonly atMs: EpochMs; readonly outcome: Outcome; readonly reason: ReasonCode }[];
  /** Present runs of plain answers, for the degraded incident; counted up to 10, the largest confirmation there is. */
  degradedCount: number;
  upCount: number;
  /** Heartbeats: since when the collector listens again, after it was away at the due instant; null while it has listened all the time. */
  listensFromMs: EpochMs | null;
  /** Since when its agent is no longer asked; null while it is. Left out where it was stored by the first builds. */
  retiredAtMs?: EpochMs | null;
  /** Earlier times in which its agent was not asked, so that late data meets the votes that counted then; the newest ones. */
  unasked?: readonly TimeRange[];
}

const runCountMax = 10;
/** An agent comes and goes rarely; what is older than so many of its absences is seldom corrected. */
const unaskedMax = 50;

/** Id of a lane, as its entity and its history are stored. */
export const laneIdOf = (checkId: string, agentId: AgentId | null): string => `${checkId}@${agentId ?? 'collector'}`;

/** A lane that has seen nothing yet. */
export const createLane = (checkId: CheckId, agentId: AgentId | null): LaneState => ({
  checkId,
  agentId,
  lastAtMs: null,
  lastOutcome: 'up',
  lastReason: 'OK',
  belief: null,
  failCount: 0,
  failFromMs: 0,
  failReason: 'OK',
  recovery: [],
  degradedCount: 0,
  upCount: 0,
  listensFromMs: null,
  retiredAtMs: null,
});

/** Its agent is no longer asked, or asked again. */
export const turnAsked = (lane: LaneState, isAsked: boolean, atMs: EpochMs): void => {
  const { retiredAtMs } = lane;
  if (isAsked && retiredAtMs !== null && retiredAtMs !== undefined && retiredAtMs < atMs)
    lane.unasked = [...(lane.unasked ?? []), { fromMs: retiredAtMs, toMs: atMs }].slice(-unaskedMax);
  lane.retiredAtMs = isAsked ? null : atMs;
};

/** Whether its agent was ever not asked. */
export const wasUnasked = ({ retiredAtMs, unasked }: LaneState): boolean =>
  (retiredAtMs !== null && retiredAtMs !== undefined) || (unasked !== undefined && unasked.length > 0);

/** When its agent was not asked, as a history: unknown means not asked. */
export const unaskedHistory = ({ retiredAtMs, unasked = [] }: LaneState): readonly Span[] => [
  ...unasked.flatMap(({ fromMs, toMs }) => [spanOf(fromMs, 'unknown', 'OK'), spanOf(toMs, 'up', 'OK')]),
  ...(retiredAtMs === null || retiredAtMs === undefined ? [] : [spanOf(retiredAtMs, 'unknown', 'OK')]),
];

const spanOf = (fromMs: EpochMs, status: Status, reason: ReasonCode): Span => ({
  fromMs,
  status,
  // A good or unknown status needs no reason; leaving it out keeps histories short.
  reason: status === 'up' || status === 'unknown' ? null : reason,
  attributedTo: null,
});

/** A failing run is under way and not yet believed. */
export const isLaneSuspect = (lane: LaneState): boolean => lane.failCount > 0 && lane.belief !== 'down';

/** The agent could not ask: that says nothing about the target, so it is no answer at all and ends in `unknown` by itself. */
export const saysNothing = (result: Pick<CheckResult, 'reason'>): boolean =>
  result.reason === 'PROBE_ERROR' || result.reason === 'NOT_PERMITTED';

/** Forgets runs that a gap has torn: answers before and after it do not confirm each other. */
const tearRuns = (lane: LaneState): void => {
  lane.failCount = 0;
  lane.recovery = [];
  lane.degradedCount = 0;
  lane.upCount = 0;
};

const onGood = (lane: LaneState, timeline: Timeline, confirm: Confirm, atMs: EpochMs): boolean => {
  lane.failCount = 0;
  const { lastOutcome: outcome, lastReason: reason } = lane;
  if (lane.belief !== 'down') {
    lane.belief = 'good';
    return rewrite(timeline, atMs, [spanOf(atMs, outcome, reason)]);
  }
  lane.recovery = [...lane.recovery, { atMs, outcome, reason }];
  const [first] = lane.recovery;
  if (first === undefined || lane.recovery.length < confirm.successes) return false;
  const tail = lane.recovery.map((good) => spanOf(good.atMs, good.outcome, good.reason));
  lane.belief = 'good';
  lane.recovery = [];
  return rewrite(timeline, first.atMs, tail);
};

const onFailure = (lane: LaneState, timeline: Timeline, confirm: Confirm, atMs: EpochMs): boolean => {
  lane.recovery = [];
  // Mostly the down span just goes on; after a gap, also when a lone success came first, it begins anew.
  if (lane.belief === 'down') return rewrite(timeline, atMs, [spanOf(atMs, 'down', lane.lastReason)]);
  if (lane.failCount === 0) {
    lane.failFromMs = atMs;
    lane.failReason = lane.lastReason;
  }
  lane.failCount += 1;
  if (lane.failCount < confirm.failures) return false;
  lane.belief = 'down';
  lane.failCount = 0;
  return rewrite(timeline, lane.failFromMs, [spanOf(lane.failFromMs, 'down', lane.failReason)]);
};

/**
 * Takes in the next result of the lane, later than its last one.
 * Down begins at the first failure of a confirmed run and ends at the first success of a confirmed run; until then the earlier status goes
 * on. Where more than `staleAfterMs` lies between two results nothing was known in between.
 * @returns whether the history changed (the caller closes it with `expire`)
 */
export const observe = (
  lane: LaneState,
  timeline: Timeline,
  rules: { readonly confirm: Confirm; readonly staleAfterMs: number },
  answer: { readonly atMs: EpochMs; readonly outcome: Outcome; readonly reason: ReasonCode },
): boolean => {
  const { atMs, outcome, reason } = answer;
  const staleFromMs = lane.lastAtMs === null ? atMs : lane.lastAtMs + rules.staleAfterMs;
  let isChanged = false;
  if (staleFromMs < atMs) {
    tearRuns(lane);
    isChanged = rewriteStale(timeline, staleFromMs);
  } else if (lane.lastAtMs !== null && hasBegunBefore(timeline, staleFromMs)) {
    // An `unknown` that was opened because this result was late is taken back: the status before it went on until now.
    isChanged = rewrite(timeline, staleFromMs, []);
  }
  lane.lastAtMs = atMs;
  lane.lastOutcome = outcome;
  lane.lastReason = reason;
  lane.degradedCount = outcome === 'degraded' ? Math.min(runCountMax, lane.degradedCount + 1) : 0;
  lane.upCount = outcome === 'up' ? Math.min(runCountMax, lane.upCount + 1) : 0;
  const isMoved =
    outcome === 'down' ? onFailure(lane, timeline, rules.confirm, atMs) : onGood(lane, timeline, rules.confirm, atMs);
  return isMoved || isChanged;
};

/** Whether anything is said of the time before the instant. The `unknown` with which a lane begins comes of no answer, and goes with none. */
const hasBegunBefore = ({ spans }: Timeline, atMs: EpochMs): boolean => (spans[0]?.fromMs ?? Number.POSITIVE_INFINITY) < atMs;

const rewriteStale = (timeline: Timeline, staleFromMs: EpochMs): boolean =>
  hasBegunBefore(timeline, staleFromMs) && rewrite(timeline, staleFromMs, [spanOf(staleFromMs, 'unknown', 'OK')]);

/** When the lane's last result stops saying anything; null before the first. */
export const staleAtMs = (lane: LaneState, staleAfterMs: number): EpochMs | null =>
  lane.lastAtMs === null ? null : lane.lastAtMs + staleAfterMs;

/** Opens `unknown` where the last result has grown stale by `nowMs`. @returns whether the history changed */
export const expire = (lane: LaneState, timeline: Timeline, staleAfterMs: number, nowMs: EpochMs): boolean => {
  const atMs = staleAtMs(lane, staleAfterMs);
  return atMs !== null && atMs <= nowMs && rewriteStale(timeline, atMs);
};

/** A heartbeat's call: believed at once, good or bad, because the target itself speaks. */
export const onPush = (lane: LaneState, timeline: Timeline, atMs: EpochMs, isUp: boolean): boolean => {
  lane.lastAtMs = atMs;
  lane.listensFromMs = null;
  lane.lastOutcome = isUp ? 'up' : 'down';
  lane.lastReason = isUp ? 'OK' : 'HEARTBEAT_REPORTED_DOWN';
  lane.belief = isUp ? 'good' : 'down';
  lane.upCount = isUp ? Math.min(runCountMax, lane.upCount + 1) : 0;
  return rewrite(timeline, atMs, [spanOf(atMs, lane.lastOutcome, lane.lastReason)]);
};

/** A heartbeat that did not come: down from the instant it was due, not from when we noticed. A reported failure just goes on. */
export const onMissed = (lane: LaneState, timeline: Timeline, dueAtMs: EpochMs): boolean => {
  lane.belief = 'down';
  lane.upCount = 0;
  return rewrite(timeline, dueAtMs, [spanOf(dueAtMs, 'down', 'HEARTBEAT_MISSED')]);
};

/** A heartbeat fell due while the collector was away: whether it came nobody knows. */
export const onUnheard = (timeline: Timeline, dueAtMs: EpochMs): boolean =>
  rewrite(timeline, dueAtMs, [spanOf(dueAtMs, 'unknown', 'OK')]);
