import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/** One end of a cable between two hosts. */
export interface CableEnd {
  /** The network namespace of its host; null for the one the tests run in. */
  readonly namespace: string | null;
  readonly device: string;
  readonly peerAddress: string;
  readonly peerMac: string;
}

/** A cable that swallows packets, without a word to either end. */
export interface BadCable {
  /** The share of packets it swallows both ways: 1 is a link that is half open, 0 a good one. */
  setLoss(lossRatio: number): Promise<void>;
  close(): void;
}

const nobodysMac = '02:00:00:00:00:01';
/** Shorter than TCP waits before it sends again, so that some of what is repeated arrives. */
const sliceMs = 10;

/**
 * For its share of the time the ends send to an address nobody has; so this needs nothing of the kernel. One `ip` for each end takes its lines;
 * starting one for each line would keep the machine busy.
 */
export const openSlices = (ends: readonly CableEnd[]): BadCable => {
  const tools = ends.map((end) => {
    const where = end.namespace === null ? [] : ['-n', end.namespace];
    return { end, tool: spawn('ip', ['-force', ...where, '-batch', '-']) as ChildProcessWithoutNullStreams };
  });
  const set = (isLost: boolean): void => {
    for (const { end, tool } of tools) {
      tool.stdin.write(
        `neigh replace ${end.peerAddress} lladdr ${isLost ? nobodysMac : end.peerMac} dev ${end.device} nud permanent\n`,
      );
    }
  };
  let slices: NodeJS.Timeout | null = null;
  return {
    setLoss: async (lossRatio) => {
      if (slices !== null) clearInterval(slices);
      slices = lossRatio > 0 && lossRatio < 1 ? setInterval(() => set(Math.random() < lossRatio), sliceMs) : null;
      set(lossRatio === 1);
    },
    close: () => {
      if (slices !== null) clearInterval(slices);
      for (const { tool } of tools) tool.kill();
    },
  };
};
