import { readFileSync } from 'node:fs';

/**
 * Reads a rule file a declaration names.
 * @param path as the registry resolved it, beside the declaration
 * @returns its text, or null when it cannot be read (the declaration is then refused, naming the path)
 */
export const readRuleFile = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Whatever the reason, the caller's error names the file; a fault that is none of the file system's is a bug.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
};
