/**
 * The part of zod's interface that the schemas of `shared` and `agent` use, for the bundled agent: put in the place of the package "zod",
 * it judges and words alike (test/agent/small-schema.test.ts holds both side by side) and takes 0.3 MiB of memory instead of 7. What the
 * schemas do not use is not here, so that a new use fails when the bundle is made to start, and not in silence.
 */
interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Whether the value has the right type all the same, so that further rules can be judged. */
  readonly isMild: boolean;
}

/** The value so far and what was found wrong with it. */
interface Verdict {
  readonly value: unknown;
  readonly issues: readonly Issue[];
}

type Judge = (value: unknown) => Verdict;
/** Rules of a schema that has the right type, in the order in which they were added. @returns null when the value keeps it */
type Rule = (value: never) => Omit<Issue, 'isMild'> | null;

const good = (value: unknown): Verdict => ({ value, issues: [] });
const bad = (value: unknown, message: string): Verdict => ({ value, issues: [{ path: [], message, isMild: false }] });
const isAborted = ({ issues }: Verdict): boolean => issues.some(({ isMild }) => !isMild);

/** What zod throws, as far as our code reads it. */
class SchemaError extends Error {
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[]) {
    super(
      JSON.stringify(
        issues.map(({ path, message }) => ({ path, message })),
        null,
        2,
      ),
    );
    this.name = 'ZodError';
    this.issues = issues;
  }
}

/** How an object treats the key of a schema when it is missing. */
type Absence = 'judged' | 'allowed';

/** What `min` and `max` bound: a number itself, or the length of a text or an array. */
type Measure = 'value' | 'characters' | 'items';

class Schema {
  readonly judge: Judge;
  readonly absence: Absence;
  /** Of a literal, the value; of an object, its fields: what a discriminated union looks at. */
  readonly literal: unknown;
  readonly fields: Readonly<Record<string, Schema>> | null;
  readonly #measure: Measure;

  constructor(
    judge: Judge,
    about: { absence?: Absence; literal?: unknown; fields?: Readonly<Record<string, Schema>>; measure?: Measure } = {},
  ) {
    this.judge = judge;
    this.absence = about.absence ?? 'judged';
    this.literal = about.literal;
    this.fields = about.fields ?? null;
    this.#measure = about.measure ?? 'characters';
  }

  safeParse(value: unknown) {
    const verdict = this.judge(value);
    if (verdict.issues.length === 0) return { success: true, data: verdict.value };
    return { success: false, error: new SchemaError(verdict.issues) };
  }

  parse(value: unknown): unknown {
    const verdict = this.judge(value);
    if (verdict.issues.length > 0) throw new SchemaError(verdict.issues);
    return verdict.value;
  }

  #with(rule: Rule): Schema {
    const judge: Judge = (value) => {
      const verdict = this.judge(value);
      if (isAborted(verdict)) return verdict;
      const issue = rule(verdict.value as never);
      return issue === null ? verdict : { value: verdict.value, issues: [...verdict.issues, { ...issue, isMild: true }] };
    };
    return new Schema(judge, this.#about());
  }

