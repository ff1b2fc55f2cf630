import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Inputs that were a find once, one file each; every one is run again by `npm test`. */
const foundFolder = (name: string): string => join(import.meta.dirname, 'found', name);
/** Inputs that reached code no other input reached: a line each, base64. */
const corpusFile = (name: string): string => join(import.meta.dirname, 'corpus', `${name}.txt`);
/** Kept in the repository for each target: enough to begin the next run where this one ended. */
const corpusBytesMax = 48 * 1024;
const corpusInputBytesMax = 2_048;

export const foundCases = (name: string): { readonly file: string; readonly bytes: Buffer }[] =>
  existsSync(foundFolder(name))
    ? readdirSync(foundFolder(name))
        .sort()
        .map((file) => ({ file, bytes: readFileSync(join(foundFolder(name), file)) }))
    : [];

/** @returns the path of the file */
export const saveFind = (name: string, bytes: Uint8Array): string => {
  mkdirSync(foundFolder(name), { recursive: true });
  const path = join(foundFolder(name), `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, bytes);
  return path;
};

export const keptCorpus = (name: string): Buffer[] =>
  existsSync(corpusFile(name))
    ? readFileSync(corpusFile(name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => Buffer.from(line, 'base64'))
    : [];

/** Keeps the small ones, in the order they were found, as far as there is room. */
export const keepCorpus = (name: string, inputs: readonly Uint8Array[]): number => {
  const lines: string[] = [];
  let bytes = 0;
  for (const input of inputs) {
    const line = Buffer.from(input).toString('base64');
    if (input.length === 0 || input.length > corpusInputBytesMax || bytes + line.length > corpusBytesMax) continue;
    lines.push(line);
    bytes += line.length + 1;
  }
  mkdirSync(join(import.meta.dirname, 'corpus'), { recursive: true });
  writeFileSync(corpusFile(name), lines.map((line) => `${line}\n`).join(''));
  return lines.length;
};
