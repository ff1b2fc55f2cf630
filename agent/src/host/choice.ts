/** Families of a reader that go into a row. Null: it is not read at all. */
export type Families = 'all' | ReadonlySet<string> | null;

const set = (prefix: string, names: string): ReadonlySet<string> => new Set(names.split(' ').map((name) => prefix + name));

/** What one looks at first when a host is slow, full or gone, by reader: the rest of a reader is left out. */
export const essentialFamilies: Readonly<Record<string, ReadonlySet<string>>> = {
  cpu: set('node_', 'cpu_seconds_total boot_time_seconds context_switches_total procs_running procs_blocked'),
  diskstats: set(
    'node_disk_',
    'reads_completed_total writes_completed_total read_bytes_total written_bytes_total read_time_seconds_total ' +
      'write_time_seconds_total io_time_seconds_total io_time_weighted_seconds_total',
  ),
  filefd: set('node_filefd_', 'allocated maximum'),
  filesystem: set('node_filesystem_', 'size_bytes avail_bytes files files_free readonly device_error'),
  loadavg: set('node_', 'load1 load5 load15'),
  meminfo: set(
    'node_memory_',
    'MemTotal_bytes MemFree_bytes MemAvailable_bytes Buffers_bytes Cached_bytes SReclaimable_bytes Shmem_bytes ' +
      'Dirty_bytes SwapTotal_bytes SwapFree_bytes',
  ),
  netdev: set(
    'node_network_',
    'receive_bytes_total receive_packets_total receive_errs_total receive_drop_total ' +
      'transmit_bytes_total transmit_packets_total transmit_errs_total transmit_drop_total',
  ),
  pressure: set('node_pressure_', 'cpu_waiting_seconds_total io_waiting_seconds_total memory_waiting_seconds_total'),
  time: set('node_', 'time_seconds'),
  uname: set('node_', 'uname_info'),
  vmstat: set('node_vmstat_', 'oom_kill'),
};

/** What the agent tells of itself is never left out: it says whether the rest can be believed. */
const always: ReadonlySet<string> = new Set(['agent', 'agent_work']);

/**
 * What of a reader is told.
 * @param choice names of readers, `all`, `essential`; null: all
 */
export const familiesOfReader = (choice: readonly string[] | null, reader: string): Families => {
  if (choice === null || choice.includes('all') || choice.includes(reader) || always.has(reader)) return 'all';
  return choice.includes('essential') ? (essentialFamilies[reader] ?? null) : null;
};
