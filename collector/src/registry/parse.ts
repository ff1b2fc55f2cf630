import { AppError } from '@jiwei/shared/errors.ts';
import type { z } from 'zod';
import type { Declaration, DeclarationError } from './declaration.ts';

export interface ParseOptions {
  /** Named in errors; relative rule files are looked for beside it. */
  readonly fileName: string;
  /** Options of each notifier kind: kind → strict zod object. */
  readonly notifierSchemas: ReadonlyMap<string, z.ZodType>;
  /** Text of a rule file, or null when it cannot be read. Left out: ruleFiles are refused. */
  readonly readRuleFile?: (path: string) => string | null;
}
export type ParseResult =
  | { readonly declaration: Declaration }
  | { readonly errors: readonly [DeclarationError, ...DeclarationError[]] };

/** Checks the text whole: all errors, ascending by place. Never throws for what the text holds. */
export const parseDeclaration = (_text: string, _options: ParseOptions): ParseResult => {
  throw new AppError('INTERNAL', 'not in this version');
};
/** `file:line:column: path: message`, one per line. */
export const declarationErrorText = (error: DeclarationError): string =>
  `${error.file}:${error.line}:${error.column}: ${error.path === '' ? '' : `${error.path}: `}${error.message}`;
