import { isDeepStrictEqual } from 'node:util';
import type { CheckAssignment } from '@jiwei/shared/check.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { AgentConfig } from '@jiwei/shared/protocol/control.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from '../engine/config.ts';

const hostIntervalMsDefault = 15 * secondMs;

/** What the agent is told to do: the checks that name it, by id. The version is the configuration's. */
export const assignmentsFor = (config: EngineConfig, agentId: AgentId): AgentConfig => {
  const checks: CheckAssignment[] = [];
  for (const { id, agentIds, probe, schedule, timeoutMs, confirm } of config.checks.values()) {
    if (agentIds.includes(agentId) && probe.kind !== 'heartbeat') checks.push({ id, probe, schedule, timeoutMs, confirm });
  }
  checks.sort((left, right) => (left.id < right.id ? -1 : 1));
  const { version, hostIntervalMs = hostIntervalMsDefault, probeTargets } = config;
  const collectors = config.agents.get(agentId)?.hostCollectors ?? config.hostCollectors;
  const host = { intervalMs: hostIntervalMs, ...(collectors === undefined ? {} : { collectors: [...collectors] }) };
  return { version, host, checks, ...(probeTargets === undefined ? {} : { probeTargets }) };
};

/** Whether the work is the same but for the version: then nothing needs to be sent. */
export const isSameWork = (left: AgentConfig, right: AgentConfig): boolean =>
  isDeepStrictEqual({ ...left, version: 0 }, { ...right, version: 0 });
