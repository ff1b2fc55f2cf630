import type { RuleConfig } from '../engine/config.ts';
import { metricNamesOf } from '../engine/promql/metric-names.ts';
import { parseExpr } from '../engine/promql/parse.ts';

/** Names of all series the rules look at. The expressions were checked when the declaration was. */
export const ruleNamesOf = (rules: Iterable<RuleConfig>): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const { expr } of rules) for (const name of metricNamesOf(parseExpr(expr))) names.add(name);
  return names;
};
