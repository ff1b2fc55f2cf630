import type { CancelTimer, Clock } from '@jiwei/shared/clock.ts';
import type { AgentId } from '@jiwei/shared/ids.ts';
import { secondMs } from '@jiwei/shared/time.ts';

/** An agent away for longer than this gives its checks to others; a restart or an update takes less. */
export const handOverMs = 15 * secondMs;

export interface LostAgents {
  connected(agentId: AgentId): void;
  /** @param afterMs how long it may stay away before its checks are given to others */
  lost(agentId: AgentId, afterMs: number): void;
  close(): void;
}

/** Says which agents are passed over by checks with a choice of agents. */
export const createLostAgents = (options: {
  readonly clock: Clock;
  onChange(agentId: AgentId, isLost: boolean): void;
}): LostAgents => {
  const timers = new Map<AgentId, CancelTimer>();
  const ids = new Set<AgentId>();
  const stopTimer = (agentId: AgentId): void => {
    timers.get(agentId)?.();
    timers.delete(agentId);
  };
  return {
    connected: (agentId) => {
      stopTimer(agentId);
      if (ids.delete(agentId)) options.onChange(agentId, false);
    },
    lost: (agentId, afterMs) => {
      stopTimer(agentId);
      timers.set(
        agentId,
        options.clock.after(afterMs, () => {
          timers.delete(agentId);
          ids.add(agentId);
          options.onChange(agentId, true);
        }),
      );
    },
    close: () => {
      for (const agentId of [...timers.keys()]) stopTimer(agentId);
    },
  };
};
