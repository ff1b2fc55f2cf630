import { cpus, loadavg, machine } from 'node:os';
import { minuteMs } from '@jiwei/shared/time.ts';
import type { Systeminformation } from 'systeminformation';
import { describe, type Reader, type Sink } from './reader.ts';

/**
 * Windows and macOS: the names of the Linux readers for what systeminformation knows there. It starts processes to find out, so what
 * changes slowly is asked once a minute.
 */
export const createOtherSystemReaders = (source: SystemSource): readonly Reader[] => [
  readerOf({ name: 'cpu', metrics: [cpuSeconds, bootTime], everyMs: 0 }, async (sink, nowSeconds) => {
    for (const [cpu, { times }] of source.cpus().entries()) {
      for (const [mode, ms] of Object.entries(cpuModes(times))) sink.put(cpuSeconds, ms / 1_000, String(cpu), mode);
    }
    sink.put(bootTime, Math.round(nowSeconds - source.uptimeSeconds()));
  }),
  readerOf({ name: 'loadavg', metrics: loads, everyMs: 0 }, async (sink) => {
    // Windows has no load average, and Node tells zeros for it.
    if (source.platform === 'win32') return;
    for (const [index, value] of source.loadavg().entries()) {
      const doc = loads[index];
      if (doc !== undefined) sink.put(doc, value);
    }
  }),
  readerOf({ name: 'meminfo', metrics: Object.values(memory), everyMs: 0 }, async (sink) => putMemory(sink, await source.mem())),
  readerOf({ name: 'filesystem', metrics: Object.values(filesystem), everyMs: minuteMs }, async (sink) => {
    for (const one of await source.fileSystems()) putFilesystem(sink, one);
  }),
  readerOf({ name: 'netdev', metrics: Object.values(network), everyMs: 0 }, async (sink) => {
    for (const one of await source.networkStats('*')) putNetwork(sink, one);
  }),
  readerOf({ name: 'time', metrics: [time], everyMs: 0 }, async (sink, nowSeconds) => sink.put(time, nowSeconds)),
  readerOf({ name: 'uname', metrics: [uname], everyMs: minuteMs }, async (sink) => {
    const { codename, distro, hostname, kernel, platform } = await source.osInfo();
    sink.put(
      uname,
      1,
      '',
      source.machine(),
      hostname,
      kernel,
      platform,
      [distro, codename].filter((part) => part !== '').join(' '),
    );
  }),
];

/** What is asked of systeminformation and of Node; tests pass recorded answers. */
export interface SystemSource {
  readonly platform: string;
  readonly cpus: typeof cpus;
  readonly loadavg: () => readonly number[];
  readonly machine: () => string;
  readonly uptimeSeconds: () => number;
  readonly mem: () => Promise<Systeminformation.MemData>;
  readonly fileSystems: () => Promise<readonly Systeminformation.FsSizeData[]>;
  readonly networkStats: (interfaces: string) => Promise<readonly Systeminformation.NetworkStatsData[]>;
  readonly osInfo: () => Promise<Systeminformation.OsData>;
}

/** This machine. systeminformation is loaded when it is first asked: on Linux, where it is not, it would only cost memory. */
export const systemSource = (platform: string, uptimeSeconds: () => number): SystemSource => ({
  platform,
  cpus,
  loadavg,
  machine,
  uptimeSeconds,
  mem: async () => (await import('systeminformation')).mem(),
  fileSystems: async () => (await import('systeminformation')).fsSize(),
  networkStats: async (interfaces) => (await import('systeminformation')).networkStats(interfaces),
  osInfo: async () => (await import('systeminformation')).osInfo(),
});

