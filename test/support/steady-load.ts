import type { Series } from '@jiwei/shared/series.ts';
import type { AcknowledgedRun } from './invariants.ts';
import { newLoadIdentity, openLoadAgent } from './load-agent.ts';

const series: readonly Series[] = Array.from({ length: 20 }, (_, index) => ({
  family: { name: 'node_load1', type: 'gauge', help: '1m load average.' },
  labels: [['n', String(index)]],
}));
/** Frames on the way at once. */
const windowFrames = 16;
/** Pause before connecting again, ms. */
const againMs = 30;

/** An agent that keeps sending frames, over every loss of its connection, and remembers what was acknowledged. */
export interface SteadyLoad {
  /** What it was told is stored. @throws Error when the collector once knew less than it had acknowledged */
  run(): AcknowledgedRun;
  /** Resolves when `count` more frames are acknowledged than now. */
  progress(count: number): Promise<void>;
  stop(): Promise<AcknowledgedRun>;
}

/** @param joinToken good for one registration */
export const startSteadyLoad = (options: {
  readonly url: string;
  readonly joinToken: string;
  readonly name: string;
}): SteadyLoad => {
  const identity = newLoadIdentity();
  let lastSeq = -1;
  let agentId = options.name;
  let isStopped = false;
  let forgotten: string | null = null;
  const listeners = new Set<() => void>();

  const stream = async (): Promise<void> => {
    const agent = await openLoadAgent({ ...options, series, identity });
    agentId = agent.agentId;
    const stored = agent.storedSeq ?? -1;
    if (stored < lastSeq) forgotten = `${agentId}: ${lastSeq} was acknowledged, the collector knows ${stored}`;
    let isClosed = false;
    const closed = agent.closed.then(() => {
      isClosed = true;
    });
    for (let seq = stored + 1; !isStopped && !isClosed; seq += windowFrames) {
      const sent = Array.from({ length: windowFrames }, (_, place) =>
        agent.sendFrame(
          seq + place,
          identity.bootId + (seq + place) * 10,
          Float64Array.from(series, (_one, index) => seq + place + index),
        ),
      );
      const noting = sent.map((one, place) =>
        one.then(() => {
          lastSeq = Math.max(lastSeq, seq + place);
          for (const listener of [...listeners]) listener();
        }),
      );
      await Promise.race([Promise.all(noting), closed]);
    }
    agent.close();
    await closed;
  };

  const running = (async () => {
    while (!isStopped) {
      // Refused, reset, not there: all of it is what the test does to the collector.
      await stream().catch(() => undefined);
      if (!isStopped) await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  })();

  const run = (): AcknowledgedRun => {
    if (forgotten !== null) throw new Error(forgotten);
    return { agentId, bootId: identity.bootId, lastSeq };
  };
  return {
    run,
    progress: (count) =>
      new Promise((resolve) => {
        const wanted = lastSeq + count;
        const look = (): void => {
          if (lastSeq < wanted) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
      }),
    stop: async () => {
      isStopped = true;
      await running;
      return run();
    },
  };
};
