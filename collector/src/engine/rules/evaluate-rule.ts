import { limits } from '@jiwei/shared/limits.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import type { VectorSource } from '../promql/expr.ts';
import { EvaluationError } from '../promql/vector.ts';
import type { AlertTransition, AlertTransitionKind, SavedAlert } from './alert.ts';
import { type AlertFinding, type CompiledRule, findAlerts } from './compiled-rule.ts';
import { areFresh, type SampleIndex } from './sample-index.ts';

/** A rule with its alerts. Alerts are replaced, never changed in place. */
export interface RuleState {
  readonly compiled: CompiledRule;
  readonly alerts: Map<string, SavedAlert>;
  lastEvaluatedAtMs: EpochMs | null;
  /** Something that must survive a restart changed since it was last taken. */
  isChanged: boolean;
  evaluationsTotal: number;
  failuresTotal: number;
  lastError: string | null;
}

/** The transition an alert makes. */
export const transitionOf = (
  rule: { readonly ruleId: CompiledRule['id']; readonly ruleName: string },
  alert: SavedAlert,
  kind: AlertTransitionKind,
  atMs: EpochMs,
): AlertTransition => ({
  kind,
  ruleId: rule.ruleId,
  ruleName: rule.ruleName,
  alertId: alert.alertId,
  labels: alert.labels,
  annotations: alert.annotations,
  value: alert.value,
  activeAtMs: alert.activeAtMs,
  atMs,
});

/** What becomes of an alert: null forgets it. `kind` null says nothing to anybody. */
interface Verdict {
  readonly alert: SavedAlert | null;
  readonly kind: AlertTransitionKind | null;
}

/** The condition holds. */
const onHolding = (rule: CompiledRule, before: SavedAlert | undefined, finding: AlertFinding, atMs: EpochMs): Verdict => {
  const activeAtMs = before?.activeAtMs ?? atMs;
  const wasFiring = before !== undefined && before.firedAtMs !== null;
  const isDue = atMs - activeAtMs >= rule.forMs;
  const firedAtMs = before?.firedAtMs ?? (isDue ? atMs : null);
  const alert: SavedAlert = { ...finding, activeAtMs, firedAtMs, keepFiringSinceMs: null, noDataSinceMs: null };
  if (firedAtMs !== null) return { alert, kind: wasFiring && before.noDataSinceMs === null ? null : 'firing' };
  return { alert, kind: before === undefined ? 'pending' : null };
};

/**
 * The series are stale: nothing is proven. A firing alert stays, since silence is not recovery. A pending one is held for one more look-back
 * (it cannot fire meanwhile), so that a collector that was down takes it up again once agents have filled in what it missed.
 */
const onNoData = (alert: SavedAlert, atMs: EpochMs): Verdict => {
  const noDataSinceMs = alert.noDataSinceMs ?? atMs;
  if (alert.firedAtMs === null && atMs - noDataSinceMs >= limits.sampleStalenessMs) return { alert: null, kind: 'cancelled' };
  const isNew = alert.noDataSinceMs === null;
  return {
    // keep_firing_for counts time in which the condition is known to be false; silence starts it again.
    alert: { ...alert, noDataSinceMs, keepFiringSinceMs: null },
    kind: isNew && alert.firedAtMs !== null ? 'noData' : null,
  };
};

/** The condition is proven not to hold. */
const onFalse = (rule: CompiledRule, alert: SavedAlert, atMs: EpochMs): Verdict => {
  if (alert.firedAtMs === null) return { alert: null, kind: 'cancelled' };
  const keepFiringSinceMs = alert.keepFiringSinceMs ?? atMs;
  if (atMs - keepFiringSinceMs >= rule.keepFiringForMs) return { alert: null, kind: 'resolved' };
  return { alert: { ...alert, keepFiringSinceMs, noDataSinceMs: null }, kind: alert.noDataSinceMs === null ? null : 'firing' };
};

/** Whether the stored form must be written anew: all but the value and its text. */
const isSameState = (left: SavedAlert | undefined, right: SavedAlert | null): boolean =>
  left !== undefined &&
  right !== null &&
  left.firedAtMs === right.firedAtMs &&
  left.keepFiringSinceMs === right.keepFiringSinceMs &&
  left.noDataSinceMs === right.noDataSinceMs &&
  left.inputs.length === right.inputs.length &&
  left.inputs.every((id, position) => id === right.inputs[position]);

const applyFindings = (
  state: RuleState,
  findings: ReadonlyMap<string, AlertFinding>,
  index: SampleIndex,
  atMs: EpochMs,
): AlertTransition[] => {
  const { compiled, alerts } = state;
  const transitions: AlertTransition[] = [];
  const ids = [...new Set([...alerts.keys(), ...findings.keys()])].sort();
  for (const id of ids) {
    const before = alerts.get(id);
    const finding = findings.get(id);
    let verdict: Verdict;
    if (finding !== undefined) verdict = onHolding(compiled, before, finding, atMs);
    else if (before === undefined) continue;
    else if (areFresh(index, before.inputs, atMs)) verdict = onFalse(compiled, before, atMs);
    else verdict = onNoData(before, atMs);

    if (verdict.alert === null) alerts.delete(id);
    else alerts.set(id, verdict.alert);
    if (!isSameState(before, verdict.alert)) state.isChanged = true;
    const subject = verdict.alert ?? before;
    if (verdict.kind !== null && subject !== undefined) {
      transitions.push(transitionOf({ ruleId: compiled.id, ruleName: compiled.name }, subject, verdict.kind, atMs));
    }
  }
  return transitions;
};

/** Evaluates the rule at the instant. A rule that cannot be evaluated is counted and leaves its alerts as they were. */
export const evaluateRule = (state: RuleState, source: VectorSource, index: SampleIndex, atMs: EpochMs): AlertTransition[] => {
  state.lastEvaluatedAtMs = atMs;
  state.evaluationsTotal += 1;
  try {
    const findings = findAlerts(state.compiled, source, atMs);
    const newCount = [...findings.keys()].filter((id) => !state.alerts.has(id)).length;
    const count = state.alerts.size + newCount;
    if (count > limits.alertsPerRuleMax) {
      throw new EvaluationError(`the rule has ${count} alerts; at most ${limits.alertsPerRuleMax} are kept`);
    }
    state.lastError = null;
    return applyFindings(state, findings, index, atMs);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    state.failuresTotal += 1;
    state.lastError = error.message;
    return [];
  }
};
