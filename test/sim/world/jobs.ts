import { AppError } from '../../../shared/src/errors.ts';
import { asId } from '../../../shared/src/ids.ts';
import type { Plan } from '../plan.ts';
import type { CollectorNode } from './collector-node.ts';
import type { Loop } from './loop.ts';

/** One call of a job, as it truly was. */
export interface JobCall {
  readonly number: number;
  readonly heartbeat: string;
  readonly isUp: boolean;
  /** The collector has said that it is stored. */
  isAnswered: boolean;
}

/** Jobs that call the collector by themselves. A call that finds nobody, or whose collector dies before it answers, is not made again. */
export interface Jobs {
  readonly calls: readonly JobCall[];
  /** From now on every job is well and calls in time. */
  mend(): void;
}

export const createJobs = ({ loop, plan, collector }: { loop: Loop; plan: Plan; collector: CollectorNode }): Jobs => {
  const calls: JobCall[] = [];
  let isMended = false;
  const call = (heartbeat: string, isUp: boolean): void => {
    const made: JobCall = { number: calls.length, heartbeat, isUp, isAnswered: false };
    calls.push(made);
    collector.core?.collector.service.push(asId<'check'>(heartbeat), isUp, `#${made.number}`).then(
      () => {
        made.isAnswered = true;
      },
      (error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'OVERLOADED') loop.fail(error);
      },
    );
  };
  for (const { heartbeat, atMs, isUp } of plan.calls) {
    loop.at(atMs, () => {
      if (!isMended) call(heartbeat, isUp);
    });
  }
  const repeat = (heartbeat: string, intervalMs: number): void => {
    call(heartbeat, true);
    loop.at(loop.nowMs() + intervalMs, () => repeat(heartbeat, intervalMs));
  };
  return {
    calls,
    mend: () => {
      isMended = true;
      for (const { id, intervalMs } of plan.heartbeats) repeat(id, intervalMs);
    },
  };
};
