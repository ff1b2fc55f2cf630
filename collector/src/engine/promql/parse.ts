import { limits } from '@jiwei/shared/limits.ts';
import { PromqlError, supportedText, unsupported } from './error.ts';
import type { Expr } from './expr.ts';
import { numberOf } from './literal.ts';
import { binaryAt } from './parse-binary.ts';
import { selectorAt } from './parse-selector.ts';
import { childrenOf, firstErrorOf, type SyntaxNode, syntaxOf } from './syntax.ts';

/** Constructs of the grammar that are known and refused by name. */
const refusedNodes: Readonly<Record<string, string>> = {
  AggregateExpr: 'an aggregation',
  FunctionCall: 'a function call',
  MatrixSelector: 'a range vector',
  SubqueryExpr: 'a subquery',
  OffsetExpr: 'an offset modifier',
  StepInvariantExpr: 'an @ modifier',
  AnchoredExpr: 'an anchored modifier',
  SmoothedExpr: 'a smoothed modifier',
  StringLiteral: 'a string',
};

const unaryAt = (text: string, node: SyntaxNode): Expr => {
  const [sign, operandNode] = childrenOf(node);
  if (sign === undefined || operandNode === undefined) throw new PromqlError(text, node.from, node.to, 'is not complete');
  const operand = exprAt(text, operandNode);
  if (text[sign.from] === '+') return operand;
  return operand.kind === 'number' ? { kind: 'number', value: -operand.value } : { kind: 'negate', operand };
};

const parenthesisAt = (text: string, node: SyntaxNode): Expr => {
  const [inner] = childrenOf(node);
  if (inner === undefined) throw new PromqlError(text, node.from, node.to, 'is empty');
  return exprAt(text, inner);
};

const exprAt = (text: string, node: SyntaxNode): Expr => {
  switch (node.name) {
    case 'NumberDurationLiteral':
      return { kind: 'number', value: numberOf(text.slice(node.from, node.to)) };
    case 'VectorSelector':
      return selectorAt(text, node);
    case 'ParenExpr':
      return parenthesisAt(text, node);
    case 'UnaryExpr':
      return unaryAt(text, node);
    case 'BinaryExpr':
      return binaryAt(text, node, (operand) => exprAt(text, operand));
    default:
      throw unsupported(text, node.from, node.to, refusedNodes[node.name] ?? `the construct ${node.name}`);
  }
};

/** Nesting of the tree, counted without recursion: deeper than the limit, the recursive functions would run out of stack. */
const depthOf = (top: SyntaxNode): number => {
  const cursor = top.cursor();
  let depth = 0;
  let most = 0;
  for (;;) {
    if (cursor.firstChild()) {
      depth += 1;
      most = Math.max(most, depth);
      continue;
    }
    while (!cursor.nextSibling()) {
      if (!cursor.parent()) return most;
      depth -= 1;
    }
  }
};

/**
 * Parses and checks an expression with the official grammar.
 * @throws PromqlError, and nothing else on any text: what is malformed or not supported, where, and what is supported
 */
export const parseExpr = (text: string): Expr => {
  if (text.length > limits.ruleExprCharactersMax) {
    throw new PromqlError(
      text,
      0,
      0,
      `the expression has ${text.length} characters; at most ${limits.ruleExprCharactersMax} are taken`,
    );
  }
  const top = syntaxOf(text);
  const error = firstErrorOf(top);
  const [root] = childrenOf(top);
  if (error !== null || root === undefined) {
    const { from, to } = error ?? { from: text.length, to: text.length };
    const problem = to > from ? 'is not expected here' : 'something is missing or not expected here';
    throw new PromqlError(text, from, to, `${problem}; supported are ${supportedText}`);
  }
  if (depthOf(top) > limits.ruleExprDepthMax) {
    throw new PromqlError(text, 0, 0, `the expression nests deeper than ${limits.ruleExprDepthMax}`);
  }
  return exprAt(text, root);
};
