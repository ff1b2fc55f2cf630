const missingCodes = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR', 'EOPNOTSUPP', 'ESRCH']);

/** The code of a system error, or an empty text. */
export const systemCodeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Whether a system error says that a file, or the device or process behind it, is not there. */
export const isMissing = (error: unknown): boolean => missingCodes.has(systemCodeOf(error));