  #about() {
    return {
      absence: this.absence,
      measure: this.#measure,
      ...(this.literal === undefined ? {} : { literal: this.literal }),
      ...(this.fields === null ? {} : { fields: this.fields }),
    };
  }

  min(least: number): Schema {
    return this.#bounded((size) => size < least, 'Too small: expected', `>=${least}`);
  }

  max(most: number): Schema {
    return this.#bounded((size) => size > most, tooBig, `<=${most}`);
  }

  /** Lengths are judged of whatever has one, also where another type was wanted; so does zod. */
  #bounded(isBeyond: (size: number) => boolean, what: string, bound: string): Schema {
    const judge: Judge = (value) => {
      // An array that is too long is not looked into.
      const isTooLong = what === tooBig && this.#measure === 'items' && Array.isArray(value) && isBeyond(value.length);
      const verdict = isTooLong ? good(value) : this.judge(value);
      const message = beyondBound(verdict.value, this.#measure, isBeyond);
      if (message === null || (this.#measure === 'value' && isAborted(verdict))) return verdict;
      const issue = { path: [], message: `${what} ${message.replace('<bound>', bound)}`, isMild: true };
      return { value: verdict.value, issues: [...verdict.issues, issue] };
    };
    return new Schema(judge, this.#about());
  }

  regex(pattern: RegExp, options: { readonly error?: string } = {}): Schema {
    const message = options.error ?? `Invalid string: must match pattern ${pattern}`;
    return this.#with((value: string) => (pattern.test(value) ? null : { path: [], message }));
  }

  refine(holds: (value: never) => boolean, options: { readonly error: string; readonly path?: readonly PropertyKey[] }): Schema {
    return this.#with((value) => (holds(value) ? null : { path: options.path ?? [], message: options.error }));
  }

  transform(change: (value: never) => unknown): Schema {
    return new Schema((value) => {
      const verdict = this.judge(value);
      return verdict.issues.length > 0 ? verdict : good(change(verdict.value as never));
    });
  }

  default(value: unknown): Schema {
    return new Schema((given) => (given === undefined ? good(structuredClone(value)) : this.judge(given)));
  }

  optional(): Schema {
    return new Schema((value) => (value === undefined ? good(undefined) : this.judge(value)), { absence: 'allowed' });
  }

  exactOptional(): Schema {
    return new Schema(this.judge, { absence: 'allowed' });
  }

  nullable(): Schema {
    return new Schema((value) => (value === null ? good(null) : this.judge(value)));
  }

  /** Texts are for documents, which the agent does not write. */
  describe(_text: string): Schema {
    return this;
  }
}

const tooBig = 'Too big: expected';

const beyondBound = (value: unknown, measure: Measure, isBeyond: (size: number) => boolean): string | null => {
  if (measure === 'value') return typeof value === 'number' && isBeyond(value) ? 'number to be <bound>' : null;
  if (typeof value === 'string') return isBeyond(value.length) ? 'string to have <bound> characters' : null;
  return Array.isArray(value) && isBeyond(value.length) ? 'array to have <bound> items' : null;
};

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? 'number' : 'Infinity';
  return typeof value;
};

const wrongType = (value: unknown, expected: string): Verdict =>
  bad(value, `Invalid input: expected ${expected}, received ${typeOf(value)}`);

const primitive = (expected: string): Schema =>
  new Schema((value) => (typeOf(value) === expected ? good(value) : wrongType(value, expected)), {
    measure: expected === 'number' ? 'value' : 'characters',
  });

const int = (): Schema =>
  new Schema(
    (value) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType(value, 'number');
      if (!Number.isInteger(value)) return wrongType(value, 'int');
      if (Number.isSafeInteger(value)) return good(value);
      const message =
        value > 0
          ? `Too big: expected int to be <=${Number.MAX_SAFE_INTEGER}`
          : `Too small: expected int to be >=${Number.MIN_SAFE_INTEGER}`;
      return { value, issues: [{ path: [], message, isMild: true }] };
    },
    { measure: 'value' },
  );

const literal = (expected: string | number): Schema =>
  new Schema((value) => (value === expected ? good(value) : bad(value, `Invalid input: expected ${JSON.stringify(expected)}`)), {
    literal: expected,
  });

const oneOf = (options: readonly string[]): Schema =>
  new Schema((value) => {
    if (typeof value === 'string' && options.includes(value)) return good(value);
    return bad(value, `Invalid option: expected one of ${options.map((option) => JSON.stringify(option)).join('|')}`);
  });

const below = (key: PropertyKey, issues: readonly Issue[]): Issue[] =>
  issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));

