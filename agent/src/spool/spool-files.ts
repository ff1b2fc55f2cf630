import type { Disk, DiskFile } from './disk.ts';

/** The files of the spool: on the disk, and in memory while the disk takes nothing. A name is in one of both. */
export interface SpoolFiles extends Omit<Disk, 'list' | 'overwrite' | 'sync'> {
  /** A new file in memory. What is in it ends with the process. Appending throws ENOSPC beyond the bytes that all of them may have. */
  createInMemory(name: string): DiskFile;
  /** Makes a file in memory one on the disk, durably. @throws the system's error when the disk does not take it */
  moveToDisk(name: string): void;
}

/** @param memoryBytesMax of all files in memory */
export const createSpoolFiles = (disk: Disk, memoryBytesMax: number): SpoolFiles => {
  const inMemory = new Map<string, MemoryFile>();
  let memoryBytes = 0;
  const forget = (name: string): void => {
    memoryBytes -= inMemory.get(name)?.bytes().length ?? 0;
    inMemory.delete(name);
  };
  return {
    sizeBytes: (name) => inMemory.get(name)?.bytes().length ?? disk.sizeBytes(name),
    read: (name, offset, count) =>
      inMemory
        .get(name)
        ?.bytes()
        .slice(offset, offset + count) ?? disk.read(name, offset, count),
    create: (name) => disk.create(name),
    replace: (name, bytes) => disk.replace(name, bytes),
    remove: (name) => (inMemory.has(name) ? forget(name) : disk.remove(name)),
    createInMemory: (name) => {
      const file = createMemoryFile();
      inMemory.set(name, file);
      return {
        append: (bytes) => {
          if (memoryBytes + bytes.length > memoryBytesMax) throw new MemoryFullError(name);
          memoryBytes += bytes.length;
          file.append(bytes);
        },
        sync: async () => undefined,
        close: () => undefined,
      };
    },
    moveToDisk: (name) => {
      const file = inMemory.get(name);
      if (file === undefined) return;
      disk.replace(name, file.bytes());
      forget(name);
    },
  };
};

/** As a disk without room says it. */
class MemoryFullError extends Error {
  readonly code = 'ENOSPC';
  constructor(name: string) {
    super(`ENOSPC: no room in memory for ${name}`);
  }
}

interface MemoryFile {
  append(bytes: Uint8Array): void;
  /** A view of all of it, good until the next append. */
  bytes(): Uint8Array;
}

const createMemoryFile = (): MemoryFile => {
  let buffer = new Uint8Array(1_024);
  let length = 0;
  return {
    append: (bytes) => {
      if (length + bytes.length > buffer.length) {
        const larger = new Uint8Array(2 * (length + bytes.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(bytes, length);
      length += bytes.length;
    },
    bytes: () => buffer.subarray(0, length),
  };
};
