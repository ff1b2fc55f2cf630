import { messageOf } from '@jiwei/shared/errors.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../store/port.ts';

const settingName = 'run';
type RunMark = 'running' | 'ended';

/** A run that goes on. */
export interface Run {
  /** Says that the run before was killed or lost power, if it did, and what is taken up. @param lastCommitMs 0 when there was none */
  tell(lastCommitMs: EpochMs, nowMs: EpochMs): void;
}

/** Marks in the store that a run goes on, until it ends properly. @param closers what is called then; the mark is added to them */
export const beginRun = async (store: Store, log: FastifyBaseLogger, closers: (() => Promise<void> | void)[]): Promise<Run> => {
  /** Only what the log says next time depends on it: a full disk is no reason to end. */
  const mark = async (next: RunMark): Promise<void> => {
    try {
      await store.saveSetting(settingName, next);
    } catch (error) {
      log.warn(
        { error: messageOf(error) },
        'whether this run ended properly cannot be stored; the next start may say it wrongly',
      );
    }
  };
  const wasCutOff = (await store.setting(settingName)) === 'running';
  if (!wasCutOff) await mark('running');
  closers.push(() => mark('ended'));
  return {
    tell: (lastCommitMs, nowMs) => {
      if (!wasCutOff) return;
      log.warn(
        lastCommitMs > 0 ? { lastCommitAt: new Date(lastCommitMs).toISOString(), agoMs: nowMs - lastCommitMs } : {},
        'the run before did not end properly (killed, or power was lost); everything up to its last commit is taken up',
      );
    },
  };
};
