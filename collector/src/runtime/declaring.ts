import { AppError } from '@jiwei/shared/errors.ts';
import type { z } from 'zod';
import type { Declaration, DeclarationError } from '../registry/declaration.ts';
import { declarationErrorText, parseDeclaration } from '../registry/parse.ts';

/** What parsing a declaration needs besides its text. */
export interface DeclarationReader {
  readonly notifierSchemas: ReadonlyMap<string, z.ZodType>;
  readRuleFile(path: string): string | null;
}

/** A declaration that was refused whole: `errors` holds every fault with its place. */
export class DeclarationRefused extends AppError {
  readonly errors: readonly DeclarationError[];
  constructor(errors: readonly DeclarationError[]) {
    super('CONFIG_INVALID', errors.map(declarationErrorText).join('\n'));
    this.name = 'DeclarationRefused';
    this.errors = errors;
  }
}

/** @throws DeclarationRefused naming all that is wrong with the text */
export const readDeclaration = (text: string, source: string, reader: DeclarationReader): Declaration => {
  const parsed = parseDeclaration(text, {
    fileName: source,
    notifierSchemas: reader.notifierSchemas,
    readRuleFile: reader.readRuleFile,
  });
  if ('errors' in parsed) throw new DeclarationRefused(parsed.errors);
  return parsed.declaration;
};
