import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Contents of a database's files by what follows its name: '' for itself, `-wal`, `.mark`. */
export type DatabaseFiles = Readonly<Record<string, Uint8Array>>;

/** Has a database of these files looked at, in a folder of its own that is gone afterwards. */
export const withDatabase = async <T>(files: DatabaseFiles, look: (path: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'copy-'));
  try {
    const path = join(folder, 'jiwei.db');
    for (const [suffix, bytes] of Object.entries(files)) await writeFile(`${path}${suffix}`, bytes);
    return await look(path);
  } finally {
    await rm(folder, { recursive: true });
  }
};
