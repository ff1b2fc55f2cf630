import type { Disk } from '@jiwei/agent/spool/disk.ts';

/** A disk in memory that can fail, and whose files can be looked at and hurt. */
export interface MemoryDisk extends Disk {
  readonly files: Map<string, Buffer>;
  /** Bytes that may still be written; then ENOSPC, after half of the piece. */
  roomBytes: number;
  /** While true, nothing can be written (EIO). */
  isBroken: boolean;
  /** How often `sync` was called. */
  syncs: number;
  /** The disk as power loss leaves it: what was not synced is gone. */
  afterPowerLoss(): MemoryDisk;
}

/** @param initiallySynced bytes of each file that power loss leaves; without it, all that is there */
export const createMemoryDisk = (
  initial: ReadonlyMap<string, Buffer> = new Map(),
  initiallySynced?: ReadonlyMap<string, number>,
): MemoryDisk => {
  const files = new Map<string, Buffer>(initial);
  const synced = new Map<string, number>(initiallySynced ?? [...files].map(([name, bytes]) => [name, bytes.length] as const));
  const contentOf = (name: string): Buffer => {
    const content = files.get(name);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return content;
  };
  const take = (bytes: Uint8Array): Uint8Array => {
    if (disk.isBroken) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    if (bytes.length <= disk.roomBytes) {
      disk.roomBytes -= bytes.length;
      return bytes;
    }
    return bytes.subarray(0, Math.floor(bytes.length / 2));
  };
  const disk: MemoryDisk = {
    files,
    roomBytes: Number.POSITIVE_INFINITY,
    isBroken: false,
    syncs: 0,
    afterPowerLoss: () =>
      createMemoryDisk(new Map([...files].map(([name, bytes]) => [name, bytes.subarray(0, synced.get(name) ?? 0)] as const))),
    list: () => [...files.keys()],
    sizeBytes: (name) => contentOf(name).length,
    read: (name, offset, count) => Buffer.from(contentOf(name).subarray(offset, offset + count)),
    create: (name) => {
      if (files.has(name)) throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' });
      files.set(name, Buffer.alloc(0));
      return {
        append: (bytes) => {
          const taken = take(bytes);
          files.set(name, Buffer.concat([contentOf(name), taken]));
          if (taken.length < bytes.length) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        },
        sync: async () => {
          disk.syncs += 1;
          synced.set(name, files.get(name)?.length ?? 0);
        },
        close: () => undefined,
      };
    },
    replace: (name, bytes) => {
      const taken = take(bytes);
      if (taken.length < bytes.length) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      files.set(name, Buffer.from(bytes));
      synced.set(name, bytes.length);
    },
    overwrite: (name, offset, bytes) => {
      if (disk.isBroken) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      const content = Buffer.from(contentOf(name));
      content.set(bytes, offset);
      files.set(name, content);
    },
    sync: async (name) => {
      synced.set(name, contentOf(name).length);
    },
    remove: (name) => {
      disk.roomBytes += files.get(name)?.length ?? 0;
      files.delete(name);
    },
  };
  return disk;
};
