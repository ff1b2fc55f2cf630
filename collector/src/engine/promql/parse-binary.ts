import { PromqlError, unsupported } from './error.ts';
import {
  arithmeticOperators,
  type BinaryExpr,
  type BinaryOperator,
  comparisonOperators,
  type Expr,
  setOperators,
  type VectorMatching,
} from './expr.ts';
import { labelNameAt } from './parse-selector.ts';
import { childrenOf, type SyntaxNode } from './syntax.ts';

/** Whether an expression gives one number, whatever the series are. */
export const isScalar = (expr: Expr): boolean => {
  switch (expr.kind) {
    case 'number':
      return true;
    case 'selector':
      return false;
    case 'negate':
      return isScalar(expr.operand);
    case 'binary':
      return isScalar(expr.left) && isScalar(expr.right);
    default:
      return expr satisfies never;
  }
};

const includes = <T extends string>(list: readonly T[], text: string): text is T => list.some((entry) => entry === text);
/** Whether the operator compares two values. */
export const isComparison = (operator: string): operator is (typeof comparisonOperators)[number] =>
  includes(comparisonOperators, operator);
/** Whether the operator works on sets of elements. */
export const isSetOperator = (operator: string): operator is (typeof setOperators)[number] => includes(setOperators, operator);

const operatorAt = (text: string, node: SyntaxNode): BinaryOperator => {
  // Keywords are written in any case.
  const operator = text.slice(node.from, node.to).toLowerCase();
  if (isComparison(operator) || isSetOperator(operator) || includes(arithmeticOperators, operator)) return operator;
  throw unsupported(text, node.from, node.to, `the operator ${operator}`);
};

const labelsAt = (text: string, node: SyntaxNode | undefined): string[] =>
  node === undefined ? [] : [...new Set(childrenOf(node).map((child) => labelNameAt(text, child)))];

const matchingAt = (text: string, node: SyntaxNode | undefined): VectorMatching => {
  if (node === undefined) return { mode: 'ignoring', labels: [], cardinality: 'one-to-one', include: [] };
  const [modeNode, labelsNode, groupNode, includeNode] = childrenOf(node);
  const mode = modeNode?.name === 'On' ? 'on' : 'ignoring';
  const labels = labelsAt(text, labelsNode);
  const include = labelsAt(text, includeNode);
  const shared = mode === 'on' ? include.find((label) => labels.includes(label)) : undefined;
  if (shared !== undefined) {
    throw new PromqlError(text, node.from, node.to, `names the label ${shared} in both on and group`);
  }
  const cardinality = groupNode === undefined ? 'one-to-one' : groupNode.name === 'GroupLeft' ? 'many-to-one' : 'one-to-many';
  return { mode, labels, cardinality, include };
};

const checkTypes = (text: string, node: SyntaxNode, expr: BinaryExpr, hasMatching: boolean): void => {
  const fail = (problem: string): never => {
    throw new PromqlError(text, node.from, node.to, problem);
  };
  const scalars = [expr.left, expr.right].filter(isScalar).length;
  if (isSetOperator(expr.operator)) {
    if (scalars > 0) fail(`applies ${expr.operator} to a number; it needs a vector on both sides`);
    if (expr.matching.cardinality !== 'one-to-one') fail(`has a group modifier, which ${expr.operator} does not take`);
  }
  if (isComparison(expr.operator)) {
    if (scalars === 2 && !expr.isBool) fail('compares two numbers, which needs bool');
  } else if (expr.isBool) fail(`has bool, which only comparisons take, not ${expr.operator}`);
  if (hasMatching && scalars > 0) fail('has vector matching beside a number; it needs a vector on both sides');
};

/** A binary operation whose operands are parsed by `operandAt`. */
export const binaryAt = (text: string, node: SyntaxNode, operandAt: (node: SyntaxNode) => Expr): Expr => {
  const children = childrenOf(node);
  const [leftNode, operatorNode, ...rest] = children;
  const rightNode = rest.at(-1);
  if (leftNode === undefined || operatorNode === undefined || rightNode === undefined) {
    throw new PromqlError(text, node.from, node.to, 'is not a complete operation');
  }
  const operator = operatorAt(text, operatorNode);
  const fill = rest.find((child) => child.name === 'FillModifier');
  if (fill !== undefined) throw unsupported(text, fill.from, fill.to, 'a fill modifier');
  const matchingNode = rest.find((child) => child.name === 'MatchingModifierClause');
  const left = operandAt(leftNode);
  const right = operandAt(rightNode);
  const isBool = rest.some((child) => child.name === 'BoolModifier');
  const matching = matchingAt(text, matchingNode);
  // The grammar gives a sign to the number beside it, but ^ binds tighter: -2^2 is -4.
  if (operator === '^' && leftNode.name === 'NumberDurationLiteral' && left.kind === 'number') {
    const sign = text[leftNode.from];
    if (sign === '-') {
      const power: BinaryExpr = {
        kind: 'binary',
        operator,
        left: { kind: 'number', value: -left.value },
        right,
        isBool,
        matching,
      };
      checkTypes(text, node, power, matchingNode !== undefined);
      return { kind: 'negate', operand: power };
    }
  }
  const expr: BinaryExpr = { kind: 'binary', operator, left, right, isBool, matching };
  checkTypes(text, node, expr, matchingNode !== undefined);
  return expr;
};
