import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { readPlainFile } from '@jiwei/shared/plain-file.ts';
import type { NotifyLog, NotifyWorld } from './notifier.ts';

/** What channels may use in a running collector. */
export const notifyWorld = (log: NotifyLog): NotifyWorld => ({
  log,
  readFile: async (path) => {
    try {
      const reading = readPlainFile(path, limits.namedFileBytesMax);
      return (await orAborted(reading, AbortSignal.timeout(limits.namedFileMsMax))).toString();
    } catch (cause) {
      throw new AppError(
        'CONFIG_UNREADABLE',
        `notify: the file ${path} cannot be read by the service user: ${messageOf(cause)}`,
        { cause },
      );
    }
  },
});
