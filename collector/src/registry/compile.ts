import { AppError } from '@jiwei/shared/errors.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import type { EngineConfig } from '../engine/config.ts';
import type { AgentRecord, StoredMaintenance } from '../store/port.ts';
import type { Declaration } from './declaration.ts';

/**
 * What the engine decides by. Revoked agents are left out; lost ones are passed over when a check may choose its agents.
 * @param version grows with every call that is put in force (the engine and the agents compare it)
 */
export const compileConfig = (
  _declaration: Declaration,
  _agents: readonly AgentRecord[],
  _extraMaintenance: readonly StoredMaintenance[],
  _version: number,
  _lostAgentIds: ReadonlySet<AgentId> = new Set(),
): EngineConfig => {
  throw new AppError('INTERNAL', 'not in this version');
};
