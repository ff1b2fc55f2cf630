/**
 * One folder of files, as the spool and the state need it: small enough for a simulated disk that loses power at any byte.
 * Names are plain file names. Everything throws the system's error (`code` ENOSPC, EIO …) when the disk fails.
 */
export interface Disk {
  /** Names of the files, in no order. */
  list(): readonly string[];
  sizeBytes(name: string): number;
  /** Up to `count` bytes from `offset`; fewer only at the end of the file. */
  read(name: string, offset: number, count: number): Uint8Array;
  /** A new file to append to; it must not exist. */
  create(name: string): DiskFile;
  /** Replaces the whole file; after a crash at any point the old or the new content is there. Durable when it returns. */
  replace(name: string, bytes: Uint8Array): void;
  /** Writes over bytes the file has, which needs no room; a crash may leave any part of them written. Durable when it returns. */
  overwrite(name: string, offset: number, bytes: Uint8Array): void;
  /** Makes what is in the file durable, whoever wrote it. */
  sync(name: string): Promise<void>;
  /** Does nothing when the file is not there. */
  remove(name: string): void;
}

/** A file open for appending. What was appended survives the process at once, the machine only after `sync`. */
export interface DiskFile {
  append(bytes: Uint8Array): void;
  sync(): Promise<void>;
  close(): void;
}

/** Whether the disk, or the share of it that this user may have, has no room left. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
