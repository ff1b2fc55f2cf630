import { mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@jiwei/shared/clock.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FileText, readText, readTextNow } from '../../collector/src/registry/file-text.ts';
import { type FileWatch, watchFile } from '../../collector/src/registry/watch.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

let folder = '';
let path = '';
let watched: FileWatch | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-watch-'));
  path = join(folder, 'district.yaml');
  await writeFile(path, 'zones: []\n');
});
afterEach(async () => {
  await watched?.close();
  watched = null;
  await rm(folder, { recursive: true });
});

/** Collects changes; `next` waits for one that nobody has waited for yet. */
const listenForChanges = () => {
  const waiting: FileText[] = [];
  let wake = (): void => undefined;
  return {
    onChange: (change: FileText): void => {
      waiting.push(change);
      wake();
    },
    next: async (): Promise<FileText> => {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const change = waiting.shift();
      if (change === undefined) throw new Error('a change was counted that is not there');
      return change;
    },
  };
};

/** Waits for a change while simulated time passes; real reads of the file get their turn in between. */
const whileTimePasses = async (clock: ManualClock, change: Promise<FileText>): Promise<FileText> => {
  let isThere = false;
  const seen = change.then((found) => {
    isThere = true;
    return found;
  });
  while (!isThere) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return seen;
};

test('tells of a file that was replaced by renaming another over it, as editors do', async () => {
  const changes = listenForChanges();
  watched = await watchFile(path, systemClock, changes.onChange);
  await writeFile(join(folder, 'new.yaml'), 'units: []\n');
  await rename(join(folder, 'new.yaml'), path);
  expect(await changes.next()).toEqual({ text: 'units: []\n' });
});

test('looks at the file every few seconds where the file system tells nobody, and tells only of other content', async () => {
  const clock = createManualClock(0);
  const changes = listenForChanges();
  watched = await watchFile(path, clock, changes.onChange);
  await writeFile(path, 'zones: []\n');
  clock.advance(5_000);
  await writeFile(path, 'agents: []\n');
  expect(await whileTimePasses(clock, changes.next())).toEqual({ text: 'agents: []\n' });
});

test('does not take a file that is still being written for its content', async () => {
  const clock = createManualClock(0);
  const changes = listenForChanges();
  watched = await watchFile(path, clock, changes.onChange);
  // Emptied first and filled later, as a plain write does; the look in between finds it empty.
  await writeFile(path, '');
  clock.advance(5_000);
  await readFile(path, 'utf8');
  await readFile(path, 'utf8');
  await writeFile(path, 'units: []\n');
  expect(await whileTimePasses(clock, changes.next())).toEqual({ text: 'units: []\n' });
});

test('does not take the first part of a file whose writer pauses', async () => {
  const clock = createManualClock(0);
  const changes = listenForChanges();
  watched = await watchFile(path, clock, changes.onChange);
  const parts = ['zones: []\n', 'units: []\n', 'assets: []\n'];
  for (const count of [1, 2, 3]) {
    await writeFile(path, `# new\n${parts.slice(0, count).join('')}`);
    for (let step = 0; step < 6; step += 1) {
      watched.look();
      await readFile(path, 'utf8');
      await readFile(path, 'utf8');
      clock.advance(100);
    }
  }
  expect(await whileTimePasses(clock, changes.next())).toEqual({ text: `# new\n${parts.join('')}` });
});

test('tells once that the file is gone, and again when it is back', async () => {
  const clock = createManualClock(0);
  const changes = listenForChanges();
  watched = await watchFile(path, clock, changes.onChange);
  await rm(path);
  const gone = await whileTimePasses(clock, changes.next());
  expect('error' in gone ? gone.error.code : null).toBe('CONFIG_UNREADABLE');
  await writeFile(path, 'agents: []\n');
  expect(await whileTimePasses(clock, changes.next())).toEqual({ text: 'agents: []\n' });
});

test('says nothing after it is closed', async () => {
  const clock = createManualClock(0);
  const found: FileText[] = [];
  const watch = await watchFile(path, clock, (change) => void found.push(change));
  await writeFile(path, 'agents: []\n');
  await watch.close();
  clock.advance(60_000);
  expect(found).toEqual([]);
});

test('a file beyond the size of a declaration is not read', async () => {
  await truncate(path, limits.declarationBytesMax + 1);
  const message = `cannot read ${path}: it has more than ${limits.declarationBytesMax} bytes, and no more is read of such a file`;
  expect(await readText(path)).toMatchObject({ error: { code: 'CONFIG_UNREADABLE', message } });
  expect(readTextNow(path)).toMatchObject({ error: { code: 'CONFIG_UNREADABLE', message } });
});

test('refuses to begin with a file that cannot be read', async () => {
  await expect(watchFile(join(folder, 'nowhere.yaml'), systemClock, () => undefined)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
  });
});
