/** Ends a program of the tests whose command line is wrong: said in words, exit code 2. A run that tested nothing must not look like a good one. */
export const refuse = (program: string, problem: string): never => {
  console.error(`${program}: ${problem}`);
  process.exit(2);
};

/** What `read` gives; what it throws is what is wrong with the command line. */
export const readOrRefuse = async <T>(program: string, read: () => T | Promise<T>): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    return refuse(program, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
};

/** The bounds of a number, both included. */
export interface NumberBounds {
  readonly least: number;
  readonly most: number;
  /** Parts of one are taken too. */
  readonly isFraction?: true;
}

/** @throws Error with the option, its value and what is needed */
export const numberIn = (option: string, text: string, { least, most, isFraction }: NumberBounds): number => {
  const number = (isFraction === true ? /^\d+(\.\d+)?$/ : /^\d+$/).test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`${option} is "${text}"; a ${isFraction === true ? '' : 'whole '}number from ${least} to ${most} is needed`);
};
