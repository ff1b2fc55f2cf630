import type { CheckAssignment, CheckResult } from '@jiwei/shared/check.ts';
import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import { messageOf } from '@jiwei/shared/errors.ts';
import type { AgentId, CheckId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { AgentProbe } from '@jiwei/shared/probes/registry.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import type { EpochMs } from '@jiwei/shared/time.ts';
import { errorFields, type Log } from '../log.ts';
import type { ProbeOutcome } from '../probes/probe.ts';
import type { Run, Schedule } from '../schedule/schedule.ts';
import type { Stamps } from '../stamps.ts';
import { holdMsOf } from './hold.ts';

/** Asks once. Never rejects for what the network did. */
export type Ask = (probe: AgentProbe, timeoutMs: number, signal: AbortSignal) => Promise<ProbeOutcome>;

export interface CheckRunnerOptions {
  readonly schedule: Schedule;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly stamps: Stamps;
  /** @param holdMs how long the result may wait for others */
  readonly onResult: (result: CheckResult, holdMs: number) => void;
  readonly log: Log;
}

/** Begins the runs that the schedule names, and gives their results on. */
export interface CheckRunner {
  apply(checks: readonly CheckAssignment[], agentId: AgentId): void;
  /** Ends all runs; none of them gives a result any more. */
  stop(): void;
}

/** A runner that does not end at its deadline is a bug in it; after this much more it is left behind, so that it cannot hold its place. */
const overtimeMs = 5_000;

/** A runner without checks; `apply` begins. */
export const createCheckRunner = (options: CheckRunnerOptions): CheckRunner => {
  const { schedule, clock, stamps, log } = options;
  const running = new Map<CheckId, AbortController>();
  const lastOutcomes = new Map<CheckId, Outcome>();
  let cancelWake: CancelTimer = () => undefined;
  let isStopped = false;
  let seenSteps = stamps.steps;
  const resultStamps = createResultStamps(stamps);

  const pump = (): void => {
    cancelWake();
    if (isStopped) return;
    const nowMs = stamps.nowMs();
    if (stamps.steps !== seenSteps) {
      seenSteps = stamps.steps;
      schedule.rebase(nowMs);
    }
    for (const run of schedule.take(nowMs)) begin(run);
    const dueAtMs = schedule.nextDueAtMs();
    if (dueAtMs !== null) cancelWake = clock.after(Math.max(1, dueAtMs - stamps.nowMs()), pump);
  };

  const tell = (result: CheckResult, check: CheckAssignment): void => {
    const holdMs = holdMsOf(result, check, lastOutcomes.get(check.id) ?? null);
    lastOutcomes.set(check.id, result.outcome);
    options.onResult(result, holdMs);
  };

  const begin = (run: Run): void => {
    const { id, probe, timeoutMs } = run.check;
    const control = new AbortController();
    running.set(id, control);
    const startedAtMs = resultStamps.next(id);
    const end = ({ askedAfterMs, ...outcome }: ProbeOutcome): void => {
      if (running.get(id) !== control) return;
      running.delete(id);
      const place = schedule.finish(run, { outcome: outcome.outcome, startedAtMs }, stamps.nowMs());
      if (isStopped) return;
      const observedAtMs = resultStamps.later(id, startedAtMs, askedAfterMs ?? 0);
      if (place !== null) tell({ checkId: id, observedAtMs, ...outcome, run: place }, run.check);
      pump();
    };
    const cancelOvertime = clock.after(timeoutMs + overtimeMs, () => {
      control.abort(new Error('the run did not end'));
      log.error('a probe did not end at its deadline', { checkId: id, kind: probe.kind, timeoutMs });
      end(failedOutcome(`the probe did not end ${overtimeMs} ms after its deadline`));
    });
    void options
      .ask(probe, timeoutMs, control.signal)
      .catch((error: unknown) => {
        if (!control.signal.aborted)
          log.error('a probe failed by itself', { checkId: id, kind: probe.kind, ...errorFields(error) });
        return failedOutcome(messageOf(error));
      })
      .then((outcome) => {
        cancelOvertime();
        end(outcome);
      });
  };

  return {
    apply: (checks, agentId) => {
      for (const id of schedule.apply(checks, agentId, stamps.nowMs()))
        running.get(id)?.abort(new Error('the check was changed'));
      const ids = new Set(checks.map(({ id }) => id));
      resultStamps.keep(ids);
      for (const id of [...lastOutcomes.keys()]) if (!ids.has(id)) lastOutcomes.delete(id);
      pump();
    },
    stop: () => {
      isStopped = true;
      cancelWake();
      for (const control of running.values()) control.abort(new Error('the agent stops'));
    },
  };
};

/** What is told when the probe itself failed. */
export const failedOutcome = (detail: string): ProbeOutcome => ({
  outcome: 'down',
  reason: 'PROBE_ERROR',
  latencyMs: null,
  detail: detail.slice(0, limits.detailCharactersMax),
});

/** Stamps of one check grow, also when two runs begin in the same millisecond; only a clock that was set back may lower them. */
interface ResultStamps {
  /** For a run that begins now. */
  next(id: CheckId): EpochMs;
  /** For the same run, which asked only `afterMs` later. */
  later(id: CheckId, startedAtMs: EpochMs, afterMs: number): EpochMs;
  keep(ids: ReadonlySet<CheckId>): void;
}

const createResultStamps = (stamps: Stamps): ResultStamps => {
  const last = new Map<CheckId, EpochMs>();
  let seenSteps = stamps.steps;
  return {
    next: (id) => {
      const nowMs = stamps.nowMs();
      if (stamps.steps !== seenSteps) {
        seenSteps = stamps.steps;
        last.clear();
      }
      const stamp = Math.max(nowMs, (last.get(id) ?? 0) + 1);
      last.set(id, stamp);
      return stamp;
    },
    later: (id, startedAtMs, afterMs) => {
      const stamp = startedAtMs + Math.floor(Math.max(0, afterMs));
      if (last.get(id) === startedAtMs) last.set(id, stamp);
      return stamp;
    },
    keep: (ids) => {
      for (const id of [...last.keys()]) if (!ids.has(id)) last.delete(id);
    },
  };
};
