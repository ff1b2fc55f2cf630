import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc (USER_HZ): 100 on every Linux port in use. */
const ticksPerSecond = 100;

/** CPU seconds of a process's ended children: 0 growth means that it started none that ran. Source: proc_pid_stat(5), cutime and cstime. */
export const childCpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return ((fields[13] ?? 0) + (fields[14] ?? 0)) / ticksPerSecond;
};

/** Finer than ticks: nanoseconds on a CPU of all threads now alive (schedstat), in seconds. Threads that ended are missing. */
export const threadCpuSeconds = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    0,
  ) / 1e9;

/** Memory of a process in MiB: resident, and private anonymous. Source: proc_pid_smaps(5), smaps_rollup. */
export const memoryMib = (pid: number): { rss: number; privateAnonymous: number; pss: number } => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { rss: kib('Rss') / 1024, privateAnonymous: kib('Anonymous') / 1024, pss: kib('Pss') / 1024 };
};
