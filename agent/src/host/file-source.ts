import { close, open, openSync, read, readSync, statfs } from 'node:fs';
import type { Clock } from '@jiwei/shared/clock.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { isMissing } from './missing.ts';
import { Scanner } from './scanner.ts';

/**
 * How the kernel gives a file, and so when a read was the last one: every read saved is a turn of the thread pool.
 * `whole`: in one piece (sysfs attributes, /proc/sys, single-record files such as /proc/stat); a read that leaves room was the last.
 * `lines`: page by page, in records well below 512 bytes; a piece that leaves more room than that in its page was the last.
 * `pieces`: page by page in records of any length (mounts); the last read gives nothing.
 */
export type FileShape = 'whole' | 'lines' | 'pieces';

/** An answer that may be there at once. */
export type Answer<Value> = Value | Promise<Value>;

/** Reads the small files of /proc and /sys, keeping descriptors open and buffers in use again. */
export interface FileSource {
  /**
   * Files of which procfs itself answers are read on this thread from the second time on, as by `readAtOnce`: the kernel does not make us
   * wait for them. In containers lxcfs may lie over some of them, a program that can hang.
   * @param parse gets the content and must be done with it when it returns: the buffer is used again
   * @returns what `parse` returned, or null when the file is not there
   * @throws the system's error; an Error when it is longer than `fileBytesMax`
   */
  read<Value>(path: string, shape: FileShape, parse: (scanner: Scanner) => Value): Answer<Value | null>;
  /**
   * As `read`, but on this thread, for a fraction of the CPU time: only for files that the kernel itself answers from memory
   * (/proc/self/net, /proc/sys, plain attributes of /sys/class/net). Not for what a driver, a firmware or a file system in user space may
   * answer.
   */
  readAtOnce<Value>(path: string, shape: FileShape, parse: (scanner: Scanner) => Value): Value | null;
  /** Closes what was kept open. */
  close(): void;
}

/** Descriptors kept open: enough for the fixed files and the attributes of a dozen network devices; others are opened each time. */
const keptFilesMax = 256;
const bufferBytes = 16 * 1024;
/** /proc/net/udp and /proc/mounts of a host with thousands of containers stay below. */
const fileBytesMax = 4 * 1024 * 1024;
const buffersFreeMax = 8;

/** A file that is not there is looked for again after this time: each failing look costs more than a reading. */
const missingMs = minuteMs;
/** Paths remembered as missing; devices come and go. */
const missingPathsMax = 1_000;

