import { namePattern } from '@jiwei/shared/series.ts';
import { PromqlError } from './error.ts';
import type { Matcher, SelectorExpr } from './expr.ts';
import { stringOf } from './literal.ts';
import { compileRegex } from './regex.ts';
import { childrenOf, type SyntaxNode } from './syntax.ts';

const nameRule = 'UTF-8 without control characters';

const textOf = (text: string, node: SyntaxNode): string => text.slice(node.from, node.to);

/** The value of a string literal node. */
const stringAt = (text: string, node: SyntaxNode): string => {
  const value = stringOf(textOf(text, node));
  if (value === null) throw new PromqlError(text, node.from, node.to, 'is not a complete string with the escapes of Go');
  return value;
};

/** A label name, bare or quoted. */
export const labelNameAt = (text: string, node: SyntaxNode): string => {
  const literal = node.name === 'QuotedLabelName' ? node.firstChild : null;
  const name = literal === null ? textOf(text, node) : stringAt(text, literal);
  if (!namePattern.test(name)) throw new PromqlError(text, node.from, node.to, `is not a label name (${nameRule})`);
  return name;
};

const testOf = (text: string, node: SyntaxNode, operator: string, value: string): Matcher['test'] => {
  if (operator === '=') return (actual) => actual === value;
  if (operator === '!=') return (actual) => actual !== value;
  const regex = compileRegex(value);
  if (typeof regex !== 'function') throw new PromqlError(text, node.from, node.to, regex.problem);
  return operator === '=~' ? regex : (actual) => !regex(actual);
};

const operatorAt = (text: string, node: SyntaxNode): Matcher['operator'] => {
  const operator = textOf(text, node);
  if (operator === '=' || operator === '!=' || operator === '=~' || operator === '!~') return operator;
  throw new PromqlError(text, node.from, node.to, 'is not a label comparison (=, !=, =~, !~)');
};

const matcherAt = (text: string, node: SyntaxNode): Matcher => {
  const [nameNode, operatorNode, valueNode] = childrenOf(node);
  if (nameNode === undefined || operatorNode === undefined || valueNode === undefined) {
    throw new PromqlError(text, node.from, node.to, 'is not a label matcher such as job="node"');
  }
  const operator = operatorAt(text, operatorNode);
  const value = stringAt(text, valueNode);
  return { label: labelNameAt(text, nameNode), operator, value, test: testOf(text, valueNode, operator, value) };
};

/**
 * A selector: `name{a="b"}`, `{"name", a="b"}` or `{__name__="name"}`; names outside the old charset stand in quotes. One without a fixed metric name is refused: the engine is given only
 * the series its rules name.
 */
export const selectorAt = (text: string, node: SyntaxNode): SelectorExpr => {
  const names: string[] = [];
  const matchers: Matcher[] = [];
  for (const child of childrenOf(node)) {
    if (child.name === 'Identifier') names.push(textOf(text, child));
    else if (child.name === 'LabelMatchers') {
      for (const part of childrenOf(child)) {
        if (part.name === 'QuotedLabelName') {
          const literal = part.firstChild;
          names.push(literal === null ? '' : stringAt(text, literal));
          continue;
        }
        const matcher = matcherAt(text, part);
        if (matcher.label !== '__name__') matchers.push(matcher);
        else if (matcher.operator === '=') names.push(matcher.value);
        else
          throw new PromqlError(
            text,
            part.from,
            part.to,
            'chooses series by a pattern of names; name one metric with __name__="…"',
          );
      }
    }
  }
  const [name, second] = names;
  if (name === undefined || name === '') {
    throw new PromqlError(text, node.from, node.to, 'has no metric name; a rule sees only the series it names');
  }
  if (second !== undefined) throw new PromqlError(text, node.from, node.to, 'has two metric names');
  if (!namePattern.test(name)) throw new PromqlError(text, node.from, node.to, `has no such metric name (${nameRule})`);
  return { kind: 'selector', name, matchers };
};
