import type { Expr } from './expr.ts';

/** Names of the series an expression looks at. */
export const metricNamesOf = (expr: Expr): ReadonlySet<string> => {
  const names = new Set<string>();
  const visit = (part: Expr): void => {
    switch (part.kind) {
      case 'number':
        return;
      case 'selector':
        names.add(part.name);
        return;
      case 'negate':
        visit(part.operand);
        return;
      case 'binary':
        visit(part.left);
        visit(part.right);
        return;
      default:
        part satisfies never;
    }
  };
  visit(expr);
  return names;
};
