import { messageOf } from '@jiwei/shared/errors.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../store/port.ts';

const settingName = 'run';
type RunMark = 'running' | 'ended';

/**
 * Marks in the store that a run goes on, until it ends properly.
 * @returns whether the run before did not end so: it was killed, or the machine lost power
 */
export const beginRun = async (
  store: Store,
  log: FastifyBaseLogger,
): Promise<{ readonly wasCutOff: boolean; end(): Promise<void> }> => {
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
  return { wasCutOff, end: () => mark('ended') };
};