const cpuSeconds = describe('node_cpu_seconds_total', 'counter', 'Seconds the CPUs spent in each mode.', ['cpu', 'mode']);
const bootTime = describe('node_boot_time_seconds', 'gauge', 'Node boot time, in unixtime.');
const loads = [
  describe('node_load1', 'gauge', '1m load average.'),
  describe('node_load5', 'gauge', '5m load average.'),
  describe('node_load15', 'gauge', '15m load average.'),
];
const memoryField = (name: string) => describe(`node_memory_${name}_bytes`, 'gauge', `Memory information field ${name}_bytes.`);
const memory = {
  total: memoryField('MemTotal'),
  free: memoryField('MemFree'),
  available: memoryField('MemAvailable'),
  cached: memoryField('Cached'),
  buffers: memoryField('Buffers'),
  swaptotal: memoryField('SwapTotal'),
  swapfree: memoryField('SwapFree'),
} as const;
const filesystemLabels = ['device', 'fstype', 'mountpoint'];
const filesystem = {
  size: describe('node_filesystem_size_bytes', 'gauge', 'Filesystem size in bytes.', filesystemLabels),
  free: describe('node_filesystem_free_bytes', 'gauge', 'Filesystem free space in bytes.', filesystemLabels),
  avail: describe(
    'node_filesystem_avail_bytes',
    'gauge',
    'Filesystem space available to non-root users in bytes.',
    filesystemLabels,
  ),
  readonly: describe('node_filesystem_readonly', 'gauge', 'Filesystem read-only status.', filesystemLabels),
} as const;
const networkStatistic = (name: string) =>
  describe(`node_network_${name}_total`, 'counter', `Network device statistic ${name}.`, ['device']);
const network = {
  rx_bytes: networkStatistic('receive_bytes'),
  rx_errors: networkStatistic('receive_errs'),
  rx_dropped: networkStatistic('receive_drop'),
  tx_bytes: networkStatistic('transmit_bytes'),
  tx_errors: networkStatistic('transmit_errs'),
  tx_dropped: networkStatistic('transmit_drop'),
  operstate: describe('node_network_up', 'gauge', "Value is 1 if operstate is 'up', 0 otherwise.", ['device']),
} as const;
const time = describe('node_time_seconds', 'gauge', 'System time in seconds since epoch (1970).');
const uname = describe('node_uname_info', 'gauge', 'Labeled system information as provided by the uname system call.', [
  'domainname',
  'machine',
  'nodename',
  'release',
  'sysname',
  'version',
]);

const readerOf = (
  what: Pick<Reader, 'name' | 'metrics' | 'everyMs'>,
  read: (sink: Sink, nowSeconds: number) => Promise<void>,
): Reader => ({
  ...what,
  open:
    ({ clock }) =>
    async (sink) => {
      await read(sink, clock.nowMs() / 1_000);
      return true;
    },
});

const cpuModes = ({ user, nice, sys, idle, irq }: ReturnType<typeof cpus>[number]['times']) => ({
  user,
  nice,
  system: sys,
  idle,
  irq,
});

const putMemory = (sink: Sink, found: Systeminformation.MemData): void => {
  for (const key of ['total', 'free', 'available', 'cached', 'buffers', 'swaptotal', 'swapfree'] as const) {
    sink.put(memory[key], known(found[key]));
  }
};

const putFilesystem = (sink: Sink, one: Systeminformation.FsSizeData): void => {
  const labels = [one.fs, one.type, one.mount];
  sink.put(filesystem.size, known(one.size), ...labels);
  sink.put(filesystem.free, known(one.size - one.used), ...labels);
  sink.put(filesystem.avail, known(one.available), ...labels);
  if (one.rw !== null) sink.put(filesystem.readonly, one.rw ? 0 : 1, ...labels);
};

const putNetwork = (sink: Sink, one: Systeminformation.NetworkStatsData): void => {
  if (one.iface === 'lo' || one.iface === 'lo0') return;
  for (const key of ['rx_bytes', 'rx_errors', 'rx_dropped', 'tx_bytes', 'tx_errors', 'tx_dropped'] as const) {
    sink.put(network[key], known(one[key]), one.iface);
  }
  // Where it does not know, it says so, and neither 0 nor 1 would be true.
  if (one.operstate !== 'unknown') sink.put(network.operstate, one.operstate === 'up' ? 1 : 0, one.iface);
};

/** systeminformation's types promise numbers, but it tells null, NaN or a negative number for what it could not find out. */
const known = (value: number | null | undefined): number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : Number.NaN;