/** A source over the real file system. */
export const createFileSource = (clock: Pick<Clock, 'monotonicMs'>): FileSource => {
  const kept = new Map<string, number>();
  /** Paths whose kept descriptor is procfs's own. */
  const ofKernel = new Set<string>();
  /** When to look again for what was not there. */
  const missing = new Map<string, number>();
  const free: Buffer[] = [];
  let isClosed = false;

  const isKnownMissing = (path: string): boolean => {
    const againMs = missing.get(path);
    if (againMs === undefined) return false;
    if (clock.monotonicMs() < againMs) return true;
    missing.delete(path);
    return false;
  };
  /** @returns null when the error says that the file is not there */
  const missed = (path: string, error: unknown): null => {
    if (!isMissing(error)) throw error;
    if (missing.size >= missingPathsMax) missing.clear();
    missing.set(path, clock.monotonicMs() + missingMs);
    return null;
  };

  /** Taken out while it is read, so that a hung read is never joined by a second one on the same descriptor. */
  const takeKept = (path: string): number | null => {
    const fd = kept.get(path) ?? null;
    if (fd !== null) kept.delete(path);
    return fd;
  };
  const giveBack = (path: string, fd: number): void => {
    if (!isClosed && kept.size < keptFilesMax && !kept.has(path)) kept.set(path, fd);
    else closeFile(fd);
  };
  const drop = (path: string, fd: number | null): void => {
    ofKernel.delete(path);
    if (fd !== null) closeFile(fd);
  };

  const take = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  const grown = (path: string, buffer: Buffer): Buffer => {
    if (buffer.length >= fileBytesMax) throw new Error(`${path} is longer than ${fileBytesMax} bytes`);
    return Buffer.concat([buffer], buffer.length * 2);
  };
  const parsed = <Value>(buffer: Buffer, filledBytes: number, parse: (scanner: Scanner) => Value): Value => {
    const value = parse(new Scanner(buffer, filledBytes));
    if (buffer.length === bufferBytes && free.length < buffersFreeMax) free.push(buffer);
    return value;
  };

  const readAtOnce: FileSource['readAtOnce'] = (path, shape, parse) => {
    if (isKnownMissing(path)) return null;
    let fd = takeKept(path);
    try {
      fd ??= openSync(path, 'r');
      let buffer = take();
      for (let filledBytes = 0; ; ) {
        const gotBytes = readSync(fd, buffer, filledBytes, buffer.length - filledBytes, filledBytes);
        filledBytes += gotBytes;
        if (isWhole(shape, gotBytes, filledBytes, buffer.length)) {
          const value = parsed(buffer, filledBytes, parse);
          giveBack(path, fd);
          return value;
        }
        if (filledBytes === buffer.length) buffer = grown(path, buffer);
      }
    } catch (error) {
      drop(path, fd);
      return missed(path, error);
    }
  };

  const readOnThreads = async <Value>(
    path: string,
    shape: FileShape,
    parse: (scanner: Scanner) => Value,
  ): Promise<Value | null> => {
    let fd = takeKept(path);
    try {
      if (fd === null) {
        fd = await openFile(path);
        // Looked at while there is time: from a thread.
        if (shape !== 'pieces' && (await isOnProcfs(path))) ofKernel.add(path);
      }
      let buffer = take();
      for (let filledBytes = 0; ; ) {
        const gotBytes = await readAt(fd, buffer, filledBytes);
        filledBytes += gotBytes;
        if (isWhole(shape, gotBytes, filledBytes, buffer.length)) {
          const value = parsed(buffer, filledBytes, parse);
          giveBack(path, fd);
          return value;
        }
        if (filledBytes === buffer.length) buffer = grown(path, buffer);
      }
    } catch (error) {
      drop(path, fd);
      return missed(path, error);
    }
  };

  return {
    read: (path, shape, parse) => {
      if (isKnownMissing(path)) return null;
      return ofKernel.has(path) && kept.has(path) ? readAtOnce(path, shape, parse) : readOnThreads(path, shape, parse);
    },
    readAtOnce,
    close: () => {
      isClosed = true;
      for (const fd of kept.values()) closeFile(fd);
      kept.clear();
    },
  };
};

const pageBytesMin = 4_096;
const recordBytesMax = 512;
/** Whether all of the file is in the buffer after a read; a buffer that is full has to grow first. */
const isWhole = (shape: FileShape, gotBytes: number, filledBytes: number, roomBytes: number): boolean => {
  if (gotBytes === 0) return true;
  if (filledBytes === roomBytes) return false;
  return shape === 'whole' || (shape === 'lines' && gotBytes < pageBytesMin - recordBytesMax);
};

// Callbacks instead of FileHandle: half the garbage and a third of the time per read, and nothing to be collected late.
const openFile = (path: string): Promise<number> =>
  new Promise((resolve, reject) => open(path, 'r', (error, fd) => (error === null ? resolve(fd) : reject(error))));

const readAt = (fd: number, buffer: Buffer, at: number): Promise<number> =>
  new Promise((resolve, reject) =>
    read(fd, buffer, at, buffer.length - at, at, (error, gotBytes) => (error === null ? resolve(gotBytes) : reject(error))),
  );

/** PROC_SUPER_MAGIC of statfs(2). What cannot be found out is not taken for the kernel's. */
const procfsType = 0x9fa0;
const isOnProcfs = (path: string): Promise<boolean> =>
  new Promise((resolve) => statfs(path, (error, stats) => resolve(error === null && stats.type === procfsType)));

const closeFile = (fd: number): void => close(fd, () => undefined);
