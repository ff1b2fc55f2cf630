import { orAborted } from '@jiwei/shared/or-aborted.ts';
import { type Finding, findingOf, toOutcome } from './outcome.ts';
import type { PatternRunner } from './pattern.ts';
import type { ProbeRunner, Specs } from './probe.ts';
import type { ProcessInfo } from './process/proc-scan.ts';

type Spec = Specs['process'];

/** Counts the processes of the agent's own host that fit the spec. */
export const processRunner: ProbeRunner<'process'> = {
  kind: 'process',
  run: async (spec, { clock, signal, tools }) => {
    const startedMs = clock.monotonicMs();
    try {
      const processes = await orAborted(tools.listProcesses(signal), signal);
      if (processes === null) {
        const detail = "this host hides other users' processes from the agent (mount option hidepid of /proc)";
        return toOutcome({ outcome: 'down', reason: 'NOT_PERMITTED', detail }, null, {});
      }
      const count = countMatching(spec, processes, tools.patterns);
      return toOutcome(judgeCount(spec, count), clock.monotonicMs() - startedMs, { jiwei_probe_processes: count });
    } catch (error) {
      return toOutcome(findingOf(error, signal, 'listing processes'), null, {});
    }
  },
};

/** Linux's kernel name of a process holds this many bytes (TASK_COMM_LEN - 1). */
const kernelNameBytesMax = 15;

const countMatching = (spec: Spec, processes: readonly ProcessInfo[], patterns: PatternRunner): number => {
  const { name, user, commandLine } = spec;
  const byName = processes.filter(
    ({ names, users }) => (name === undefined || names.includes(name)) && (user === undefined || users.includes(user)),
  );
  if (commandLine === undefined) return byName.length;
  const lines = byName.map((process) => process.commandLine);
  return patterns.findAll(commandLine, lines).filter((match) => match !== null).length;
};

const judgeCount = (spec: Spec, count: number): Finding => {
  const found = `${count} matching processes`;
  if (count < spec.countMin) {
    const hint = (spec.name?.length ?? 0) > kernelNameBytesMax ? '; of other users’ processes a long name may be cut to 15' : '';
    return { outcome: 'down', reason: 'PROCESS_NOT_FOUND', detail: `${found}, at least ${spec.countMin} expected${hint}` };
  }
  if (spec.countMax !== undefined && count > spec.countMax) {
    return { outcome: 'degraded', reason: 'PROCESS_TOO_MANY', detail: `${found}, at most ${spec.countMax} expected` };
  }
  return { outcome: 'up', reason: 'OK' };
};
