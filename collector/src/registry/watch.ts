import type { Clock } from '@jiwei/shared/clock.ts';
import { AppError } from '@jiwei/shared/errors.ts';

export interface FileWatch {
  /** Stops; no callback comes after it resolves. */
  close(): Promise<void>;
}
/**
 * Calls back with the file's text whenever its content changed (not with the text at the start), debounced; with an AppError
 * (CONFIG_UNREADABLE) when it cannot be read. What is in force stays in force: whoever is called decides.
 */
export const watchFile = (
  _path: string,
  _clock: Clock,
  _onChange: (change: { readonly text: string } | { readonly error: AppError }) => void,
): Promise<FileWatch> => {
  throw new AppError('INTERNAL', 'not in this version');
};
