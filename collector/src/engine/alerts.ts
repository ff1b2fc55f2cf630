import { type AssetId, asId } from '@jiwei/shared/ids.ts';
import { seriesText } from '@jiwei/shared/series.ts';
import type { Severity } from '@jiwei/shared/status.ts';
import { decide } from './assess.ts';
import type { EngineEvent } from './event.ts';
import type { ProblemKey } from './incident.ts';
import type { IncidentRecord } from './incident-record.ts';
import { resolveIncident } from './incidents.ts';
import type { AlertTransition } from './rules/alert.ts';
import { evaluateDue, takeChangedRules, updateSamples } from './rules/rules.ts';
import { armRules, type EngineState, openRecord } from './state.ts';
import { affectedAsset, asAgentId } from './subject.ts';
import { keep, type Turn } from './turn.ts';

/** Fresh samples for the rules. */
export const onSamples = (turn: Turn, event: Extract<EngineEvent, { kind: 'samples' }>): void => {
  const { rules } = turn.state;
  if (rules === null) return;
  updateSamples(rules, event.samples);
  armRules(turn.state);
};

/** The rules' instant has come. */
export const onRulesDue = (turn: Turn): void => {
  const { rules } = turn.state;
  if (rules === null) return;
  onTransitions(turn, evaluateDue(rules, turn.nowMs));
  armRules(turn.state);
};

/** What evaluations changed becomes incidents of the assets the alerts speak of. */
export const onTransitions = (turn: Turn, transitions: readonly AlertTransition[]): void => {
  for (const transition of transitions) onTransition(turn, transition);
  if (turn.state.rules !== null) for (const ruleId of takeChangedRules(turn.state.rules)) keep(turn, 'rule', ruleId);
};

/** The asset an alert speaks of: its label `asset`, else the host of the agent in `instance`; null when neither is known here. */
const assetOf = (state: EngineState, labels: AlertTransition['labels']): AssetId | null => {
  const named = labels['asset'];
  if (named !== undefined && state.config.assets.has(asId(named))) return asId(named);
  return state.config.agents.get(asAgentId(labels['instance'] ?? ''))?.assetId ?? null;
};

/** The alert's own labels tell several alerts of one rule on one asset apart; those every alert of it has do not. */
const problemOf = (transition: AlertTransition): ProblemKey => {
  const own = Object.entries(transition.labels).filter(
    ([name]) => !['alertname', 'instance', 'asset', 'severity'].includes(name),
  );
  return `rule:${transition.ruleId}${seriesText('', own)}`;
};

const severityWords: Readonly<Record<string, Severity>> = {
  catastrophic: 'catastrophic',
  critical: 'critical',
  major: 'major',
  minor: 'minor',
  page: 'critical',
  error: 'major',
  warning: 'major',
  info: 'minor',
};

/** Two agents on one host may fire the same alert: the incident ends with the last of them. */
const othersFire = (turn: Turn, open: IncidentRecord | undefined, alertId: string): boolean => {
  const failing = open?.failing.filter((id) => id !== alertId) ?? [];
  if (open === undefined || failing.length === 0) return false;
  open.failing = failing;
  keep(turn, 'incident', open.incident.id);
  return true;
};

const onTransition = (turn: Turn, transition: AlertTransition): void => {
  const { state } = turn;
  const assetId = assetOf(state, transition.labels);
  const asset = assetId === null ? null : affectedAsset(state.config, assetId);
  if (asset === null) return;
  const problem = problemOf(transition);
  const open = openRecord(state, asset.id, problem);
  switch (transition.kind) {
    case 'pending':
    case 'cancelled':
      return;
    case 'firing':
      return decide(turn, asset, problem, {
        kind: 'bad',
        severity: severityWords[transition.labels['severity'] ?? ''] ?? 'major',
        reason: 'RULE',
        summary: `${asset.name}: ${transition.annotations['summary'] ?? transition.ruleName}`,
        details: { ...transition.annotations, rule: transition.ruleName, value: String(transition.value) },
        faultFromMs: transition.activeAtMs,
        failing: [transition.alertId],
        seenAtMs: transition.atMs,
      });
    case 'resolved':
      return othersFire(turn, open, transition.alertId)
        ? undefined
        : decide(turn, asset, problem, {
            kind: 'good',
            faultToMs: transition.atMs,
            text: `${transition.ruleName} no longer holds`,
          });
    case 'noData':
      return decide(turn, asset, problem, { kind: 'unknown' });
    case 'withdrawn':
      if (open !== undefined) {
        resolveIncident(turn, open, {
          faultToMs: null,
          actor: 'engine',
          text: 'the rule was taken out of the register',
          excluded: 'retired',
        });
      }
      return;
    default:
      return transition.kind satisfies never;
  }
};
