import type { Label } from '@jiwei/shared/series.ts';

/** How a selector compares one label; `test` is the whole comparison, a missing label counts as ''. */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  readonly test: (value: string) => boolean;
}

/** Series of one name whose labels fit all matchers. The name is never empty: see metric-names.ts. */
export interface SelectorExpr {
  readonly kind: 'selector';
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

export const arithmeticOperators = ['+', '-', '*', '/', '%', '^'] as const;
export const comparisonOperators = ['==', '!=', '>', '<', '>=', '<='] as const;
export const setOperators = ['and', 'or', 'unless'] as const;
export type BinaryOperator =
  | (typeof arithmeticOperators)[number]
  | (typeof comparisonOperators)[number]
  | (typeof setOperators)[number];

/** Which elements of two vectors belong together. */
export interface VectorMatching {
  /** `on`: only these labels are compared. `ignoring`: all but these (and the name). */
  readonly mode: 'on' | 'ignoring';
  readonly labels: readonly string[];
  /** `many-to-one` is group_left, `one-to-many` group_right. */
  readonly cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many';
  /** Labels of the "one" side to copy into the result. */
  readonly include: readonly string[];
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  /** Comparison with `bool`: the result is 0 or 1 instead of a filtered vector. */
  readonly isBool: boolean;
  readonly matching: VectorMatching;
}

/** A checked expression: only what evaluate.ts can compute exactly. */
export type Expr =
  | { readonly kind: 'number'; readonly value: number }
  | SelectorExpr
  | { readonly kind: 'negate'; readonly operand: Expr }
  | BinaryExpr;

/** One element of an instant vector. */
export interface VectorElement {
  /** null once an operation made another quantity of it. */
  readonly name: string | null;
  /** Sorted by name, without `__name__`, no empty values. */
  readonly labels: readonly Label[];
  readonly value: number;
  /** Ids of the stored series the value was computed from: tells a false condition from missing data. */
  readonly inputs: readonly string[];
}

/** Where selectors find their series: the latest value of each that is not stale at `atMs`. */
export interface VectorSource {
  select(name: string, matchers: readonly Matcher[], atMs: number): readonly VectorElement[];
}
