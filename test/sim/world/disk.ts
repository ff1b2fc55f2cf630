import type { Disk } from '@jiwei/agent/spool/disk.ts';
import type { Random } from '../random.ts';

/** A write that is to be the last one of its process: after so many of its bytes. */
interface FatalWrite {
  /** Share of the piece that still gets to the disk, 0 to 1. */
  readonly share: number;
  onDeath(): void;
}

/** A disk that outlives its processes, and tells what a crash leaves of it. */
export interface SimDisk {
  /** The disk as the present process has it; after `cut` nothing of that process gets to it any more. */
  open(): Disk;
  /** The process is gone: whatever it still tries fails. */
  cut(): void;
  /** The machine lost power: what was not synced may be gone, files that were removed may be back. */
  losePower(random: Random): void;
  /** One bit is no longer what was written. @param share of all bytes that are there, from [0, 1) */
  turnBit(share: number, bit: number): void;
  /** While true every write fails with ENOSPC after half of the piece. */
  isFull: boolean;
  /** The next write that is longer than nothing kills its process. */
  fatalWrite: FatalWrite | null;
}

interface Content {
  bytes: Buffer;
  length: number;
  syncedBytes: number;
}

const systemError = (code: string, name: string): Error => Object.assign(new Error(`${code}: ${name}`), { code });

/** An empty disk. */
export const createSimDisk = (): SimDisk => {
  const files = new Map<string, Content>();
  /** Removed, but the folder was not synced since. */
  const removed = new Map<string, Content>();
  let process = { isCut: false };

  const grow = (content: Content, piece: Uint8Array): void => {
    if (content.length + piece.length > content.bytes.length) {
      const larger = Buffer.alloc(Math.max(1_024, 2 * (content.length + piece.length)));
      content.bytes.copy(larger, 0, 0, content.length);
      content.bytes = larger;
    }
    content.bytes.set(piece, content.length);
    content.length += piece.length;
  };

  /** @returns how much of the piece gets through; then, where that is not all, what becomes of the caller */
  const passes = (own: { isCut: boolean }, piece: Uint8Array): { readonly count: number; readonly end: (() => void) | null } => {
    if (own.isCut) throw systemError('EIO', 'the process is gone');
    const fatal = disk.fatalWrite;
    if (fatal !== null && piece.length > 0) {
      disk.fatalWrite = null;
      return { count: Math.floor(piece.length * fatal.share), end: fatal.onDeath };
    }
    return disk.isFull ? { count: Math.floor(piece.length / 2), end: null } : { count: piece.length, end: null };
  };

  const contentOf = (name: string): Content => {
    const content = files.get(name);
    if (content === undefined) throw systemError('ENOENT', name);
    return content;
  };

  const open = (): Disk => {
    const own = { isCut: false };
    process = own;
    const alive = (): void => {
      if (own.isCut) throw systemError('EIO', 'the process is gone');
    };
    return {
      list: () => {
        alive();
        return [...files.keys()];
      },
      sizeBytes: (name) => contentOf(name).length,
      read: (name, offset, count) => {
        const { bytes, length } = contentOf(name);
        return Buffer.from(bytes.subarray(Math.min(offset, length), Math.min(offset + count, length)));
      },
      create: (name) => {
        alive();
        if (files.has(name)) throw systemError('EEXIST', name);
        if (disk.isFull) throw systemError('ENOSPC', name);
        const content: Content = { bytes: Buffer.alloc(0), length: 0, syncedBytes: 0 };
        files.set(name, content);
        // The folder is synced with the new name, and so is what was removed before.
        removed.clear();
        return {
          append: (piece) => {
            const { count, end } = passes(own, piece);
            grow(content, piece.subarray(0, count));
            end?.();
            if (count < piece.length || end !== null) throw systemError(own.isCut ? 'EIO' : 'ENOSPC', name);
          },
          sync: async () => {
            if (own.isCut) throw systemError('EIO', name);
            content.syncedBytes = content.length;
          },
          close: () => undefined,
        };
      },
      replace: (name, bytes) => {
        const { count, end } = passes(own, bytes);
        // Written beside and renamed: unless all of it got through, the old content stays.
        if (end === null && count === bytes.length) {
          files.set(name, { bytes: Buffer.from(bytes), length: bytes.length, syncedBytes: bytes.length });
          removed.clear();
        }
        end?.();
        if (count < bytes.length || end !== null) throw systemError(own.isCut ? 'EIO' : 'ENOSPC', name);
      },
      overwrite: (name, offset, bytes) => {
        if (own.isCut) throw systemError('EIO', 'the process is gone');
        const content = contentOf(name);
        // It takes no room, so a full disk does it; a process may still end within it.
        const fatal = disk.fatalWrite;
        disk.fatalWrite = null;
        content.bytes.set(fatal === null ? bytes : bytes.subarray(0, Math.floor(bytes.length * fatal.share)), offset);
        fatal?.onDeath();
        if (fatal !== null) throw systemError('EIO', name);
      },
      sync: async (name) => {
        alive();
        const content = contentOf(name);
        content.syncedBytes = content.length;
      },
      remove: (name) => {
        alive();
        const content = files.get(name);
        if (content !== undefined) removed.set(name, content);
        files.delete(name);
      },
    };
  };

  const disk: SimDisk = {
    open,
    cut: () => {
      process.isCut = true;
    },
    losePower: (random) => {
      for (const [name, content] of removed) if (!files.has(name) && random.chance(0.5)) files.set(name, content);
      removed.clear();
      for (const content of files.values()) {
        content.length = random.whole(Math.min(content.syncedBytes, content.length), content.length);
        content.syncedBytes = content.length;
      }
    },
    turnBit: (share, bit) => {
      let place = Math.floor(share * [...files.values()].reduce((sum, { length }) => sum + length, 0));
      for (const content of files.values()) {
        if (place < content.length) {
          content.bytes[place] = (content.bytes[place] ?? 0) ^ (1 << bit);
          return;
        }
        place -= content.length;
      }
    },
    isFull: false,
    fatalWrite: null,
  };
  return disk;
};
