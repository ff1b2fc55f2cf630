import type { ReasonCode } from '@jiwei/shared/reasons.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import { ProbeFault } from './fault.ts';
import { codeOf, reasonForCode, wordsOf } from './network-error.ts';
import { type ProbeOutcome, toDetail } from './probe.ts';

/** What was found wrong: enough for a result, before latency and values are added. */
export interface Finding {
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  readonly detail?: string;
}

/**
 * What a thrown error means for the target.
 * @param activity what was going on, for people: `connecting to 10.0.0.1:22`
 * @throws the error itself when it is neither a network error nor the deadline: a bug, or a want of the agent's own host
 */
export const findingOf = (thrown: unknown, signal: AbortSignal, activity: string): Finding => {
  if (thrown instanceof ProbeFault) return { outcome: 'down', reason: thrown.reason, detail: toDetail(thrown.message) };
  if (signal.aborted) return { outcome: 'down', reason: 'TIMEOUT', detail: toDetail(`no answer while ${activity}`) };
  const code = codeOf(thrown);
  const reason = code === null ? null : reasonForCode(code);
  if (reason === null) throw thrown;
  return { outcome: 'down', reason, detail: toDetail(`${wordsOf(thrown) || code} while ${activity}`) };
};

/** The result of a run whose answer was right: `degraded` SLOW from `slowMs` on, else `up`. */
export const judgeTime = (latencyMs: number, slowMs: number | undefined): Finding =>
  slowMs !== undefined && latencyMs >= slowMs
    ? { outcome: 'degraded', reason: 'SLOW', detail: `took ${latencyMs.toFixed(1)} ms, slow from ${slowMs} ms` }
    : { outcome: 'up', reason: 'OK' };

/** Puts a finding, its latency and its values together; values that are not finite (never measured) are left out. */
export const toOutcome = (
  finding: Finding,
  latencyMs: number | null,
  values: Readonly<Record<string, number>>,
  method?: string,
): ProbeOutcome => {
  const finite = Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
  return {
    ...finding,
    latencyMs,
    ...(method === undefined ? {} : { method }),
    ...(Object.keys(finite).length === 0 ? {} : { values: finite }),
  };
};
