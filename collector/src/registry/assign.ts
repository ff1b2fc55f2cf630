import { AppError } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { AgentConfig } from '@jiwei/shared/protocol/control.ts';
import type { EngineConfig } from '../engine/config.ts';

/** What the agent is told to do: the checks that name it, sorted by id. version is the configuration's. */
export const assignmentsFor = (_config: EngineConfig, _agentId: AgentId): AgentConfig => {
  throw new AppError('INTERNAL', 'not in this version');
};
/** Whether the work is the same but for the version: then nothing needs to be sent. */
export const isSameWork = (_left: AgentConfig, _right: AgentConfig): boolean => {
  throw new AppError('INTERNAL', 'not in this version');
};
