import type { BinaryOperator } from './expr.ts';

/** Power as Go has it: ECMAScript differs where the base is 1 or -1 and the exponent is not finite. */
const power = (base: number, exponent: number): number => {
  if (base === 1 || exponent === 0) return 1;
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1;
  return base ** exponent;
};

/** A binary operation on two values: arithmetic gives a number, a comparison whether it holds (never with NaN, except !=). */
export const applyOperator = (
  operator: Exclude<BinaryOperator, 'and' | 'or' | 'unless'>,
  left: number,
  right: number,
): number | boolean => {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '^':
      return power(left, right);
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    default:
      return operator satisfies never;
  }
};
