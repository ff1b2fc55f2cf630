import type { EpochMs } from '@jiwei/shared/time.ts';
import { heartbeatSilenceMs } from './config-index.ts';
import { laneDueAtMs } from './results.ts';
import type { EngineState } from './state.ts';

/**
 * The collector was away, so calls that came meanwhile found nobody. A heartbeat that fell due in that time was not missed: nothing is known
 * of it until its next call, and the next one it owes from now on counts again.
 * @param fromMs the last instant at which the collector listened
 * @param toMs since when it listens again
 */
export const excuseHeartbeats = (state: EngineState, fromMs: EpochMs, toMs: EpochMs): void => {
  for (const lane of state.lanes.values()) {
    const check = state.config.checks.get(lane.state.checkId);
    if (check === undefined || heartbeatSilenceMs(check) === null || lane.state.belief === 'down') continue;
    const dueAtMs = laneDueAtMs(lane, check, fromMs);
    if (dueAtMs !== null && dueAtMs > fromMs && dueAtMs <= toMs) lane.state.listensFromMs = toMs;
  }
};
