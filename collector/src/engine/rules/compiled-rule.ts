import type { RuleId } from '@jiwei/shared/ids.ts';
import { type Label, seriesText } from '@jiwei/shared/series.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { RuleConfig } from '../config.ts';
import { evaluate } from '../promql/evaluate.ts';
import type { Expr, VectorElement, VectorSource } from '../promql/expr.ts';
import { metricNamesOf } from '../promql/metric-names.ts';
import { parseExpr } from '../promql/parse.ts';
import { EvaluationError, withLabels } from '../promql/vector.ts';
import { fillTemplate, parseTemplate, type Template } from './template.ts';

/** A rule ready to be evaluated. */
export interface CompiledRule {
  readonly id: RuleId;
  readonly name: string;
  readonly expr: Expr;
  readonly metricNames: ReadonlySet<string>;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly evaluationMs: number;
  readonly labels: ReadonlyMap<string, Template>;
  readonly annotations: ReadonlyMap<string, Template>;
  readonly fingerprint: string;
}

/** What one evaluation says of one alert. */
export interface AlertFinding {
  readonly alertId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly value: number;
  readonly inputs: readonly string[];
}

const templatesOf = (texts: Readonly<Record<string, string>>): ReadonlyMap<string, Template> =>
  new Map(Object.entries(texts).map(([name, text]) => [name, parseTemplate(text)]));

/** @throws PromqlError when the expression or a template is malformed or not supported */
export const compileRule = (config: RuleConfig): CompiledRule => {
  const expr = parseExpr(config.expr);
  const labelsText = Object.entries(config.labels).sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    id: config.id,
    name: config.name,
    expr,
    metricNames: metricNamesOf(expr),
    forMs: config.forMs,
    keepFiringForMs: config.keepFiringForMs,
    evaluationMs: config.evaluationMs,
    labels: templatesOf(config.labels),
    annotations: templatesOf(config.annotations),
    // As in Prometheus: another `for` or annotation leaves an alert what it was, another condition or label makes it another.
    fingerprint: JSON.stringify([config.name, config.expr, labelsText]),
  };
};

const findingOf = (rule: CompiledRule, element: VectorElement): AlertFinding => {
  const seriesLabels: readonly Label[] = element.name === null ? element.labels : [['__name__', element.name], ...element.labels];
  const fill = (template: Template) => fillTemplate(template, seriesLabels, element.value);
  const added = new Map([...rule.labels].map(([name, template]) => [name, fill(template)]));
  const labels = withLabels(element.labels, added.set('alertname', rule.name));
  return {
    alertId: seriesText('', labels),
    labels: Object.fromEntries(labels),
    annotations: Object.fromEntries([...rule.annotations].map(([name, template]) => [name, fill(template)])),
    value: element.value,
    inputs: element.inputs,
  };
};

/**
 * The alerts whose condition holds at the instant, by id. A number holds always, as in Prometheus.
 * @throws EvaluationError when the series do not fit, or two alerts would have the same labels
 */
export const findAlerts = (rule: CompiledRule, source: VectorSource, atMs: EpochMs): Map<string, AlertFinding> => {
  const result = evaluate(rule.expr, source, atMs);
  const vector = typeof result === 'number' ? [{ name: null, labels: [], value: result, inputs: [] }] : result;
  const findings = new Map<string, AlertFinding>();
  for (const element of vector) {
    const finding = findingOf(rule, element);
    if (findings.has(finding.alertId)) throw new EvaluationError(`two alerts have the same labels: ${finding.alertId}`);
    findings.set(finding.alertId, finding);
  }
  return findings;
};
