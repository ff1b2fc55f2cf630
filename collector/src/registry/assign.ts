import { isDeepStrictEqual } from 'node:util';
import type { CheckAssignment } from '@jiwei/shared/check.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import type { AgentConfig } from '@jiwei/shared/protocol/control.ts';
import { secondMs } from '@jiwei/shared/time.ts';
import type { EngineConfig } from '../engine/config.ts';

const hostIntervalMsDefault = 15 * secondMs;

/** Says what each agent is told to do: the checks that name it, by id. The version is the configuration's. */
export const assignmentsOf = (config: EngineConfig): ((agentId: AgentId) => AgentConfig) => {
  const byAgent = new Map<AgentId, CheckAssignment[]>();
  for (const { id, agentIds, probe, schedule, timeoutMs, confirm } of config.checks.values()) {
    if (probe.kind === 'heartbeat') continue;
    const assignment = { id, probe, schedule, timeoutMs, confirm };
    for (const agentId of agentIds) {
      const checks = byAgent.get(agentId);
      if (checks === undefined) byAgent.set(agentId, [assignment]);
      else checks.push(assignment);
    }
  }
  for (const checks of byAgent.values()) checks.sort((left, right) => (left.id < right.id ? -1 : 1));
  const { version, hostIntervalMs = hostIntervalMsDefault, probeTargets } = config;
  return (agentId) => {
    const collectors = config.agents.get(agentId)?.hostCollectors ?? config.hostCollectors;
    const host = { intervalMs: hostIntervalMs, ...(collectors === undefined ? {} : { collectors: [...collectors] }) };
    const checks = byAgent.get(agentId) ?? [];
    return { version, host, checks, ...(probeTargets === undefined ? {} : { probeTargets }) };
  };
};

/** Checks that no agent asks, though it is for agents to ask them: of them nothing will ever be known. */
export const unaskedChecks = (config: EngineConfig): CheckId[] =>
  [...config.checks.values()].flatMap(({ id, agentIds, probe }) =>
    agentIds.length === 0 && probe.kind !== 'heartbeat' ? [id] : [],
  );

/** Whether the work is the same but for the version: then nothing needs to be sent. */
export const isSameWork = (left: AgentConfig, right: AgentConfig): boolean =>
  isDeepStrictEqual({ ...left, version: 0 }, { ...right, version: 0 });