const array = (item: Schema): Schema =>
  new Schema(
    (value) => {
      if (!Array.isArray(value)) return wrongType(value, 'array');
      const issues: Issue[] = [];
      const values = value.map((one, index) => {
        const verdict = item.judge(one);
        if (verdict.issues.length > 0) issues.push(...below(index, verdict.issues));
        return verdict.value;
      });
      return { value: values, issues };
    },
    { measure: 'items' },
  );

/** Keys are data of others, so that none of them may reach the prototype. */
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const record = (key: Schema, item: Schema): Schema =>
  new Schema((value) => {
    if (!isObject(value)) return wrongType(value, 'record');
    const issues: Issue[] = [];
    const entries: [string, unknown][] = [];
    for (const [name, one] of Object.entries(value)) {
      if (name === '__proto__') continue;
      if (key.judge(name).issues.length > 0) {
        issues.push({ path: [name], message: 'Invalid key in record', isMild: false });
        continue;
      }
      const verdict = item.judge(one);
      issues.push(...below(name, verdict.issues));
      entries.push([name, verdict.value]);
    }
    return { value: Object.fromEntries(entries), issues };
  });

const objectOf = (fields: Readonly<Record<string, Schema>>, isStrict: boolean): Schema => {
  const known = Object.entries(fields);
  return new Schema(
    (value) => {
      if (!isObject(value)) return wrongType(value, 'object');
      const issues: Issue[] = [];
      const entries: [string, unknown][] = [];
      for (const [name, field] of known) {
        const isThere = Object.hasOwn(value, name);
        if (!isThere && field.absence === 'allowed') continue;
        const verdict = field.judge(isThere ? value[name] : undefined);
        if (verdict.issues.length > 0) issues.push(...below(name, verdict.issues));
        entries.push([name, verdict.value]);
      }
      const unknown = isStrict ? Object.keys(value).filter((name) => !Object.hasOwn(fields, name)) : [];
      if (unknown.length > 0) {
        const names = unknown.map((name) => JSON.stringify(name)).join(', ');
        issues.push({ path: [], message: `Unrecognized key${unknown.length > 1 ? 's' : ''}: ${names}`, isMild: true });
      }
      return { value: Object.fromEntries(entries), issues };
    },

    { fields },
  );
};

const union = (options: readonly Schema[]): Schema =>
  new Schema((value) => {
    const verdicts: Verdict[] = [];
    for (const option of options) {
      const verdict = option.judge(value);
      if (verdict.issues.length === 0) return verdict;
      verdicts.push(verdict);
    }
    // When only one option has the right type, it is the one that was meant.
    const [meant, ...more] = verdicts.filter((verdict) => !isAborted(verdict));
    return meant !== undefined && more.length === 0 ? meant : bad(value, 'Invalid input');
  });

const discriminatedUnion = (key: string, options: readonly Schema[]): Schema => {
  const byLiteral = new Map(options.map((option) => [option.fields?.[key]?.literal, option]));
  const expected = [...byLiteral.keys()].map((name) => `'${String(name)}'`).join(' | ');
  return new Schema((value) => {
    if (!isObject(value)) return wrongType(value, 'object');
    const option = Object.hasOwn(value, key) ? byLiteral.get(value[key]) : undefined;
    if (option !== undefined) return option.judge(value);
    const message = `Invalid discriminator value. Expected ${expected}`;
    return { value, issues: [{ path: [key], message, isMild: false }] };
  });
};

/** Stands for zod's `z`. */
export const z = {
  string: () => primitive('string'),
  number: () => primitive('number'),
  boolean: () => primitive('boolean'),
  null: () => primitive('null'),
  int,
  literal,
  enum: oneOf,
  array,
  record,
  union,
  discriminatedUnion,
  object: (fields: Readonly<Record<string, Schema>>) => objectOf(fields, false),
  strictObject: (fields: Readonly<Record<string, Schema>>) => objectOf(fields, true),
};
