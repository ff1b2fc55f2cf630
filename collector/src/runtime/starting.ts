import { rm, writeFile } from 'node:fs/promises';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { StoredEntity } from '../store/port.ts';
import type { CollectorService } from './service.ts';

const stampSchema = z.object({ lastAtMs: z.int() });

/** Stamp of the last event that was committed; 0 at the very first start. */
export const lastStampOf = (entities: readonly StoredEntity[]): number => {
  const stored = entities.find(({ entity, id }) => entity === 'writer' && id === 'clock');
  return stored === undefined ? 0 : stampSchema.parse(stored.value).lastAtMs;
};

/** Id of the agent that stands beside the collector on the same machine. */
const localAgentId = asId<'agent'>('local');

/** Leaves a join token for the agent of this machine as long as none is enrolled; afterwards the file is removed. */
export const leaveLocalToken = async (file: string | null, service: CollectorService): Promise<void> => {
  if (file === null) return;
  const isEnrolled = (await service.store.agents()).some((agent) => agent.id === localAgentId && agent.revokedAtMs === null);
  if (isEnrolled) return rm(file, { force: true });
  const { token } = await service.createJoinToken({
    zoneId: null,
    labels: {},
    usesLeft: 1,
    lifetimeMs: limits.joinTokenMs,
    needsApproval: false,
  });
  await writeFile(file, `${token}\n`, { mode: 0o600 });
};
