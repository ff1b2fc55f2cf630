import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder for its owner alone, and every missing one above it; one that is there already stays as it is.
 * Not by `mkdir` with `recursive`: where the parent is there and still nothing can be made in it (`/proc`), Node asks for ever.
 * @throws the system's error of the first folder that cannot be made
 */
export const makeFolder = (path: string): void => {
  if (isThere(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it in between.
    if (!isThere(path)) throw error;
  }
};

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
