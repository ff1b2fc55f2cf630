import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { BadCable, CableEnd } from './bad-cable.ts';

const run = promisify(execFile);

const can = (command: string, ...words: readonly string[]): boolean =>
  spawnSync(command, words, { stdio: 'ignore' }).status === 0;

/** Whether the kernel can lose and hold back packets by itself. Tried in a network namespace of its own, so that nothing of this machine changes. */
export const hasNetem = (): boolean => {
  // Where it is a module, asking for it loads it only if the kernel is told where; elsewhere there is no such program, or nothing to load.
  can('modprobe', '--quiet', 'sch_netem');
  const name = `jiwei-netem-${process.pid}`;
  if (!can('ip', 'netns', 'add', name)) return false;
  try {
    return can('tc', '-netns', name, 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms');
  } finally {
    can('ip', 'netns', 'delete', name);
  }
};

/** A cable made bad by the kernel: netem at both ends, each for what it sends. */
export const openNetem = (ends: readonly CableEnd[]): BadCable & { setDelay(delayMs: number): Promise<void> } => {
  let lossRatio = 0;
  let delayMs = 0;
  const apply = async (): Promise<void> => {
    const what = ['netem', 'delay', `${delayMs}ms`, 'loss', `${lossRatio * 100}%`];
    for (const { namespace, device } of ends) {
      await run('tc', [...(namespace === null ? [] : ['-netns', namespace]), 'qdisc', 'replace', 'dev', device, 'root', ...what]);
    }
  };
  return {
    setLoss: (ratio) => {
      lossRatio = ratio;
      return apply();
    },
    setDelay: (ms) => {
      delayMs = ms;
      return apply();
    },
    close: () => undefined,
  };
};
