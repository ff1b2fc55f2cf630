import { parseMounts } from '@jiwei/agent/host/linux/filesystem.ts';
import { Scanner } from '@jiwei/agent/host/scanner.ts';
import { expect, test } from 'vitest';

/** Mount points of those that may be asked on the main thread. */
const answering = (...lines: readonly string[]): readonly string[] =>
  parseMounts(new Scanner(Buffer.from(lines.map((line) => `${line} rw 0 0\n`).join(''))))
    .filter(({ isAnswering }) => isAnswering)
    .map(({ mountpoint }) => mountpoint);

const cases: readonly { readonly why: string; readonly lines: readonly string[]; readonly expected: readonly string[] }[] = [
  {
    why: 'local disks and memory answer from memory',
    lines: ['/dev/a / ext4', '/dev/b /data xfs', 'tmpfs /run tmpfs'],
    expected: ['/', '/data', '/run'],
  },
  { why: 'a file server may hang', lines: ['/dev/a / ext4', 'nas:/x /mnt nfs4'], expected: ['/'] },
  {
    why: 'so may what is mounted below one',
    lines: ['/dev/a / ext4', 'nas:/x /mnt nfs4', '/dev/b /mnt/b ext4'],
    expected: ['/'],
  },
  { why: 'also where it is listed first', lines: ['/dev/b /mnt/b ext4', 'nas:/x /mnt nfs4'], expected: [] },
  { why: 'a name that only begins alike is another', lines: ['nas:/x /mnt nfs4', '/dev/b /mnt2 ext4'], expected: ['/mnt2'] },
  { why: 'a root that may hang spoils all', lines: ['server:/ / nfs', '/dev/b /data ext4'], expected: [] },
  { why: 'an automounter on the path may hang', lines: ['auto /net autofs', '/dev/b /net/b ext4'], expected: [] },
  { why: 'a program behind fuse may hang', lines: ['x /a fuse.sshfs', '/dev/b /a/b ext4'], expected: [] },
  { why: 'what lies over another at the same place is doubted', lines: ['/dev/b /a ext4', 'x /a fuse.sshfs'], expected: [] },
  {
    why: 'a container root of layers is harmless on the path',
    lines: ['overlay / overlay', '/dev/b /data ext4'],
    expected: ['/data'],
  },
];
test.each(cases)('$why', ({ lines, expected }) => {
  expect(answering(...lines)).toEqual(expected);
});
