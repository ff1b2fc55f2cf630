import { limits } from '@jiwei/shared/limits.ts';
import { readPlainFileSync } from '@jiwei/shared/plain-file.ts';

/**
 * Reads a rule file a declaration names.
 * @param path as the registry resolved it, beside the declaration
 * @returns its text, or null when it cannot be read (the declaration is then refused, naming the path)
 */
export const readRuleFile = (path: string): string | null => {
  try {
    return readPlainFileSync(path, limits.declarationBytesMax).toString();
  } catch {
    // Whatever the reason, the caller's error names the file.
    return null;
  }
};
