import { limits } from '@jiwei/shared/limits.ts';
import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { readPlainFile } from '@jiwei/shared/plain-file.ts';

/** Text of a file on the agent's host; rejects when it cannot be read, or with the signal's reason. */
export type ReadNamedFile = (path: string, signal: AbortSignal) => Promise<string>;

/**
 * Reads one file at a time, and each once for all who ask meanwhile: a read cannot be cancelled, and on a file system that hangs it keeps one of
 * the four threads that Node has for files and names. Whoever waits is let go by the signal.
 * @param read all of a file, or a stand-in
 */
export const createNamedFileReader = (
  read: (path: string) => Promise<Buffer> = (path) => readPlainFile(path, limits.namedFileBytesMax),
): ReadNamedFile => {
  let current: { readonly path: string; readonly text: Promise<string> } | null = null;
  return async (path, signal) => {
    while (current !== null && current.path !== path) await orAborted(current.text.then(nothing, nothing), signal);
    if (current === null) {
      const text = read(path).then((bytes) => bytes.toString());
      current = { path, text };
      const free = (): void => {
        current = null;
      };
      text.then(free, free);
    }
    return orAborted(current.text, signal);
  };
};

const nothing = (): void => undefined;
