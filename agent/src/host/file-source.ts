import { close, open, openSync, read, readSync } from 'node:fs';
import { isMissing } from './missing.ts';
import { Scanner } from './scanner.ts';

/**
 * How the kernel gives a file, and so when a read was the last one: every read saved is a turn of the thread pool.
 * `whole`: in one piece (sysfs attributes, /proc/sys, single-record files such as /proc/stat); a read that leaves room was the last.
 * `lines`: page by page, in records well below 512 bytes; a piece that leaves more room than that in its page was the last.
 * `pieces`: page by page in records of any length (mounts); the last read gives nothing.
 */
export type FileShape = 'whole' | 'lines' | 'pieces';

/** Reads the small files of /proc and /sys, keeping descriptors open and buffers in use again. */
export interface FileSource {
  /**
   * @param parse gets the content and must be done with it when it returns: the buffer is used again
   * @returns what `parse` returned, or null when the file is not there
   * @throws the system's error; an Error when it is longer than `fileBytesMax`
   */
  read<Value>(path: string, shape: FileShape, parse: (scanner: Scanner) => Value): Promise<Value | null>;
  /**
   * As `read`, but on this thread, for half the CPU time: only for files that the kernel itself answers from memory (/proc/self/net,
   * /proc/sys, plain attributes of /sys/class/net). Not for what a driver, a firmware or a file system in user space (lxcfs) may answer.
   */
  readAtOnce<Value>(path: string, shape: FileShape, parse: (scanner: Scanner) => Value): Promise<Value | null>;
  /** Closes what was kept open. */
  close(): void;
}

/** Descriptors kept open: enough for the fixed files and the attributes of a dozen network devices; others are opened each time. */
const keptFilesMax = 256;
const bufferBytes = 16 * 1024;
/** /proc/net/udp and /proc/mounts of a host with thousands of containers stay below. */
const fileBytesMax = 4 * 1024 * 1024;
const buffersFreeMax = 8;

/** A source over the real file system. */
export const createFileSource = (): FileSource => {
  const kept = new Map<string, number>();
  const free: Buffer[] = [];
  let isClosed = false;

  const readOnce = async <Value>(io: Io, path: string, fd: number, shape: FileShape, parse: (scanner: Scanner) => Value) => {
    let buffer = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    let filledBytes = 0;
    for (;;) {
      const gotBytes = await io.readAt(fd, buffer, filledBytes);
      filledBytes += gotBytes;
      if (filledBytes < buffer.length) {
        if (isLast(shape, gotBytes)) break;
        continue;
      }
      if (gotBytes === 0) break;
      if (buffer.length >= fileBytesMax) throw new Error(`${path} is longer than ${fileBytesMax} bytes`);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
    const value = parse(new Scanner(buffer, filledBytes));
    if (buffer.length === bufferBytes && free.length < buffersFreeMax) free.push(buffer);
    return value;
  };

  const readWith = async <Value>(io: Io, path: string, shape: FileShape, parse: (scanner: Scanner) => Value) => {
    const keptFd = kept.get(path);
    // Taken out while it is read, so that a hung read is never joined by a second one on the same descriptor.
    if (keptFd !== undefined) kept.delete(path);
    let fd = keptFd ?? -1;
    try {
      if (fd < 0) fd = await io.openFile(path);
      const value = await readOnce(io, path, fd, shape, parse);
      if (!isClosed && kept.size < keptFilesMax && !kept.has(path)) {
        kept.set(path, fd);
        fd = -1;
      }
      return value;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    } finally {
      if (fd >= 0) closeFile(fd);
    }
  };

  return {
    read: (path, shape, parse) => readWith(onThreads, path, shape, parse),
    readAtOnce: (path, shape, parse) => readWith(atOnce, path, shape, parse),
    close: () => {
      isClosed = true;
      for (const fd of kept.values()) closeFile(fd);
      kept.clear();
    },
  };
};

const pageBytesMin = 4_096;
const recordBytesMax = 512;
const isLast = (shape: FileShape, gotBytes: number): boolean =>
  gotBytes === 0 || shape === 'whole' || (shape === 'lines' && gotBytes < pageBytesMin - recordBytesMax);

// Callbacks instead of FileHandle: half the garbage and a third of the time per read, and nothing to be collected late.
const openFile = (path: string): Promise<number> =>
  new Promise((resolve, reject) => open(path, 'r', (error, fd) => (error === null ? resolve(fd) : reject(error))));

const readAt = (fd: number, buffer: Buffer, at: number): Promise<number> =>
  new Promise((resolve, reject) =>
    read(fd, buffer, at, buffer.length - at, at, (error, gotBytes) => (error === null ? resolve(gotBytes) : reject(error))),
  );

interface Io {
  openFile(path: string): number | Promise<number>;
  readAt(fd: number, buffer: Buffer, at: number): number | Promise<number>;
}
const onThreads: Io = { openFile, readAt };
const atOnce: Io = {
  openFile: (path) => openSync(path, 'r'),
  readAt: (fd, buffer, at) => readSync(fd, buffer, at, buffer.length - at, at),
};

const closeFile = (fd: number): void => close(fd, () => undefined);
