import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';

/** Fast, and already a tenth of the size: scrapes are many and die young. */
const gzipLevel = 1;

/**
 * Sends the body of an answer whose head is written, chunk by chunk, and ends it. The next chunk is asked for when the one before has left the
 * process or was packed, so that whoever makes them may use the memory again, and a slow reader holds up one chunk and no more.
 * @returns when all is sent or the reader went away
 * @throws what the chunks throw; the connection is then cut, because an end would pass for a whole answer
 */
export const sendChunks = async (
  response: ServerResponse,
  chunks: AsyncGenerator<Buffer, void, undefined>,
  isPacked: boolean,
): Promise<void> => {
  const target = isPacked ? createGzip({ level: gzipLevel }) : response;
  if (target !== response) {
    target.pipe(response);
    response.once('close', () => target.destroy());
  }
  try {
    for await (const chunk of chunks) if (!(await isWritten(target, chunk))) return;
    target.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
};

/** Waits until the chunk is no longer needed; false when the reader is gone. */
const isWritten = (target: Writable, chunk: Buffer): Promise<boolean> =>
  new Promise((resolve) => {
    if (target.destroyed) {
      resolve(false);
      return;
    }
    const onClose = (): void => resolve(false);
    target.once('close', onClose);
    target.write(chunk, (error) => {
      target.off('close', onClose);
      resolve(!error);
    });
  });
