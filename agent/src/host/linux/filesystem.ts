import { messageOf } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import type { FileSource } from '../file-source.ts';
import { describe, type HostRoots, type Reader, type Sink } from '../reader.ts';
import type { Scanner } from '../scanner.ts';
import type { Space, SpaceAnswer } from '../statfs.ts';

const labels = ['device', 'fstype', 'mountpoint'];
const sizeBytes = describe('node_filesystem_size_bytes', 'gauge', 'Filesystem size in bytes.', labels);
const freeBytes = describe('node_filesystem_free_bytes', 'gauge', 'Filesystem free space in bytes.', labels);
const availBytes = describe(
  'node_filesystem_avail_bytes',
  'gauge',
  'Filesystem space available to non-root users in bytes.',
  labels,
);
const files = describe('node_filesystem_files', 'gauge', 'Filesystem total file nodes.', labels);
const filesFree = describe('node_filesystem_files_free', 'gauge', 'Filesystem total free file nodes.', labels);
const readonly = describe('node_filesystem_readonly', 'gauge', 'Filesystem read-only status.', labels);
const deviceError = describe(
  'node_filesystem_device_error',
  'gauge',
  'Whether an error occurred while getting statistics for the given device.',
  labels,
);

/** node_exporter's own defaults: places and kinds of file systems that hold nobody's data. */
const excludedMounts = /^\/(dev|proc|run\/credentials\/.+|sys|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)($|\/)/;
const excludedTypes = new Set(
  (
    'autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs fusectl hugetlbfs iso9660 mqueue nsfs overlay ' +
    'proc procfs pstore rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs'
  ).split(' '),
);

/** A mounted file system worth watching. */
export interface Mount {
  readonly device: string;
  readonly fstype: string;
  readonly mountpoint: string;
  readonly isReadonly: boolean;
}

/** Space and inodes of every mounted file system; one that hangs has device_error 1 and no space until it answers. */
export const filesystemReader: Reader = {
  name: 'filesystem',
  metrics: [sizeBytes, freeBytes, availBytes, files, filesFree, readonly, deviceError],
  everyMs: 0,
  open: ({ clock, files: source, roots, spaceOf }) => {
    return async (sink, signal) => {
      const mounts = await readMounts(source, roots);
      if (mounts === null) return false;
      const faults: string[] = [];
      const waiting = [...mounts];
      // Two lanes: one dead mount does not hold up the others.
      // Given up before the whole reading is, so that the row still says which mount hangs.
      const patience = new AbortController();
      const giveUp = () => patience.abort();
      const cancel = clock.after(limits.hostMountMsMax, giveUp);
      signal.addEventListener('abort', giveUp, { once: true });
      const lane = async (): Promise<void> => {
        for (let mount = waiting.shift(); mount !== undefined; mount = waiting.shift()) {
          const answer = await spaceOf(mount.mountpoint, patience.signal);
          putMount(sink, mount, answer);
          const fault = faultOf(mount, answer);
          if (fault !== null) faults.push(fault);
        }
      };
      await Promise.all([lane(), lane()]).finally(cancel);
      if (faults.length > 0) throw new Error(faults.slice(0, faultsToldMax).join('; '));
      return true;
    };
  },
};

/** Mounts named in one message; the others have their device_error. */
const faultsToldMax = 5;

/** The mounts of process 1 are those of the host even where the agent sees fewer; without that right, its own. */
const readMounts = async (source: FileSource, roots: HostRoots): Promise<readonly Mount[] | null> => {
  const own = () => source.read(`${roots.proc}/self/mounts`, 'pieces', parseMounts);
  try {
    return (await source.read(`${roots.proc}/1/mounts`, 'pieces', parseMounts)) ?? (await own());
  } catch {
    return own();
  }
};

/** Lines of fstab(5) form; a mount seen twice is told once, and a line cut short not at all. */
export const parseMounts = (scanner: Scanner): Mount[] => {
  const mounts = new Map<string, Mount>();
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const device = withoutEscapes(scanner.word());
    const mountpoint = withoutEscapes(scanner.word());
    const fstype = scanner.word();
    const options = scanner.word();
    if (options === '' || excludedTypes.has(fstype) || excludedMounts.test(mountpoint)) continue;
    const isReadonly = options.split(',').includes('ro');
    mounts.set(`${device}\u0000${fstype}\u0000${mountpoint}`, { device, fstype, mountpoint, isReadonly });
  }
  return [...mounts.values()];
};

/** The kernel writes space, tab, line feed, backslash and hash as \ooo. */
const withoutEscapes = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;

const putMount = (sink: Sink, mount: Mount, answer: SpaceAnswer): void => {
  const { device, fstype, mountpoint } = mount;
  if (answer.kind === 'skipped') return;
  sink.put(deviceError, answer.kind === 'space' ? 0 : 1, device, fstype, mountpoint);
  sink.put(readonly, mount.isReadonly ? 1 : 0, device, fstype, mountpoint);
  if (answer.kind === 'space') putSpace(sink, answer.space, [device, fstype, mountpoint]);
};

const putSpace = (sink: Sink, space: Space, values: readonly string[]): void => {
  sink.put(sizeBytes, space.blocks * space.bsize, ...values);
  sink.put(freeBytes, space.bfree * space.bsize, ...values);
  sink.put(availBytes, space.bavail * space.bsize, ...values);
  sink.put(files, space.files, ...values);
  sink.put(filesFree, space.ffree, ...values);
};

const faultOf = ({ mountpoint }: Mount, answer: SpaceAnswer): string | null => {
  switch (answer.kind) {
    case 'space':
      return null;
    case 'failed':
      return `statfs of ${mountpoint} failed: ${messageOf(answer.error)}`;
    case 'waiting':
      return `statfs of ${mountpoint} has not come back`;
    case 'skipped':
      return `${mountpoint} was not asked, as other mounts hang`;
    default:
      return answer satisfies never;
  }
};
