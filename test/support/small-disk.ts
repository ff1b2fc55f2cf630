import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A disk of its own at `folder`, which ends after so many bytes. */
export const mountSmallDisk = async (
  folder: string,
  bytes: number,
): Promise<{ setReadOnly(isReadOnly: boolean): Promise<void>; unmount(): Promise<void> }> => {
  await mkdir(folder, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'jiwei-test', folder]);
  return {
    setReadOnly: async (isReadOnly) => {
      await run('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, folder]);
    },
    unmount: async () => {
      await run('umount', ['-l', folder]);
    },
  };
};
