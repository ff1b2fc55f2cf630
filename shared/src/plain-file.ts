import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

/** Opening must not wait, as it does for a pipe until somebody writes into it. Windows knows no such flag, and no such files. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Read at once from a file that claims no size, as those of /proc do. */
const chunkBytesLeast = 4_096;

/** What is read, chunk by chunk, as far as that is allowed. */
const gather = (stat: Stats, bytesMax: number) => {
  if (!stat.isFile()) throw new Error('it is no regular file (a folder, a device or a pipe), and only such a file is read');
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    chunkBytes: Math.min(bytesMax, Math.max(stat.size, chunkBytesLeast)) + 1,
    take: (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bytesMax) throw new Error(`it has more than ${bytesMax} bytes, and no more is read of such a file`);
    },
    whole: (): Buffer => Buffer.concat(chunks),
  };
};

/**
 * Reads a file that a person or a declaration named: a regular one of at most so many bytes. A device that never ends or a pipe that nobody
 * writes into would take all memory, or a thread for good.
 * @throws Error saying why, without the path
 */
export const readPlainFile = async (path: string, bytesMax: number): Promise<Buffer> => {
  const file = await open(path, openFlags);
  try {
    const { chunkBytes, take, whole } = gather(await file.stat(), bytesMax);
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, null);
      if (bytesRead === 0) return whole();
      take(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
};

/** The same for programs that have nothing else to do until they know what it says. */
export const readPlainFileSync = (path: string, bytesMax: number): Buffer => {
  const file = openSync(path, openFlags);
  try {
    const { chunkBytes, take, whole } = gather(fstatSync(file), bytesMax);
    for (;;) {
      const buffer = Buffer.alloc(chunkBytes);
      const bytesRead = readSync(file, buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return whole();
      take(buffer.subarray(0, bytesRead));
    }
  } finally {
    closeSync(file);
  }
};
