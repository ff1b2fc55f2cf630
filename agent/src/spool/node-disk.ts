import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder } from '@jiwei/shared/make-folder.ts';
import type { Disk, DiskFile } from './disk.ts';

const dataSync = promisify(fdatasync);
/** Written beside its target and renamed over it; left behind only by a crash, and then overwritten or swept. */
const temporarySuffix = '.tmp';

/** The files of a real folder, which is made if missing; only its owner may read it. */
export const createNodeDisk = (folder: string): Disk => {
  makeFolder(folder);
  const pathOf = (name: string): string => join(folder, name);
  return {
    list: () =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith(temporarySuffix))
        .map((entry) => entry.name),
    sizeBytes: (name) => statSync(pathOf(name)).size,
    read: (name, offset, count) => {
      const file = openSync(pathOf(name), 'r');
      try {
        return readFully(file, offset, count);
      } finally {
        closeSync(file);
      }
    },
    create: (name) => {
      const file = openSync(pathOf(name), 'ax', 0o600);
      syncFolder(folder);
      return openedFile(file);
    },
    replace: (name, bytes) => {
      const temporary = pathOf(name + temporarySuffix);
      try {
        writeSynced(temporary, bytes);
      } catch (error) {
        // On a full disk half a file would take the room that others wait for.
        rmSync(temporary, { force: true });
        throw error;
      }
      renameSync(temporary, pathOf(name));
      syncFolder(folder);
    },
    overwrite: (name, offset, bytes) => {
      const file = openSync(pathOf(name), 'r+');
      try {
        writeFully(file, bytes, offset);
        fdatasyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    sync: async (name) => {
      const file = openSync(pathOf(name), 'r+');
      try {
        await dataSync(file);
      } finally {
        closeSync(file);
      }
    },
    remove: (name) => rmSync(pathOf(name), { force: true }),
  };
};

const writeSynced = (path: string, bytes: Uint8Array): void => {
  const file = openSync(path, 'w', 0o600);
  try {
    writeFully(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

const openedFile = (file: number): DiskFile => {
  let closing = false;
  let syncsUnderWay = 0;
  const closeWhenIdle = (): void => {
    if (closing && syncsUnderWay === 0) closeSync(file);
  };
  return {
    append: (bytes) => writeFully(file, bytes),
    sync: async () => {
      if (closing) return;
      syncsUnderWay += 1;
      try {
        await dataSync(file);
      } finally {
        syncsUnderWay -= 1;
        closeWhenIdle();
      }
    },
    // A descriptor closed under a running fdatasync could by then belong to another file.
    close: () => {
      if (closing) return;
      closing = true;
      closeWhenIdle();
    },
  };
};

/** @param offset in the file; null: where the file is by now */
const writeFully = (file: number, bytes: Uint8Array, offset: number | null = null): void => {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written, offset === null ? null : offset + written);
  }
};

const readFully = (file: number, offset: number, count: number): Uint8Array => {
  const buffer = Buffer.allocUnsafe(count);
  let filled = 0;
  while (filled < count) {
    const got = readSync(file, buffer, filled, count - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return buffer.subarray(0, filled);
};

/** Makes a new or renamed name durable. Windows has no such call for folders and keeps names in its own journal. */
const syncFolder = (folder: string): void => {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
