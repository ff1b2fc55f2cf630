import { readFile } from 'node:fs/promises';
import { AppError } from '@jiwei/shared/errors.ts';
import type { NotifyLog, NotifyWorld } from './notifier.ts';

/** What channels may use in a running collector. */
export const notifyWorld = (log: NotifyLog): NotifyWorld => ({
  log,
  readFile: async (path) => {
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw new AppError('CONFIG_UNREADABLE', `notify: the file ${path} cannot be read by the service user`, { cause });
    }
  },
});
