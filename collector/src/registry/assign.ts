import { isDeepStrictEqual } from 'node:util';
import type { CheckAssignment } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import type { AgentConfig } from '@jiwei/shared/protocol/control.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from '../engine/config.ts';

const hostIntervalMsDefault = 15 * secondMs;

/** What the agent is told to do when it asks these checks, by their ids. The version is the configuration's. */
export const workOf = (config: EngineConfig, agentId: AgentId, checkIds: Iterable<CheckId>): AgentConfig => {
  const checks = [...checkIds].flatMap((checkId): CheckAssignment[] => {
    const check = config.checks.get(checkId);
    if (check === undefined || check.probe.kind === 'heartbeat') return [];
    const { id, probe, schedule, timeoutMs, confirm } = check;
    return [{ id, probe, schedule, timeoutMs, confirm }];
  });
  checks.sort((left, right) => (left.id < right.id ? -1 : 1));
  const { version, hostIntervalMs = hostIntervalMsDefault, probeTargets } = config;
  const collectors = config.agents.get(agentId)?.hostCollectors ?? config.hostCollectors;
  const host = { intervalMs: hostIntervalMs, ...(collectors === undefined ? {} : { collectors: [...collectors] }) };
  return { version, host, checks, ...(probeTargets === undefined ? {} : { probeTargets }) };
};

/** Checks that no agent asks, though it is for agents to ask them: of them nothing will ever be known. */
export const unaskedChecks = (config: EngineConfig): CheckId[] =>
  [...config.checks.values()].flatMap(({ id, agentIds, probe }) =>
    agentIds.length === 0 && probe.kind !== 'heartbeat' ? [id] : [],
  );

/** Whether the work is the same but for the version: then nothing needs to be sent. */
export const isSameWork = (left: AgentConfig, right: AgentConfig): boolean =>
  isDeepStrictEqual({ ...left, version: 0 }, { ...right, version: 0 });
