import { readFileSync } from 'node:fs';

/**
 * What tells a process from a later one with the same number: the boot of the system and the tick it started at (proc(5), field 22).
 * @returns null where the system does not tell, or there is no such process
 */
export const processStamp = (pid: number): string | null => {
  if (process.platform !== 'linux') return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program, in parentheses, may hold spaces and parentheses itself.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const systemBoot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return startTicks === undefined ? null : `${systemBoot}/${startTicks}`;
  } catch {
    // Gone between two looks, or /proc is not there: not known.
    return null;
  }
};
