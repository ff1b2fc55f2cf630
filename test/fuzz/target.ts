import { AppError, type ErrorCode } from '@jiwei/shared/errors.ts';

/** One decoder of the product, as the fuzzer sees it. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that reach deep; they are run as they are and mutated. */
  readonly corpus: readonly Uint8Array[];
  /** Pieces the decoder knows: keywords, field names, heads. Put in whole. */
  readonly words: readonly string[];
  readonly inputBytesMax: number;
  /** Stands between the parts of an input that is a sequence; parts are then mutated one by one. */
  readonly separator?: string;
  /** With these codes it may refuse. Any other error is a find. */
  readonly refusals: readonly ErrorCode[];
  /** What one input may make at most, in the units that `run` counts. Work is counted, because time differs from machine to machine. */
  readonly workMax: number;
  /** Mutated inputs of the bounded run; a decoder behind a real socket gets fewer. */
  readonly boundedInputs: number;
  /**
   * The same input reaches other code each time (timers, what a server remembers), so that reaching something new says nothing about the
   * input: a long run then mutates the corpus alone.
   */
  readonly isUnguided?: true;
  /** Makes checksums right again, so that mutated inputs get past them. Applied to most inputs, not to all. */
  readonly mend?: (bytes: Uint8Array) => Uint8Array;
  /**
   * Gives the decoder the bytes, and asserts what must be true of what it makes of them.
   * @returns the work done: values made, messages sent; 0 when that is not to be counted
   * @throws AppError with one of `refusals`
   */
  run(bytes: Uint8Array): number | Promise<number>;
  close?(): Promise<void>;
}

/** What one input did. `find` is what must not happen. */
export type Verdict =
  | { readonly kind: 'taken'; readonly work: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode }
  | { readonly kind: 'find'; readonly problem: string; readonly stack: string };

/** Runs one input and judges what happened. */
export const judge = async (target: FuzzTarget, bytes: Uint8Array): Promise<Verdict> => {
  try {
    const done = target.run(bytes);
    // A decoder that is not asynchronous must not cost a turn of the event loop: millions are run.
    const work = typeof done === 'number' ? done : await done;
    if (work <= target.workMax) return { kind: 'taken', work };
    return { kind: 'find', problem: `made ${work} of at most ${target.workMax}`, stack: '' };
  } catch (error) {
    if (error instanceof AppError && target.refusals.includes(error.code)) return { kind: 'refused', code: error.code };
    const code = error instanceof AppError ? `${error.code}: ` : '';
    const problem = `${code}${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    return { kind: 'find', problem, stack: error instanceof Error ? (error.stack ?? '') : '' };
  }
};

/** JSON as bytes, for corpora. */
export const jsonBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

/** Parts of a sequence; texts as they are. */
export const partsOf = (bytes: Uint8Array, separator: string): Buffer[] => {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = whole.indexOf(separator); at >= 0; at = whole.indexOf(separator, from)) {
    parts.push(whole.subarray(from, at));
    from = at + Buffer.byteLength(separator);
  }
  parts.push(whole.subarray(from));
  return parts;
};

/** The sequence of these parts. */
export const joinParts = (parts: readonly (Uint8Array | string)[], separator: string): Uint8Array =>
  Buffer.concat(parts.flatMap((part, index) => [...(index > 0 ? [Buffer.from(separator)] : []), Buffer.from(part as string)]));
