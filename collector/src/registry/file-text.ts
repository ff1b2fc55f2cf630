import { AppError, messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { readPlainFile, readPlainFileSync } from '@jiwei/shared/plain-file.ts';
import { declarationErrorText } from './error-text.ts';
import { decodeUtf8 } from './utf8.ts';

/** The text of a file, or why there is none: CONFIG_UNREADABLE, or CONFIG_INVALID when it is not UTF-8. */
export type FileText = { readonly text: string } | { readonly error: AppError };

const bytesMax = limits.declarationBytesMax;

/** Reads a file of at most the declaration's size. */
export const readText = async (path: string): Promise<FileText> => {
  try {
    return textOf(await readPlainFile(path, bytesMax), path);
  } catch (error) {
    return unreadable(path, error);
  }
};

/** The same at once: files that a text names are known only while it is parsed. */
export const readTextNow = (path: string): FileText => {
  try {
    return textOf(readPlainFileSync(path, bytesMax), path);
  } catch (error) {
    return unreadable(path, error);
  }
};

const textOf = (bytes: Buffer, path: string): FileText => {
  const decoded = decodeUtf8(bytes, path);
  return 'text' in decoded ? decoded : { error: new AppError('CONFIG_INVALID', declarationErrorText(decoded.error)) };
};

const unreadable = (path: string, cause: unknown): FileText => ({
  error: new AppError('CONFIG_UNREADABLE', `cannot read ${path}: ${messageOf(cause)}`, { cause }),
});

/** The text itself. @throws AppError saying why there is none */
export const textOrThrow = (found: FileText): string => {
  if ('error' in found) throw found.error;
  return found.text;
};

/** Whether two looks at a file found the same. */
export const isSameText = (left: FileText, right: FileText): boolean =>
  'text' in left ? 'text' in right && left.text === right.text : 'error' in right && left.error.message === right.error.message;
