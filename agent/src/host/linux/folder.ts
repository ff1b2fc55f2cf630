import { readdir } from 'node:fs/promises';
import { isMissing } from '../missing.ts';

/** Names in a folder; null when it is not there. */
export const namesIn = async (folder: string): Promise<readonly string[] | null> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};
