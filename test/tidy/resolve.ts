import { posix } from 'node:path';

const packageRoots: Readonly<Record<string, string>> = {
  '@jiwei/shared/': 'shared/src/',
  '@jiwei/agent/': 'agent/src/',
  '@jiwei/collector/': 'collector/src/',
};

/** The repository path an import leads to, or null when it leads out of the repository (a package or a part of Node). */
export const resolveImport = (fromPath: string, specifier: string): string | null => {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(fromPath), specifier));
  const root = Object.keys(packageRoots).find((prefix) => specifier.startsWith(prefix));
  return root === undefined ? null : `${packageRoots[root]}${specifier.slice(root.length)}`;
};
