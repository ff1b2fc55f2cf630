import { applyOperator } from './arithmetic.ts';
import type { BinaryExpr, Expr, VectorElement, VectorMatching, VectorSource } from './expr.ts';
import { isSetOperator } from './parse-binary.ts';
import { EvaluationError, elementText, labelOf, withLabels, withoutDuplicates } from './vector.ts';

type Value = number | VectorElement[];

/** What two elements must share to belong together, as text. The name is compared only when `on` lists it. */
const signatureOf = (matching: VectorMatching): ((element: VectorElement) => string) => {
  const { labels } = matching;
  if (matching.mode === 'on') return (element) => JSON.stringify(labels.map((label) => labelOf(element, label)));
  return (element) => JSON.stringify(element.labels.filter(([name]) => !labels.includes(name)));
};

const joined = (left: readonly string[], right: readonly string[]): readonly string[] => [...new Set([...left, ...right])];

const evaluateSets = (expr: BinaryExpr, left: VectorElement[], right: VectorElement[]): VectorElement[] => {
  const signature = signatureOf(expr.matching);
  if (expr.operator === 'or') {
    const present = new Set(left.map(signature));
    return [...left, ...right.filter((element) => !present.has(signature(element)))];
  }
  const others = Map.groupBy(right, signature);
  if (expr.operator === 'unless') return left.filter((element) => !others.has(signature(element)));
  return left.flatMap((element) => {
    const partners = others.get(signature(element));
    if (partners === undefined) return [];
    // The condition rests on the partners too: when they go stale, it is not known to be false.
    return [{ ...element, inputs: partners.reduce((inputs, partner) => joined(inputs, partner.inputs), element.inputs) }];
  });
};

/** The operation on two values: what the element becomes, or null when a comparison filters it out. */
const combine = (expr: BinaryExpr, left: number, right: number, kept: number): number | null => {
  if (isSetOperator(expr.operator)) throw new EvaluationError(`${expr.operator} needs a vector on both sides`);
  const value = applyOperator(expr.operator, left, right);
  if (typeof value === 'number') return value;
  if (expr.isBool) return value ? 1 : 0;
  return value ? kept : null;
};

/** Arithmetic and bool make another quantity of it, so the name goes; a filter leaves the element what it was. */
const dropsName = (expr: BinaryExpr): boolean => expr.isBool || ['+', '-', '*', '/', '%', '^'].includes(expr.operator);

const evaluateWithScalar = (expr: BinaryExpr, vector: VectorElement[], scalar: number, isScalarLeft: boolean): VectorElement[] =>
  vector.flatMap((element) => {
    const value = isScalarLeft
      ? combine(expr, scalar, element.value, element.value)
      : combine(expr, element.value, scalar, element.value);
    return value === null ? [] : [{ ...element, value, name: dropsName(expr) ? null : element.name }];
  });

/** Name and labels of a matched pair; `many` gives them, but for what the matching leaves out or copies from `one`. */
const resultOf = (expr: BinaryExpr, many: VectorElement, one: VectorElement, value: number): VectorElement => {
  const { matching } = expr;
  let name = dropsName(expr) ? null : many.name;
  let labels = many.labels;
  if (matching.cardinality === 'one-to-one') {
    const isOn = matching.mode === 'on';
    labels = labels.filter(([label]) => matching.labels.includes(label) === isOn);
    if (isOn && !matching.labels.includes('__name__')) name = null;
  }
  labels = withLabels(labels, new Map(matching.include.map((label) => [label, labelOf(one, label)])));
  return { name, labels, value, inputs: joined(many.inputs, one.inputs) };
};

/** Elements of the "one" side by signature. @throws EvaluationError when two have the same */
const indexOne = (vector: readonly VectorElement[], signature: (element: VectorElement) => string, side: string) => {
  const index = new Map<string, VectorElement>();
  for (const element of vector) {
    const key = signature(element);
    const other = index.get(key);
    if (other !== undefined) {
      throw new EvaluationError(
        `many-to-many matching: on the ${side} side ${elementText(other)} and ${elementText(element)} match the same elements`,
      );
    }
    index.set(key, element);
  }
  return index;
};

const evaluateVectors = (expr: BinaryExpr, left: VectorElement[], right: VectorElement[]): VectorElement[] => {
  if (left.length === 0 || right.length === 0) return [];
  const { cardinality } = expr.matching;
  const isSwapped = cardinality === 'one-to-many';
  const many = isSwapped ? right : left;
  const signature = signatureOf(expr.matching);
  const ones = indexOne(isSwapped ? left : right, signature, isSwapped ? 'left' : 'right');
  const matched = new Set<string>();
  const results: VectorElement[] = [];
  for (const element of many) {
    const key = signature(element);
    const one = ones.get(key);
    if (one === undefined) continue;
    const [leftValue, rightValue] = isSwapped ? [one.value, element.value] : [element.value, one.value];
    const value = combine(expr, leftValue, rightValue, leftValue);
    if (value === null) continue;
    const result = resultOf(expr, element, one, value);
    // One-to-one: a second match of the same "one" is an error; with group_left or group_right only the same result is.
    const identity = cardinality === 'one-to-one' ? key : `${key} ${elementText(result)}`;
    if (matched.has(identity)) {
      throw new EvaluationError(
        cardinality === 'one-to-one'
          ? `several elements match ${elementText(one)}; many-to-one needs group_left or group_right`
          : `several matches give ${elementText(result)}; the grouping labels must keep them apart`,
      );
    }
    matched.add(identity);
    results.push(result);
  }
  return results;
};

const evaluateBinary = (expr: BinaryExpr, left: Value, right: Value): Value => {
  if (typeof left === 'number' && typeof right === 'number') {
    const value = combine(expr, left, right, left);
    if (value === null) throw new EvaluationError('two numbers are compared without bool');
    return value;
  }
  if (typeof left === 'number')
    return Array.isArray(right) ? withoutDuplicates(evaluateWithScalar(expr, right, left, true)) : right;
  if (typeof right === 'number') return withoutDuplicates(evaluateWithScalar(expr, left, right, false));
  return withoutDuplicates(isSetOperator(expr.operator) ? evaluateSets(expr, left, right) : evaluateVectors(expr, left, right));
};

/**
 * Value of an expression at an instant, with Prometheus's semantics: a number, or a vector in which no two elements have the same name
 * and labels.
 * @throws EvaluationError when the series do not fit the matching (many-to-many, duplicates)
 * Source: https://prometheus.io/docs/prometheus/latest/querying/operators/
 */
export const evaluate = (expr: Expr, source: VectorSource, atMs: number): VectorElement[] | number => {
  switch (expr.kind) {
    case 'number':
      return expr.value;
    case 'selector':
      return [...source.select(expr.name, expr.matchers, atMs)];
    case 'negate': {
      const operand = evaluate(expr.operand, source, atMs);
      if (typeof operand === 'number') return -operand;
      return withoutDuplicates(operand.map((element) => ({ ...element, name: null, value: -element.value })));
    }
    case 'binary':
      return evaluateBinary(expr, evaluate(expr.left, source, atMs), evaluate(expr.right, source, atMs));
    default:
      return expr satisfies never;
  }
};
