import type { CheckResult } from '@jiwei/shared/check.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { CheckConfig } from './config.ts';
import { heartbeatSilenceMs, laneAgentsOf } from './config-index.ts';
import { setDeadline } from './deadlines.ts';
import type { EngineEvent } from './event.ts';
import { settleHistories } from './histories.ts';
import { expire, type LaneState, laneIdOf, observe, onMissed, onPush, onUnheard, saysNothing, staleAtMs } from './lane.ts';
import { type Lane, laneOf, removeLane } from './state.ts';
import { presentSpan, type Timeline } from './timeline.ts';
import { keep, revise, soil, type Turn } from './turn.ts';

/** Changes a lane's history and passes on from when its check must be computed anew. */
const change = (turn: Turn, lane: Lane, isCorrection: boolean, how: (timeline: Timeline) => boolean): void => {
  const moved = revise(turn, { kind: 'lane', id: lane.id }, lane.timeline, isCorrection, how);
  if (moved !== null) soil(turn.dirtyChecks, lane.state.checkId, moved);
};

const keepLane = (turn: Turn, lane: Lane): void => keep(turn, 'lane', lane.id);

const heartbeatIntervalMs = ({ schedule, staleAfterMs }: CheckConfig): number =>
  'intervalMs' in schedule ? schedule.intervalMs : staleAfterMs;

/** When the heartbeat is missed: silence after its last call, or after the first one it owes since the collector listens again. */
const heartbeatDueAtMs = ({ listensFromMs }: LaneState, lastAtMs: EpochMs, check: CheckConfig): EpochMs => {
  const silenceMs = heartbeatSilenceMs(check) ?? 0;
  if (listensFromMs === null || listensFromMs < lastAtMs + silenceMs) return lastAtMs + silenceMs;
  const intervalMs = heartbeatIntervalMs(check);
  const owedCount = Math.ceil((listensFromMs - lastAtMs) / intervalMs);
  return lastAtMs + silenceMs + (owedCount - 1) * intervalMs;
};

/**
 * A heartbeat that never called owes its first call as if it had called one interval after it was declared: who declares it has as long to set the job
 * up. One that nobody ever sets up would else be waited for in silence.
 */
const firstOwedFromMs = ({ timeline }: Lane, check: CheckConfig): EpochMs | null =>
  timeline.beginsAtMs === null ? null : timeline.beginsAtMs + heartbeatIntervalMs(check);

/** When the lane must be looked at though nothing comes: it grows stale, its heartbeat is missed, or it may be forgotten. */
export const laneDueAtMs = (lane: Lane, check: CheckConfig, nowMs: EpochMs): EpochMs | null => {
  const { lastReason, agentId, retiredAtMs } = lane.state;
  const isHeartbeat = check.probe.kind === 'heartbeat';
  const lastAtMs = lane.state.lastAtMs ?? (isHeartbeat ? firstOwedFromMs(lane, check) : null);
  // Nothing came of it yet; once it is no longer asked that may come for so long.
  if (lastAtMs === null) return typeof retiredAtMs === 'number' ? retiredAtMs + limits.correctionMsMax : null;
  if (isHeartbeat) {
    return lane.state.belief === 'down' && lastReason === 'HEARTBEAT_MISSED'
      ? null
      : heartbeatDueAtMs(lane.state, lastAtMs, check);
  }
  const staleMs = staleAtMs(lane.state, check.staleAfterMs) ?? lastAtMs;
  // Still to be closed also when that instant has passed, as when a new configuration expects answers sooner.
  const isClosed = (presentSpan(lane.timeline)?.status ?? 'unknown') === 'unknown';
  if (staleMs > nowMs || !isClosed) return staleMs;
  return laneAgentsOf(check).includes(agentId) ? null : lastAtMs + limits.correctionMsMax;
};

const arm = (turn: Turn, lane: Lane, check: CheckConfig): void =>
  setDeadline(turn.state.deadlines, lane.deadlineKey, laneDueAtMs(lane, check, turn.nowMs));

/** Results of one agent, in order; back-filled ones rewrite what was unknown. */
export const onResults = (turn: Turn, event: Extract<EngineEvent, { kind: 'results' }>): void => {
  const { state, nowMs } = turn;
  const touched = new Map<Lane, CheckConfig>();
  const telling = new Set<Lane>();
  for (const result of event.results) {
    const check = state.config.checks.get(result.checkId);
    if (check === undefined || check.probe.kind === 'heartbeat') continue;
    if (saysNothing(result)) {
      noteUnusable(turn, state.lanes.get(laneIdOf(check.id, event.agentId)), result);
      continue;
    }
    const lane = laneOf(state, check.id, event.agentId);
    const wasGood = isPlainlyGood(lane);
    if (takeResult(turn, lane, check, result)) touched.set(lane, check);
    if (!wasGood || !isPlainlyGood(lane)) telling.add(lane);
  }
  for (const [lane, check] of touched) {
    change(turn, lane, false, (timeline) => expire(lane.state, timeline, check.staleAfterMs, nowMs));
    arm(turn, lane, check);
    // Also without a change of status: runs of degraded answers and fresh evidence matter to the incidents. But where all was well and is well
    // nothing can come of it, and that is what nearly all answers of a fleet say.
    const isIncidentOpen = (state.openOf.get(check.assetId)?.size ?? 0) > 0;
    if (telling.has(lane) || isIncidentOpen || turn.timelines.has(lane.timeline)) turn.assess.add(check.assetId);
  }
};

