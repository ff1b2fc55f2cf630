import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { minuteMs } from '@jiwei/shared/time.ts';
import { isMissing } from '../missing.ts';
import { describe, type Reader } from '../reader.ts';
import { namesIn } from './folder.ts';

const states = describe('node_processes_state', 'gauge', 'Number of processes in each state.', ['state']);
const pids = describe('node_processes_pids', 'gauge', 'Number of PIDs');
const threads = describe('node_processes_threads', 'gauge', 'Allocated threads in system');
const threadsMax = describe('node_processes_max_threads', 'gauge', 'Limit of threads in the system');
const processesMax = describe('node_processes_max_processes', 'gauge', 'Number of max PIDs limit');

/** Processes read between two turns of the event loop: about a millisecond. */
const processesPerSlice = 50;
/** stat is one line of 52 numbers and a name of at most 16 bytes (64 for kernel threads). */
const statBytes = 2 * 1024;

/** Processes by state and their threads, every two minutes: one file per process, as many as the host runs. */
export const processesReader: Reader = {
  name: 'processes',
  metrics: [states, pids, threads, threadsMax, processesMax],
  everyMs: 2 * minuteMs,
  open: ({ files, roots }) => {
    const buffer = Buffer.allocUnsafeSlow(statBytes);
    return async (sink, signal) => {
      const names = await namesIn(roots.proc);
      if (names === null) return false;
      const counts = new Map<string, number>();
      let pidCount = 0;
      let threadCount = 0;
      let readCount = 0;
      for (const name of names) {
        if (!isPid(name)) continue;
        const stat = readStat(`${roots.proc}/${name}/stat`, buffer);
        if (stat !== null) {
          pidCount += 1;
          threadCount += stat.threadCount;
          counts.set(stat.state, (counts.get(stat.state) ?? 0) + 1);
        }
        readCount += 1;
        if (readCount % processesPerSlice !== 0) continue;
        await setImmediate();
        if (signal.aborted) return false;
      }
      for (const [state, count] of counts) sink.put(states, count, state);
      sink.put(pids, pidCount);
      sink.put(threads, threadCount);
      await Promise.all([
        files.read(`${roots.proc}/sys/kernel/threads-max`, 'whole', (scanner) => sink.put(threadsMax, scanner.number())),
        files.read(`${roots.proc}/sys/kernel/pid_max`, 'whole', (scanner) => sink.put(processesMax, scanner.number())),
      ]);
      return true;
    };
  },
};

const isPid = (name: string): boolean => name >= '0' && name < ':';

/** Synchronous, unlike all other readings: the kernel answers from its own memory and a turn of the thread pool costs ten times as much. */
const readStat = (path: string, buffer: Buffer): ProcessStat | null => {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    return parseProcessStat(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)));
  } catch (error) {
    // It ended between the two looks.
    if (isMissing(error)) return null;
    throw error;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
};

interface ProcessStat {
  /** One letter: R running, S sleeping, D in uninterruptible wait, Z zombie, T stopped, I idle kernel thread … proc(5). */
  readonly state: string;
  readonly threadCount: number;
}

/** `1 (name) S …`: a name may hold spaces and brackets, so the fields begin after the last one; num_threads is field 20. */
export const parseProcessStat = (text: string): ProcessStat | null => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', 18);
  const state = fields[0] ?? '';
  const threadCount = Number(fields[17]);
  return fields.length < 18 || !text.includes(')') || !Number.isInteger(threadCount) ? null : { state, threadCount };
};
