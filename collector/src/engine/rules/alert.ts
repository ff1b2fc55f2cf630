import type { RuleId } from '@jiwei/shared/ids.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';

/**
 * What an evaluation changed about one alert.
 * - `pending`: the condition began to hold, `for` is not over. Not sent when `for` is 0.
 * - `firing`: it held for `for`; or it holds again after `noData`.
 * - `resolved`: it was firing and is proven false: every series it was computed from is fresh, and `keep_firing_for` is over.
 * - `noData`: it was firing and a series it was computed from is stale. Nothing is proven; the alert stays firing.
 * - `cancelled`: it was pending and did not come to fire.
 * - `withdrawn`: it was pending or firing and its rule is no longer declared (or another rule now).
 */
export const alertTransitionKinds = ['pending', 'firing', 'resolved', 'noData', 'cancelled', 'withdrawn'] as const;
export type AlertTransitionKind = (typeof alertTransitionKinds)[number];

export interface AlertTransition {
  readonly kind: AlertTransitionKind;
  readonly ruleId: RuleId;
  /** `alert` of the rule. */
  readonly ruleName: string;
  /** Identity of the alert within its rule: the text form of `labels`. */
  readonly alertId: string;
  /** Labels of the series, then of the rule, then alertname (later ones win), as Prometheus makes them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Filled in with the labels and value of this evaluation (of the last one that held, when it no longer does). */
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the last evaluation at which the condition held. */
  readonly value: number;
  /** First evaluation instant of the present run. */
  readonly activeAtMs: EpochMs;
  /** Instant of the evaluation that made the change (a multiple of the rule's interval; for `withdrawn` the caller's). */
  readonly atMs: EpochMs;
}

/**
 * One alert as it is stored. `value`, `annotations` and `inputs` may be those of an earlier evaluation (a change of the value alone is
 * not worth a write); all times are instants, so that a restart neither shortens nor prolongs anything.
 */
export interface SavedAlert {
  readonly alertId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly value: number;
  readonly activeAtMs: EpochMs;
  /** null while pending. */
  readonly firedAtMs: EpochMs | null;
  /** First evaluation at which it was proven false while keep_firing_for holds it; else null. */
  readonly keepFiringSinceMs: EpochMs | null;
  /** First evaluation at which its series were stale; else null. */
  readonly noDataSinceMs: EpochMs | null;
  /** Ids of the series it was last computed from. */
  readonly inputs: readonly string[];
}

/** State of one rule, plain JSON. */
export interface SavedRule {
  readonly ruleId: RuleId;
  /** What makes its alerts this rule's: name, expression and labels. With another one they are withdrawn. */
  readonly fingerprint: string;
  readonly ruleName: string;
  readonly lastEvaluatedAtMs: EpochMs | null;
  readonly alerts: readonly SavedAlert[];
}

/** How a rule fares, for metrics and the API. Counts begin at 0 at each start. */
export interface RuleHealth {
  readonly ruleId: RuleId;
  readonly evaluationsTotal: number;
  readonly failuresTotal: number;
  /** Why the last evaluation failed (its alerts were left as they were); null when it did not. */
  readonly lastError: string | null;
  readonly lastEvaluatedAtMs: EpochMs | null;
  readonly pendingCount: number;
  readonly firingCount: number;
}
