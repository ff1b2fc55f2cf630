import type { AgentProbe, AgentProbeKind } from '@jiwei/shared/probes/registry.ts';
import { onAbort } from './abort.ts';
import type { ProbeContext, ProbeOutcome, RunContext, Specs } from './probe.ts';
import { probeRunners } from './registry.ts';

/**
 * Runs a probe once, with a deadline.
 * @param timeoutMs from now to the deadline, ms; what is then not concluded is TIMEOUT
 * @param context its signal ends the run early, also with TIMEOUT: whoever fires it throws the answer away
 * @throws what a runner throws although its signal did not fire: a bug, or a want of the agent's own host (PROBE_ERROR for the caller)
 */
export const runProbe = async (probe: AgentProbe, timeoutMs: number, context: ProbeContext): Promise<ProbeOutcome> => {
  const deadline = new AbortController();
  const cancelTimer = context.clock.after(timeoutMs, () => deadline.abort(new Error(`no answer within ${timeoutMs} ms`)));
  const { signal } = deadline;
  const startedMs = context.clock.monotonicMs();
  // Not AbortSignal.any(), whose weak references cost more than most probes.
  const release = onAbort(context.signal, () => deadline.abort(context.signal.reason));
  try {
    const outcome = await runKind(probe, { ...context, signal, deadlineMonotonicMs: startedMs + timeoutMs });
    return withTimeTaken(outcome, context.clock.monotonicMs() - startedMs);
  } catch (error) {
    if (!signal.aborted) throw error;
    const outcome = { outcome: 'down', reason: 'TIMEOUT', latencyMs: null, detail: `no answer within ${timeoutMs} ms` } as const;
    return withTimeTaken(outcome, context.clock.monotonicMs() - startedMs);
  } finally {
    cancelTimer();
    release();
  }
};

/**
 * A run without an answer has no latency, but it took its time all the same, and blackbox_exporter tells it: dashboards and rules would have a
 * gap just where something is wrong.
 */
const withTimeTaken = (outcome: ProbeOutcome, elapsedMs: number): ProbeOutcome => {
  if (outcome.latencyMs !== null) return outcome;
  const durationMs = Math.max(0, elapsedMs - (outcome.askedAfterMs ?? 0));
  // To the microsecond, as nobody reads the rest.
  return { ...outcome, values: { ...outcome.values, probe_duration_seconds: Math.round(durationMs * 1_000) / 1_000_000 } };
};

/** Kind and spec stay together through the type parameter, so that no kind needs a case of its own here. */
const runKind = <K extends AgentProbeKind>(
  probe: { readonly [P in K]: { readonly kind: P; readonly spec: Specs[P] } }[K],
  context: RunContext,
): Promise<ProbeOutcome> => probeRunners[probe.kind].run(probe.spec, context);
