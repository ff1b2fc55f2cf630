import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSource } from '@jiwei/agent/host/file-source.ts';
import { minuteMs } from '@jiwei/shared/time.ts';
import { afterEach, expect, test } from 'vitest';
import { lacks } from '../../support/components.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const open = () => {
  const clock = createManualClock(0);
  const files = createFileSource(clock);
  closing.push(files.close);
  return { clock, files };
};
const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'jiwei-files-'));
  closing.push(() => rm(path, { recursive: true }));
  return path;
};
const isPromise = (answer: unknown): boolean => answer instanceof Promise;

test.skipIf(lacks('linux'))('reads what procfs answers from threads once, and at once from then on', async () => {
  const { files } = open();
  const read = () => files.read('/proc/loadavg', 'whole', (scanner) => scanner.rest().split(' ').length);
  const first = read();
  expect(isPromise(first)).toBe(true);
  expect(await first).toBe(5);
  expect(read()).toBe(5);
});

test('reads what another file system answers from threads each time: it may hang', async () => {
  const path = join(await folder(), 'stat');
  await writeFile(path, 'a b c\n');
  const { files } = open();
  for (let time = 0; time < 3; time += 1) {
    const answer = files.read(path, 'whole', (scanner) => scanner.rest());
    expect(isPromise(answer)).toBe(true);
    expect(await answer).toBe('a b c');
  }
});

test('looks for a missing file again after a minute, and then sees it', async () => {
  const path = join(await folder(), 'later');
  const { clock, files } = open();
  const read = async () => [
    await files.read(path, 'whole', (scanner) => scanner.rest()),
    files.readAtOnce(path, 'whole', (scanner) => scanner.rest()),
  ];
  expect(await read()).toEqual([null, null]);
  await writeFile(path, 'here\n');
  clock.advance(minuteMs - 1);
  expect(await read()).toEqual([null, null]);
  clock.advance(1);
  expect(await read()).toEqual(['here', 'here']);
});

test('reads a file longer than its buffer, by both ways', async () => {
  const path = join(await folder(), 'long');
  await writeFile(path, `${'x'.repeat(100_000)}\n`);
  const { files } = open();
  const length = (): number => files.readAtOnce(path, 'pieces', (scanner) => scanner.rest().length) ?? 0;
  expect(await files.read(path, 'pieces', (scanner) => scanner.rest().length)).toBe(100_000);
  expect(length()).toBe(100_000);
});
