import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlainFile, readPlainFileSync } from '@jiwei/shared/plain-file.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/components.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jiwei-plain-'));
  await writeFile(join(folder, 'full'), Buffer.alloc(10_000, 'x'));
  await writeFile(join(folder, 'empty'), '');
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'pipe')]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each([
  ['at once', async (path: string, bytesMax: number) => readPlainFileSync(path, bytesMax)],
  ['while others work', readPlainFile],
])('a file that somebody named, read %s', (_how, read) => {
  test('is given whole up to the last byte that is allowed', async () => {
    expect((await read(join(folder, 'full'), 10_000)).equals(Buffer.alloc(10_000, 'x'))).toBe(true);
    expect((await read(join(folder, 'empty'), 10)).length).toBe(0);
  });

  test('is refused with one byte more', async () => {
    await expect(read(join(folder, 'full'), 9_999)).rejects.toThrow('more than 9999 bytes');
  });

  test('is refused when it is a folder, and when it is not there', async () => {
    await expect(read(folder, 10)).rejects.toThrow(/no regular file|EISDIR/);
    await expect(read(join(folder, 'gone'), 10)).rejects.toThrow('ENOENT');
  });

  test.skipIf(lacks('unix'))('is refused at once when it is a pipe or a device', async () => {
    await expect(read(join(folder, 'pipe'), 10)).rejects.toThrow('no regular file');
    await expect(read('/dev/zero', 10)).rejects.toThrow('no regular file');
  });

  test.skipIf(lacks('linux'))('is read to its end when it claims no size', async () => {
    expect((await read('/proc/self/status', 1_000_000)).toString()).toMatch(/^Name:[\s\S]*\n$/);
    await expect(read('/proc/self/status', 100)).rejects.toThrow('more than 100 bytes');
  });
});
