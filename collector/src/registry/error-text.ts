import type { DeclarationError } from './declaration.ts';

/** `file:line:column: path: message`. */
export const declarationErrorText = (error: DeclarationError): string =>
  `${error.file}:${error.line}:${error.column}: ${error.path === '' ? '' : `${error.path}: `}${error.message}`;
