import { asId } from '@jiwei/shared/ids.ts';
import type { z } from 'zod';
import type { RuleConfig } from '../engine/config.ts';
import { PromqlError } from '../engine/promql/error.ts';
import { parseExpr } from '../engine/promql/parse.ts';
import { compileRule } from '../engine/rules/compiled-rule.ts';
import { parseTemplate } from '../engine/rules/template.ts';
import { type Collector, check, checkList, entriesAt, mapOf } from './collect.ts';
import { groupSchema, ruleSchema } from './items.ts';
import type { Path } from './source.ts';

/** Notes why an expression or template is refused; true when it is not. */
const isAccepted = (collector: Collector, path: Path, parse: () => unknown): boolean => {
  try {
    parse();
    return true;
  } catch (error) {
    if (!(error instanceof PromqlError)) throw error;
    collector.errors.push(collector.source.errorAt(path, error.message));
    return false;
  }
};

/** Templates of a map; what is no text was refused by its schema. */
const templatesAccepted = (collector: Collector, texts: unknown, path: Path): boolean =>
  [...mapOf(texts)]
    .map(([name, text]) => typeof text !== 'string' || isAccepted(collector, [...path, name], () => parseTemplate(text)))
    .every(Boolean);

type Group = z.output<typeof groupSchema>;

const ruleAt = (collector: Collector, group: Group, value: unknown, path: Path, usedIds: Set<string>): RuleConfig[] => {
  if (mapOf(value).has('record')) {
    collector.errors.push(
      collector.source.errorAtKey([...path, 'record'], 'is a recording rule, which is not supported; only alerts are'),
    );
    return [];
  }
  const checked = check(collector, ruleSchema, value, path);
  // What is written is looked at even when the rule is wrong otherwise, so that all is reported at once.
  const keys = mapOf(value);
  const expr = keys.get('expr');
  const accepted = [
    typeof expr !== 'string' || expr === '' || isAccepted(collector, [...path, 'expr'], () => parseExpr(expr)),
    templatesAccepted(collector, keys.get('labels'), [...path, 'labels']),
    templatesAccepted(collector, keys.get('annotations'), [...path, 'annotations']),
  ];
  if (checked === null || !accepted.every(Boolean)) return [];
  const rule = checked.item;
  // Prometheus lets a group hold several rules of one name (a warning and a critical one); the later ones are numbered.
  const base = `${group.name}/${rule.alert}`;
  let id = base;
  for (let number = 2; usedIds.has(id); number += 1) id = `${base}#${number}`;
  usedIds.add(id);
  const config: RuleConfig = {
    id: asId<'rule'>(id),
    name: rule.alert,
    expr: rule.expr,
    forMs: rule.for,
    keepFiringForMs: rule.keep_firing_for,
    evaluationMs: group.interval,
    labels: { ...group.labels, ...rule.labels },
    annotations: rule.annotations,
  };
  // Group labels are templates too; they were not looked at above.
  return isAccepted(collector, path, () => compileRule(config)) ? [config] : [];
};

/** Alerting rules in the form of a Prometheus rule file: `groups` with `rules`. Group names are unique across files. */
export const rulesAt = (
  collector: Collector,
  value: unknown,
  path: Path,
  usedGroups: Set<string>,
  usedIds: Set<string>,
): RuleConfig[] =>
  checkList(collector, groupSchema, value, path).flatMap(({ item: group, path: groupPath }) => {
    if (usedGroups.has(group.name)) {
      collector.errors.push(
        collector.source.errorAt([...groupPath, 'name'], `is "${group.name}", which another group has; needs a name of its own`),
      );
    }
    usedGroups.add(group.name);
    const rulesPath = [...groupPath, 'rules'];
    return entriesAt(collector, group.rules, rulesPath).flatMap((entry) =>
      ruleAt(collector, group, entry.item, entry.path, usedIds),
    );
  });
