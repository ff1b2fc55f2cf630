import type { MetricDoc } from '@jiwei/shared/series.ts';
import { describe, isThere, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const cpuSeconds = describe('node_cpu_seconds_total', 'counter', 'Seconds the CPUs spent in each mode.', ['cpu', 'mode']);
const guestSeconds = describe(
  'node_cpu_guest_seconds_total',
  'counter',
  'Seconds the CPUs spent in guests (VMs) for each mode.',
  ['cpu', 'mode'],
);
/** By their first word. A map: a word of the file may be any, also one that every object has. */
const simpleLines: ReadonlyMap<string, MetricDoc> = new Map([
  ['intr', describe('node_intr_total', 'counter', 'Total number of interrupts serviced.')],
  ['ctxt', describe('node_context_switches_total', 'counter', 'Total number of context switches.')],
  ['btime', describe('node_boot_time_seconds', 'gauge', 'Node boot time, in unixtime.')],
  ['processes', describe('node_forks_total', 'counter', 'Total number of forks.')],
  ['procs_running', describe('node_procs_running', 'gauge', 'Number of processes in runnable state.')],
  ['procs_blocked', describe('node_procs_blocked', 'gauge', 'Number of processes blocked waiting for I/O to complete.')],
]);

/** Order of the columns in /proc/stat, proc(5); the last two are guests, which user and nice contain already. */
const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
const guestModes = ['user', 'nice'] as const;
const idleColumn = modes.indexOf('idle');
const columnCount = modes.length + guestModes.length;
/** USER_HZ, which is 100 on every architecture Node runs on. */
const ticksPerSecond = 100;
/** A CPU whose idle time falls by more was taken out and put in again; by less, the kernel only corrected itself. */
const idleResetTicks = 3 * ticksPerSecond;

/** CPU time, forks, interrupts and boot time from /proc/stat: node_exporter's collectors `cpu` and `stat` in one reading. */
export const cpuReader: Reader = {
  name: 'cpu',
  metrics: [cpuSeconds, guestSeconds, ...simpleLines.values()],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/stat`;
    const parse = createStatParser();
    return (sink) => isThere(files.read(path, 'whole', (scanner) => parse(scanner, sink)));
  },
};

/** Remembers the counters, because idle and iowait may fall a little on real kernels, which rate() would take for a restart. */
export const createStatParser = (): ((scanner: Scanner, sink: Sink) => void) => {
  const highest = new Map<string, Float64Array>();
  const now = new Float64Array(columnCount);
  const parseCpu = (scanner: Scanner, sink: Sink): void => {
    const cpu = scanner.word().slice('cpu'.length);
    for (let column = 0; column < columnCount; column += 1) now[column] = scanner.number();
    if (Number.isNaN(now[idleColumn])) return;
    const kept = highest.get(cpu) ?? new Float64Array(columnCount);
    highest.set(cpu, kept);
    raise(kept, now);
    for (let column = 0; column < columnCount; column += 1) {
      // A column that this kernel does not have, or that the line no longer reached.
      if (Number.isNaN(now[column])) continue;
      const seconds = (kept[column] ?? 0) / ticksPerSecond;
      const mode = modes[column];
      if (mode !== undefined) sink.put(cpuSeconds, seconds, cpu, mode);
      else sink.put(guestSeconds, seconds, cpu, guestModes[column - modes.length] ?? '');
    }
  };
  return (scanner, sink) => {
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      // The line of all CPUs together, "cpu  …", is their sum and not a series.
      if (scanner.startsWith('cpu ')) continue;
      if (scanner.startsWith('cpu')) parseCpu(scanner, sink);
      else {
        const doc = simpleLines.get(scanner.word());
        if (doc !== undefined) sink.put(doc, scanner.number());
      }
    }
  };
};

const raise = (kept: Float64Array, now: Float64Array): void => {
  if ((now[idleColumn] ?? 0) + idleResetTicks < (kept[idleColumn] ?? 0)) kept.fill(0);
  for (let column = 0; column < columnCount; column += 1) {
    const value = now[column] ?? Number.NaN;
    if (value > (kept[column] ?? 0)) kept[column] = value;
  }
};
