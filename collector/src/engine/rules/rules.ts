import type { RuleId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { RuleConfig } from '../config.ts';
import type { RuleSample } from '../event.ts';
import type { AlertTransition, RuleHealth, SavedAlert, SavedRule } from './alert.ts';
import { compileRule } from './compiled-rule.ts';
import { evaluateRule, type RuleState, transitionOf } from './evaluate-rule.ts';
import { createSampleIndex, dropStaleSeries, type SampleIndex, storeSamples, vectorSourceOf } from './sample-index.ts';

/** All rules with their alerts and the samples they look at. Opaque: use the functions of this file. Mutated in place by them. */
export interface Rules {
  /** Ascending by id. */
  states: ReadonlyMap<RuleId, RuleState>;
  readonly index: SampleIndex;
  /** Saved alerts whose rule was gone at the start; withdrawn at the next evaluation. */
  orphans: readonly SavedRule[];
  /** Rules that are gone and whose stored state must be forgotten. */
  readonly forgotten: Set<RuleId>;
  lastSweepAtMs: EpochMs;
}

const newState = (config: RuleConfig): RuleState => ({
  compiled: compileRule(config),
  alerts: new Map(),
  lastEvaluatedAtMs: null,
  isChanged: false,
  evaluationsTotal: 0,
  failuresTotal: 0,
  lastError: null,
});

const statesOf = (configs: Iterable<RuleConfig>): ReadonlyMap<RuleId, RuleState> => {
  const states = [...configs].map(newState);
  states.sort((left, right) => (left.compiled.id < right.compiled.id ? -1 : 1));
  return new Map(states.map((state) => [state.compiled.id, state]));
};

const namesOf = (states: ReadonlyMap<RuleId, RuleState>): ReadonlySet<string> =>
  new Set([...states.values()].flatMap((state) => [...state.compiled.metricNames]));

const takeOver = (state: RuleState, saved: SavedRule): void => {
  state.lastEvaluatedAtMs = saved.lastEvaluatedAtMs;
  for (const alert of saved.alerts) state.alerts.set(alert.alertId, alert);
};

/**
 * @param saved what `savedRule` gave at the last commit. Alerts of rules that are gone or are other rules now come out of the next
 *   evaluateDue as `withdrawn`. Feed the latest samples before that, or firing alerts are marked `noData` until they come.
 * @throws PromqlError when an expr or a template is not supported (the registry has checked them before)
 */
export const createRules = (configs: Iterable<RuleConfig>, saved: Iterable<SavedRule> = []): Rules => {
  const states = statesOf(configs);
  const orphans: SavedRule[] = [];
  const forgotten = new Set<RuleId>();
  for (const rule of saved) {
    const state = states.get(rule.ruleId);
    if (state !== undefined && state.compiled.fingerprint === rule.fingerprint) takeOver(state, rule);
    else {
      orphans.push(rule);
      forgotten.add(rule.ruleId);
    }
  }
  return { states, index: createSampleIndex(namesOf(states)), orphans, forgotten, lastSweepAtMs: 0 };
};

const withdraw = (rule: SavedRule, atMs: EpochMs): AlertTransition[] =>
  rule.alerts.map((alert) => transitionOf(rule, alert, 'withdrawn', atMs));

/** Puts other rules in force. A rule of the same id, name, expression and labels keeps its alerts; those of the others are withdrawn. */
export const replaceRules = (rules: Rules, configs: Iterable<RuleConfig>, atMs: EpochMs): AlertTransition[] => {
  const states = statesOf(configs);
  const withdrawn: AlertTransition[] = [];
  for (const [id, old] of rules.states) {
    const saved = savedOf(old);
    const state = states.get(id);
    if (state !== undefined && state.compiled.fingerprint === saved.fingerprint) {
      takeOver(state, saved);
      state.isChanged = old.isChanged;
    } else {
      rules.forgotten.add(id);
      withdrawn.push(...withdraw(saved, atMs));
    }
  }
  rules.states = states;
  rules.index.wantedNames = namesOf(states);
  dropStaleSeries(rules.index, atMs);
  return withdrawn;
};

/** Metric names the rules look at: only samples of these need to be passed on. */
export const ruleMetricNames = (rules: Rules): ReadonlySet<string> => rules.index.wantedNames;

/** Takes samples in, in any order; names no rule looks at are ignored. */
export const updateSamples = (rules: Rules, samples: readonly RuleSample[]): void => storeSamples(rules.index, samples);

/** The last instant at or before `atMs` at which the rule is evaluated: multiples of its interval, so that a restart meets the same ones. */
const instantOf = (state: RuleState, atMs: EpochMs): EpochMs =>
  Math.floor(atMs / state.compiled.evaluationMs) * state.compiled.evaluationMs;

const deadlineOf = (state: RuleState): EpochMs =>
  state.lastEvaluatedAtMs === null ? 0 : instantOf(state, state.lastEvaluatedAtMs) + state.compiled.evaluationMs;

/** When evaluateDue wants to be called next; null when there is nothing to evaluate. A past instant means at once. */
export const nextRuleDeadlineMs = (rules: Rules): EpochMs | null => {
  if (rules.orphans.length > 0) return 0;
  let next: EpochMs | null = null;
  for (const state of rules.states.values()) {
    const deadline = deadlineOf(state);
    if (next === null || deadline < next) next = deadline;
  }
  return next;
};

/**
 * Evaluates every rule that is due at `atMs`, each once and at its own last instant: instants missed while the collector was down are not
 * made up for, as in Prometheus, since `for` is a difference of instants and loses nothing by it.
 * @returns what changed, by rule id, then alert id
 */
export const evaluateDue = (rules: Rules, atMs: EpochMs): AlertTransition[] => {
  const transitions = rules.orphans.flatMap((rule) => withdraw(rule, atMs));
  rules.orphans = [];
  const source = vectorSourceOf(rules.index);
  for (const state of rules.states.values()) {
    if (deadlineOf(state) <= atMs) transitions.push(...evaluateRule(state, source, rules.index, instantOf(state, atMs)));
  }
  if (atMs - rules.lastSweepAtMs >= limits.sampleStalenessMs) {
    rules.lastSweepAtMs = atMs;
    dropStaleSeries(rules.index, atMs - limits.sampleStalenessMs);
  }
  return transitions;
};

const savedOf = (state: RuleState): SavedRule => ({
  ruleId: state.compiled.id,
  fingerprint: state.compiled.fingerprint,
  ruleName: state.compiled.name,
  lastEvaluatedAtMs: state.lastEvaluatedAtMs,
  alerts: [...state.alerts.values()],
});

/** Ids of rules whose alerts changed since the last call, ascending: store `savedRule` of each (null: forget it). */
export const takeChangedRules = (rules: Rules): RuleId[] => {
  const changed = new Set(rules.forgotten);
  rules.forgotten.clear();
  for (const [id, state] of rules.states) {
    if (state.isChanged) changed.add(id);
    state.isChanged = false;
  }
  return [...changed].sort();
};

/** The rule's state as plain JSON; null when there is no such rule or it has no alerts, so that nothing needs to be stored. */
export const savedRule = (rules: Rules, ruleId: RuleId): SavedRule | null => {
  const state = rules.states.get(ruleId);
  return state === undefined || state.alerts.size === 0 ? null : savedOf(state);
};

/** A person resolved the alert's incident: it is forgotten, and begins anew when the condition holds at the next evaluation. */
export const forgetAlert = (rules: Rules, ruleId: RuleId, alertId: string): void => {
  const state = rules.states.get(ruleId);
  if (state?.alerts.delete(alertId)) state.isChanged = true;
};

/** Alerts of a rule, pending and firing, by id. */
export const alertsOf = (rules: Rules, ruleId: RuleId): readonly SavedAlert[] => [
  ...(rules.states.get(ruleId)?.alerts.values() ?? []),
];

/** How every rule fares, by id. */
export const ruleHealth = (rules: Rules): RuleHealth[] =>
  [...rules.states.values()].map((state) => {
    const firingCount = [...state.alerts.values()].filter((alert) => alert.firedAtMs !== null).length;
    const { evaluationsTotal, failuresTotal, lastError, lastEvaluatedAtMs } = state;
    const pendingCount = state.alerts.size - firingCount;
    return {
      ruleId: state.compiled.id,
      evaluationsTotal,
      failuresTotal,
      lastError,
      lastEvaluatedAtMs,
      pendingCount,
      firingCount,
    };
  });

/** Series held for the rules, and how many samples of others were turned away because there were too many. */
export const ruleSeriesCounts = (rules: Rules): { readonly seriesCount: number; readonly droppedTotal: number } => ({
  seriesCount: rules.index.byId.size,
  droppedTotal: rules.index.droppedTotal,
});
