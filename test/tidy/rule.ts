import type { SourceFile } from './source.ts';

/** A breach of a house rule: `path:line: what is wrong`. */
export type Violation = string;

/** One house rule over all files of the repository's own code. */
export interface Rule {
  readonly name: string;
  check(files: readonly SourceFile[]): Violation[];
  /** Small repositories that break it, and where: the proof that the rule can fail. */
  readonly seeded: readonly { readonly at: string; readonly files: Readonly<Record<string, string>> }[];
}
