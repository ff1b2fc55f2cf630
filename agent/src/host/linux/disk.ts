import type { MetricDoc, MetricType } from '@jiwei/shared/series.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';

const sectorBytes = 512;
const perMs = 1 / 1_000;

interface Column {
  readonly doc: MetricDoc;
  readonly factor: number;
}
const column = (name: string, help: string, factor = 1, type: MetricType = 'counter'): Column => ({
  doc: describe(`node_disk_${name}`, type, help, ['device']),
  factor,
});

/** The columns after the device name, in the order of the kernel's Documentation/admin-guide/iostats.rst. */
const columns: readonly Column[] = [
  column('reads_completed_total', 'The total number of reads completed successfully.'),
  column('reads_merged_total', 'The total number of reads merged.'),
  column('read_bytes_total', 'The total number of bytes read successfully.', sectorBytes),
  column('read_time_seconds_total', 'The total number of seconds spent by all reads.', perMs),
  column('writes_completed_total', 'The total number of writes completed successfully.'),
  column('writes_merged_total', 'The number of writes merged.'),
  column('written_bytes_total', 'The total number of bytes written successfully.', sectorBytes),
  column('write_time_seconds_total', 'This is the total number of seconds spent by all writes.', perMs),
  column('io_now', 'The number of I/Os currently in progress.', 1, 'gauge'),
  column('io_time_seconds_total', 'Total seconds spent doing I/Os.', perMs),
  column('io_time_weighted_seconds_total', 'The weighted # of seconds spent doing I/Os.', perMs),
  column('discards_completed_total', 'The total number of discards completed successfully.'),
  column('discards_merged_total', 'The total number of discards merged.'),
  column('discarded_sectors_total', 'The total number of sectors discarded successfully.'),
  column('discard_time_seconds_total', 'This is the total number of seconds spent by all discards.', perMs),
  column('flush_requests_total', 'The total number of flush requests completed successfully'),
  column('flush_requests_time_seconds_total', 'This is the total number of seconds spent by all flush requests.', perMs),
];
const info = describe('node_disk_info', 'gauge', 'Info of /sys/block/<block_device>.', [
  'device',
  'major',
  'minor',
  'model',
  'path',
  'revision',
  'serial',
  'wwn',
]);
/** What udev knows of a device, in the order of the labels after `minor`. */
const udevKeys = ['ID_MODEL', 'ID_PATH', 'ID_REVISION', 'ID_SERIAL_SHORT', 'ID_WWN'] as const;

/** Memory disks, loops and partitions, as node_exporter leaves them out by default. */
const excluded = /^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$/;

/** Disk traffic from /proc/diskstats, and what udev knows of each disk. */
export const diskReader: Reader = {
  name: 'diskstats',
  metrics: [...columns.map(({ doc }) => doc), info],
  everyMs: 0,
  open: ({ files, roots }) => {
    const path = `${roots.proc}/diskstats`;
    const isWanted = createDeviceFilter();
    const hardware = new Map<string, readonly string[]>();
    return async (sink) => {
      const disks = await files.read(path, 'lines', (scanner) => parseDisks(scanner, sink, isWanted));
      if (disks === null) return false;
      for (const disk of disks) {
        const key = `${disk.device} ${disk.major}:${disk.minor}`;
        let values = hardware.get(key);
        if (values === undefined) {
          values = await readUdev(files, `${roots.run}/udev/data/b${disk.major}:${disk.minor}`);
          if (hardware.size >= hardwareMax) hardware.clear();
          hardware.set(key, values);
        }
        sink.put(info, 1, disk.device, disk.major, disk.minor, ...values);
      }
      return true;
    };
  },
};

/** Disks whose hardware is remembered; past it all are asked anew. */
const hardwareMax = 4_096;

interface Disk {
  readonly device: string;
  readonly major: string;
  readonly minor: string;
}

/** Kernels before 4.18 have 11 columns, before 5.5 15; the columns a line does not have give no samples. */
export const parseDisks = (scanner: Scanner, sink: Sink, isWanted: (device: string) => boolean): Disk[] => {
  const disks: Disk[] = [];
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const major = scanner.word();
    const minor = scanner.word();
    const device = scanner.word();
    if (device === '' || !isWanted(device)) continue;
    for (const { doc, factor } of columns) {
      const value = scanner.number();
      if (Number.isNaN(value)) break;
      sink.put(doc, factor === perMs ? value / 1_000 : value * factor, device);
    }
    disks.push({ device, major, minor });
  }
  return disks;
};

/** Decides by name, and remembers. */
export const createDeviceFilter = (): ((device: string) => boolean) => {
  const known = new Map<string, boolean>();
  return (device) => {
    let isWanted = known.get(device);
    if (isWanted === undefined) {
      isWanted = !excluded.test(device);
      if (known.size >= hardwareMax) known.clear();
      known.set(device, isWanted);
    }
    return isWanted;
  };
};

const readUdev = async (files: FileSource, path: string): Promise<readonly string[]> => {
  const found = await files.read(path, 'whole', (scanner) => {
    const values = new Map<string, string>();
    for (; !scanner.isAtEnd; scanner.nextLine()) {
      if (!scanner.startsWith('E:')) continue;
      const key = scanner.until('=');
      if (key !== null) values.set(key.slice(2), scanner.rest());
    }
    return values;
  });
  return udevKeys.map((key) => found?.get(key) ?? '');
};
