import { rm, writeFile } from 'node:fs/promises';
import type { Clock } from '@jiwei/shared/clock.ts';
import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { z } from 'zod';
import type { Declaration } from '../registry/declaration.ts';
import { ruleFilePath } from '../registry/inline-rules.ts';
import { type FileWatch, readDeclarationFile, watchFile } from '../registry/watch.ts';
import type { Store, StoredEntity } from '../store/port.ts';
import type { Collector } from './collector.ts';
import { type DeclarationReader, readDeclaration } from './declaring.ts';
import { readRuleFile } from './rule-files.ts';
import type { CollectorService } from './service.ts';

/** A declaration of nothing: what a collector starts with before anything was applied. */
const emptyText = '{}';

/**
 * The declaration to start with: the file when it can be used, else the last one that was in force, else none. A file that differs from what
 * was in force becomes a new version.
 * @returns with it, why the file was refused (null when it was not)
 * @throws what the file was refused for, when there is nothing else to start with
 */
export const firstDeclaration = async (
  store: Store,
  reader: DeclarationReader,
  file: string | null,
  atMs: number,
): Promise<{ readonly declaration: Declaration; readonly refused: unknown }> => {
  const last = await store.declaration();
  const lastInForce = (): Declaration => readDeclaration(last?.text ?? emptyText, last?.source ?? 'empty', reader).declaration;
  if (file === null) return { declaration: lastInForce(), refused: null };
  try {
    const { declaration, text } = readDeclaration(await readDeclarationFile(file), file, { ...reader, readRuleFile });
    if (last?.text !== text) await store.saveDeclaration({ appliedAtMs: atMs, appliedBy: 'file', source: file, text });
    return { declaration, refused: null };
  } catch (error) {
    if (last === null) throw error;
    return { declaration: lastInForce(), refused: error };
  }
};

/**
 * Puts the file in force whenever it or one of its rule files changes; a bad one is told and changes nothing.
 * @throws AppError CONFIG_UNREADABLE when a file cannot be read now, and so cannot be watched
 */
export const watchDeclaration = async (file: string, clock: Clock, collector: Collector): Promise<FileWatch> => {
  let ruleWatches: FileWatch[] = [];
  const reload = async (): Promise<void> => {
    try {
      await collector.reload(await readDeclarationFile(file), file);
    } catch (error) {
      collector.noteDeclarationError(error);
    }
    const before = ruleWatches;
    ruleWatches = await watchRuleFiles();
    for (const watch of before) await watch.close();
  };
  const watchRuleFiles = (): Promise<FileWatch[]> =>
    Promise.all(collector.ruleFiles().map((named) => watchFile(ruleFilePath(file, named), clock, () => void reload())));
  ruleWatches = await watchRuleFiles();
  const main = await watchFile(file, clock, () => void reload());
  return {
    look: () => {
      for (const watch of [main, ...ruleWatches]) watch.look();
    },
    close: async () => {
      await main.close();
      for (const watch of ruleWatches) await watch.close();
    },
  };
};

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
