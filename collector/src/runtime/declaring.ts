import { AppError } from '@jiwei/shared/errors.ts';
import type { z } from 'zod';
import type { Declaration, DeclarationError } from '../registry/declaration.ts';
import { declarationErrorText } from '../registry/error-text.ts';
import type { FileText } from '../registry/file-text.ts';
import { withRulesInline } from '../registry/inline-rules.ts';
import { parseDeclaration } from '../registry/parse.ts';

/** What parsing a declaration needs besides its text. */
export interface DeclarationReader {
  readonly notifierSchemas: ReadonlyMap<string, z.ZodType>;
  /** Left out where the text did not come from a file of this machine: it may then name no rule files. */
  readonly readRuleFile?: (path: string) => FileText;
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

/** A declaration with the text to store: whole, so that a restart needs no other file. */
export interface WholeDeclaration {
  readonly declaration: Declaration;
  readonly text: string;
}

/** @throws DeclarationRefused naming all that is wrong with the text */
export const readDeclaration = (text: string, source: string, reader: DeclarationReader): WholeDeclaration => {
  const parsed = parseDeclaration(text, { fileName: source, ...reader });
  if ('errors' in parsed) throw new DeclarationRefused(parsed.errors);
  const whole = reader.readRuleFile === undefined ? text : withRulesInline(text, source, reader.readRuleFile);
  return { declaration: parsed.declaration, text: whole };
};