/** It decides nothing, but whoever looks wants to know why nothing is known. */
const noteUnusable = (turn: Turn, lane: Lane | undefined, result: CheckResult): void => {
  if (lane === undefined) return;
  const knownAtMs = Math.max(lane.state.lastAtMs ?? 0, lane.lastUnusable?.observedAtMs ?? 0);
  if (result.observedAtMs <= knownAtMs) return;
  lane.lastUnusable = result;
  keepLane(turn, lane);
};

/** Up, and no run of anything else is under way. */
const isPlainlyGood = ({ state: lane }: Lane): boolean =>
  lane.belief === 'good' && lane.lastOutcome === 'up' && lane.failCount === 0 && lane.degradedCount === 0;

/** @returns whether it was taken: a result not later than the lane's last one says nothing new, one from too long ago comes too late */
const takeResult = (turn: Turn, lane: Lane, check: CheckConfig, result: CheckResult): boolean => {
  const { lastAtMs } = lane.state;
  const { observedAtMs: atMs, outcome, reason } = result;
  if (lastAtMs !== null && atMs <= lastAtMs) return false;
  // Older than anything that may still be corrected.
  if (atMs < turn.nowMs - limits.correctionMsMax) {
    turn.state.tooLateResultCount += 1;
    return false;
  }
  // Later than its own staleness means that `unknown` had been shown for this instant.
  const isLate = turn.nowMs - atMs > check.staleAfterMs;
  change(turn, lane, isLate, (timeline) => observe(lane.state, timeline, check, { atMs, outcome, reason }));
  lane.lastResult = result;
  if (lane.lastUnusable !== null && lane.lastUnusable.observedAtMs <= atMs) lane.lastUnusable = null;
  keepLane(turn, lane);
  return true;
};

/** A heartbeat's call. */
export const onPushed = (turn: Turn, event: Extract<EngineEvent, { kind: 'push' }>): void => {
  const check = turn.state.config.checks.get(event.checkId);
  if (check === undefined || check.probe.kind !== 'heartbeat') return;
  const lane = laneOf(turn.state, check.id, null);
  // One that was missed meanwhile is history like an outage that late data tells of: what it means is decided together with this call.
  const { wanted } = turn.state.deadlines;
  for (let dueAtMs = wanted.get(lane.deadlineKey); dueAtMs !== undefined && dueAtMs < event.atMs; ) {
    onLaneDue(turn, lane.id, dueAtMs);
    dueAtMs = wanted.get(lane.deadlineKey);
  }
  change(turn, lane, false, (timeline) => onPush(lane.state, timeline, event.atMs, event.isUp));
  lane.lastResult = {
    checkId: check.id,
    observedAtMs: event.atMs,
    outcome: event.isUp ? 'up' : 'down',
    reason: event.isUp ? 'OK' : 'HEARTBEAT_REPORTED_DOWN',
    latencyMs: null,
    run: event.isUp ? { ofDown: 0, ofUp: 1 } : { ofDown: 1, ofUp: 0 },
    ...(event.detail === null ? {} : { detail: event.detail }),
  };
  keepLane(turn, lane);
  arm(turn, lane, check);
  turn.assess.add(check.assetId);
};

/** A lane's instant has come. */
export const onLaneDue = (turn: Turn, laneId: string, dueAtMs: EpochMs): void => {
  const lane = turn.state.lanes.get(laneId);
  if (lane === undefined) return;
  const check = turn.state.config.checks.get(lane.state.checkId);
  if (check === undefined) return dropLane(turn, lane);
  const isHeartbeat = heartbeatSilenceMs(check) !== null;
  // A check that was a heartbeat once keeps the word of when it was last listened for, which is nothing to a probe.
  if (isHeartbeat && lane.state.listensFromMs !== null && dueAtMs <= lane.state.listensFromMs) {
    change(turn, lane, false, (timeline) => onUnheard(timeline, dueAtMs));
    keepLane(turn, lane);
  } else if (isHeartbeat) {
    lane.state.lastReason = 'HEARTBEAT_MISSED';
    change(turn, lane, false, (timeline) => onMissed(lane.state, timeline, dueAtMs));
    keepLane(turn, lane);
  } else if (
    !laneAgentsOf(check).includes(lane.state.agentId) &&
    dueAtMs >= (lane.state.lastAtMs ?? lane.state.retiredAtMs ?? 0) + limits.correctionMsMax
  ) {
    // Up to here its word counts, also where it was the last one.
    settleHistories(turn);
    return dropLane(turn, lane);
  } else {
    change(turn, lane, false, (timeline) => expire(lane.state, timeline, check.staleAfterMs, turn.nowMs));
  }
  arm(turn, lane, check);
  turn.assess.add(check.assetId);
};

/** Forgets a lane that nobody asks and that can no longer send anything from before. */
export const dropLane = (turn: Turn, lane: Lane): void => {
  keepLane(turn, lane);
  removeLane(turn.state, lane);
};
