import { join } from 'node:path';
import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import type { Disk } from '../spool/disk.ts';
import { createNodeDisk } from '../spool/node-disk.ts';
import { lockFolder } from './lock.ts';

/** The agent's folder: key, id, last configuration, boot number, spool. One process at a time. */
export interface StateFolder {
  readonly files: Disk;
  readonly spool: Disk;
  /** The process that had it before did not end properly: it was killed, or the machine lost power. */
  readonly wasCutOff: boolean;
  /** Lets another process have it. */
  release(): void;
}

/**
 * Makes the folder if needed and takes it.
 * @throws LOCKED when another live process has it
 * @throws SPOOL_UNAVAILABLE when it cannot be made or written
 */
export const openStateFolder = (folder: string): StateFolder => {
  try {
    const files = createNodeDisk(folder);
    const { release, wasLeft } = lockFolder(folder);
    try {
      return { files, spool: createNodeDisk(join(folder, 'spool')), wasCutOff: wasLeft, release };
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('SPOOL_UNAVAILABLE', `cannot use the state folder ${folder}: ${messageOf(error)}`, { cause: error });
  }
};
