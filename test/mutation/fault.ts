/** One deliberate fault: a single change of the product that breaks one rule, and that some test must notice. */
export interface Fault {
  /** Unique, kebab-case; `npm run mutate -- ID` runs it alone. */
  readonly id: string;
  /** The rule it breaks, as a sentence that holds of the product. */
  readonly rule: string;
  /** Path of the file from the root of the repository. */
  readonly file: string;
  /** Text that stands exactly once in the file, and what stands there instead. */
  readonly find: string;
  readonly replace: string;
}

/** The parts of the product whose rules are broken, each with the tests that ought to notice, quick ones first. */
export const areas = ['engine', 'link', 'spool', 'session', 'runtime', 'store', 'notify', 'bounds', 'access'] as const;
export type Area = (typeof areas)[number];

/** @throws Error when the text does not stand exactly once: the fault must then be written anew for the code as it is */
export const breakSource = (fault: Fault, source: string): string => {
  const places = source.split(fault.find).length - 1;
  if (places !== 1) throw new Error(`${fault.id}: its text stands ${places} times in ${fault.file}; exactly once is needed`);
  return source.replace(fault.find, () => fault.replace);
};
