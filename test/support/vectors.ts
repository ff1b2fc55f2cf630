import { readFileSync } from 'node:fs';

/** Some bytes of a message and what they mean. */
export interface Part {
  readonly hex: string;
  readonly means: string;
}

/** A file of shared/vectors, read as what it is said to hold. */
export const vectorsOf = <T>(name: string, list = 'vectors'): readonly T[] => {
  const file: Readonly<Record<string, readonly T[]>> = JSON.parse(
    readFileSync(new URL(`../../shared/vectors/${name}.json`, import.meta.url), 'utf8'),
  );
  return file[list] ?? [];
};

/** The message the parts make. */
export const bytesOf = (parts: readonly Part[]): Buffer => Buffer.from(parts.map(({ hex }) => hex).join(''), 'hex');
