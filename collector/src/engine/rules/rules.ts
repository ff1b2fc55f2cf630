import { AppError } from '@jiwei/shared/errors.ts';
import type { RuleId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { RuleConfig } from '../config.ts';
import type { RuleSample } from '../event.ts';
import type { AlertTransition, RuleHealth, SavedRule } from './alert.ts';

const soon = (): never => {
  throw new AppError('INTERNAL', 'rules are not in this version');
};

/** All rules with their alerts and the samples they look at. Opaque: use the functions of this file. Mutated in place by them. */
export interface Rules {
  readonly rules: ReadonlyMap<RuleId, unknown>;
}

/**
 * @param saved what `savedRule` gave at the last commit; rules that are no longer among `configs` are left out (call replaceRules to withdraw)
 * @throws PromqlError when an expr or a template is not supported (the registry has checked them before)
 */
export const createRules = (_configs: Iterable<RuleConfig>, _saved: Iterable<SavedRule> = []): Rules => soon();
/** Puts other rules in force. Rules whose content is the same keep their alerts; those of the others are withdrawn. Samples stay. */
export const replaceRules = (_rules: Rules, _configs: Iterable<RuleConfig>, _atMs: EpochMs): AlertTransition[] => soon();
/** Metric names the rules look at: only samples of these need to be passed on. */
export const ruleMetricNames = (_rules: Rules): ReadonlySet<string> => soon();
/** Takes samples in, any order; names no rule looks at are ignored. */
export const updateSamples = (_rules: Rules, _samples: readonly RuleSample[]): void => soon();
/** When evaluateDue wants to be called next; null when there are no rules. At or before now means at once. */
export const nextRuleDeadlineMs = (_rules: Rules): EpochMs | null => soon();
/** Evaluates every rule that is due at `atMs`, each at its own instant (the last multiple of its interval). Sorted by rule id, then alert. */
export const evaluateDue = (_rules: Rules, _atMs: EpochMs): AlertTransition[] => soon();
/** Ids of rules whose alerts changed since the last call: store `savedRule` of each (null: forget it). */
export const takeChangedRules = (_rules: Rules): RuleId[] => soon();
export const savedRule = (_rules: Rules, _ruleId: RuleId): SavedRule | null => soon();
/** A person resolved the alert's incident: it is forgotten, and opens anew when the condition still holds at the next evaluation. */
export const forgetAlert = (_rules: Rules, _ruleId: RuleId, _alertId: string): void => soon();
/** Alerts of a rule, pending and firing. */
export const alertsOf = (_rules: Rules, _ruleId: RuleId): SavedRule['alerts'] => soon();
export const ruleHealth = (_rules: Rules): RuleHealth[] => soon();
