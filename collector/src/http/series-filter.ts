import { AppError } from '@jiwei/shared/errors.ts';
import type { Series } from '@jiwei/shared/series.ts';
import { PromqlError } from '../engine/promql/error.ts';
import type { SelectorExpr } from '../engine/promql/expr.ts';
import { parseExpr } from '../engine/promql/parse.ts';

/** Which series a query wants. */
export type SeriesFilter = (series: Series) => boolean;

const selectorOf = (text: string): SelectorExpr => {
  try {
    const expr = parseExpr(text);
    if (expr.kind === 'selector') return expr;
  } catch (error) {
    if (!(error instanceof PromqlError)) throw error;
    throw new AppError('REQUEST_INVALID', `match: ${error.message}`, { cause: error });
  }
  throw new AppError('REQUEST_INVALID', `match: ${text} is no vector selector such as node_cpu_seconds_total{mode="idle"}`);
};

const fits = (selector: SelectorExpr, series: Series): boolean =>
  selector.name === series.family.name &&
  selector.matchers.every((matcher) => matcher.test(series.labels.find(([name]) => name === matcher.label)?.[1] ?? ''));

/**
 * Series of one of the names, or that fit one of the selectors.
 * @param selectors in the form of Prometheus, `name{label="value",other=~"a|b"}`
 * @throws REQUEST_INVALID naming the place of what is wrong in a selector
 */
export const seriesFilter = (names: readonly string[], selectors: readonly string[]): SeriesFilter => {
  const wanted = new Set(names);
  const parsed = selectors.map(selectorOf);
  return (series) => wanted.has(series.family.name) || parsed.some((selector) => fits(selector, series));
};
