import { readlinkSync } from 'node:fs';
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

/**
 * Kinds that answer statfs(2) from counters in memory, whatever their disk does. Asked on this thread, which spares the way over another:
 * but only where no mount of another kind lies on the path to them, as a dead file server would stop us there.
 */
const answeringTypes = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'tmpfs', 'ramfs', 'devtmpfs']);
/** Kinds that never hang on the way to what is mounted below them. */
const harmlessTypes = new Set([
  ...answeringTypes,
  'overlay',
  'proc',
  'sysfs',
  'cgroup',
  'cgroup2',
  'devpts',
  'squashfs',
  'iso9660',
]);

/** A mounted file system worth watching. */
export interface Mount {
  readonly device: string;
  readonly fstype: string;
  readonly mountpoint: string;
  readonly isReadonly: boolean;
  /** Whether it answers from memory, and everything on the path to it. */
  readonly isAnswering: boolean;
}

/** Space and inodes of every mounted file system; one that hangs has device_error 1 and no space until it answers. */
export const filesystemReader: Reader = {
  name: 'filesystem',
  metrics: [sizeBytes, freeBytes, availBytes, files, filesFree, readonly, deviceError],
  everyMs: 0,
  open: ({ clock, files: source, roots, spaceOf, spaceAtOnce }) => {
    let isOwnNamespace: boolean | null = null;
    return async (sink, signal) => {
      const mounts = await readMounts(source, roots);
      if (mounts === null) return false;
      const faults: string[] = [];
      isOwnNamespace ??= seesMountsOf(roots);
      const atOnce = isOwnNamespace ? spaceAtOnce : null;
      const waiting = atOnce === null ? [...mounts] : mounts.filter((mount) => !putAtOnce(sink, mount, atOnce));
      if (waiting.length === 0) return true;
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

/** In a container that is shown the host's mounts the same path may lie on another file system, and that one may hang. */
const seesMountsOf = ({ proc }: HostRoots): boolean => {
  try {
    return readlinkSync(`${proc}/1/ns/mnt`) === readlinkSync(`${proc}/self/ns/mnt`);
  } catch {
    // Not allowed to know, or no procfs.
    return false;
  }
};

/** @returns false when it has to be asked the other way: it may hang, or its answer was an error */
const putAtOnce = (sink: Sink, mount: Mount, spaceAtOnce: (mountPoint: string) => Space): boolean => {
  if (!mount.isAnswering) return false;
  try {
    putMount(sink, mount, { kind: 'space', space: spaceAtOnce(mount.mountpoint) });
    return true;
  } catch {
    return false;
  }
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
  const mounts = new Map<string, Omit<Mount, 'isAnswering'>>();
  /** Mount points of kinds that may hang. */
  const doubtful: string[] = [];
  for (; !scanner.isAtEnd; scanner.nextLine()) {
    const device = withoutEscapes(scanner.word());
    const mountpoint = withoutEscapes(scanner.word());
    const fstype = scanner.word();
    const options = scanner.word();
    if (!harmlessTypes.has(fstype)) doubtful.push(mountpoint);
    if (options === '' || excludedTypes.has(fstype) || excludedMounts.test(mountpoint)) continue;
    const isReadonly = options.split(',').includes('ro');
    // Of several at one place the last lies on top: whoever asks for the space there is told of that one.
    mounts.set(mountpoint, { device, fstype, mountpoint, isReadonly });
  }
  return [...mounts.values()].map((mount) => ({
    ...mount,
    isAnswering: answeringTypes.has(mount.fstype) && !doubtful.some((path) => isOnPath(path, mount.mountpoint)),
  }));
};

const isOnPath = (path: string, mountpoint: string): boolean =>
  path === '/' || path === mountpoint || mountpoint.startsWith(`${path}/`);

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
