import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Finds rule files beside the declaration that names them.
 * @returns reads one by its path as written: its text, or null when it cannot be read (the declaration is then refused, naming the path)
 */
export const ruleFileReader =
  (declarationFile: string | null) =>
  (path: string): string | null => {
    try {
      return readFileSync(resolve(declarationFile === null ? '.' : dirname(declarationFile), path), 'utf8');
    } catch (error) {
      // Whatever the reason, the caller's error names the file; a fault that is none of the file system's is a bug.
      if (error instanceof Error && 'code' in error) return null;
      throw error;
    }
  };
