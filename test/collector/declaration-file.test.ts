import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@jiwei/shared/clock.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { notifierSchemas } from '../../collector/src/notify/registry.ts';
import {
  type DeclarationFiles,
  type FirstDeclaration,
  firstDeclaration,
  markFiles,
  watchDeclaration,
} from '../../collector/src/runtime/declaration-file.ts';
import { readDeclaration } from '../../collector/src/runtime/declaring.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';

const zone = (id: string): string => `zones: [{ id: ${id}, name: ${id}, crew: C }]\n`;
const rules = (expr: string): string => `groups: [{ name: g, rules: [{ alert: A, expr: '${expr}' }] }]\n`;
const reader = { notifierSchemas };

let folder = '';
let file = '';
let ruleFile = '';
let store: Store;
let clock: ManualClock;
let logged: object[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'declaration-file-'));
  file = join(folder, 'district.yaml');
  ruleFile = join(folder, 'rules.yml');
  store = await openSqliteStore({ path: ':memory:' });
  clock = createManualClock(1_000_000);
  logged = [];
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const keep = (fields: unknown, msg?: unknown) => void logged.push({ ...Object(fields), msg });
const log = { info: keep, warn: keep };

/** While simulated time passes; real reads get their turn in between. */
const whileTimePasses = async <T>(work: Promise<T>): Promise<T> => {
  let isDone = false;
  const end = (): void => {
    isDone = true;
  };
  work.then(end, end);
  while (!isDone) {
    clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return work;
};

describe('the declaration to start with', () => {
  const start = (own: Clock = clock): Promise<FirstDeclaration> =>
    whileTimePasses(firstDeclaration({ store, reader, file, clock: own, log }));
  const apply = (text: string) => store.saveDeclaration({ appliedAtMs: 1, appliedBy: 'zhang', source: 'other.yaml', text });
  const zoneIds = ({ declaration }: FirstDeclaration): readonly string[] => declaration.zones.map(({ id }) => id);

  test('is the file at the first start, and the same version at the next', async () => {
    await writeFile(file, zone('a'));
    expect(await start()).toMatchObject({ version: 1, refused: null });
    const again = await start();
    expect([again.version, zoneIds(again)]).toEqual([1, ['a']]);
    expect(logged).toEqual([]);
  });

  test('is what was applied since, as long as the file has not changed, and the log says so', async () => {
    await writeFile(file, zone('a'));
    await start();
    await apply(zone('b'));
    const first = await start();
    expect([first.version, zoneIds(first), first.refused]).toEqual([2, ['b'], null]);
    expect(logged).toMatchObject([
      {
        ...{ file, version: 2, appliedBy: 'zhang', source: 'other.yaml', fileVersion: 1 },
        msg: 'the declaration file is not what is in force: another one was applied since, and stays until the file changes',
      },
    ]);
  });

  test('is what was applied since without a word when the file says the same by now', async () => {
    await writeFile(file, zone('a'));
    await start();
    await apply(zone('b'));
    await apply(zone('a'));
    expect((await start()).version).toBe(3);
    expect(logged).toEqual([]);
  });

  test('is the file again when it has changed since it last came into force', async () => {
    await writeFile(file, zone('a'));
    await start();
    await apply(zone('b'));
    await writeFile(file, zone('c'));
    const first = await start();
    expect([first.version, zoneIds(first)]).toEqual([3, ['c']]);
    await apply(zone('d'));
    expect((await start()).version).toBe(4);
  });

  test('is the file again when one of its rule files has changed', async () => {
    await writeFile(file, 'ruleFiles: [rules.yml]\n');
    await writeFile(ruleFile, rules('up == 0'));
    await start();
    await apply(zone('b'));
    expect((await start()).version).toBe(2);
    await writeFile(ruleFile, rules('up == 1'));
    const first = await start();
    expect([first.version, first.declaration.rules[0]?.expr]).toEqual([3, 'up == 1']);
  });

  test('is the last one in force when the file is bad, and then the mended file', async () => {
    await writeFile(file, zone('a'));
    await start();
    await writeFile(file, 'zones: 7\n');
    const refused = await start();
    expect([refused.version, zoneIds(refused)]).toEqual([1, ['a']]);
    expect(String(refused.refused)).toContain('zones: is 7; needs a list');
    await writeFile(file, zone('b'));
    expect((await start()).version).toBe(2);
  });

  test('is the last one in force while somebody is writing the file', async () => {
    await writeFile(file, `${zone('a')}units: []\n`);
    await start();
    // Well-formed, but only the first part.
    await writeFile(file, zone('b'));
    const whole = `${zone('b')}units: [{ id: u, name: U, zone: b }]\n`;
    const first = await start({
      ...clock,
      after: (delayMs, callback) => {
        writeFileSync(file, whole);
        return clock.after(delayMs, callback);
      },
    });
    expect([first.version, zoneIds(first)]).toEqual([1, ['a']]);
    // Whatever is found next is news.
    expect(first.files?.main).toHaveProperty('error');
  });

  test('nothing to start with and a bad file is an error', async () => {
    await writeFile(file, '');
    await expect(start()).rejects.toThrow('is empty');
  });
});

describe('the watched declaration', () => {
  /** Takes what is readable, and remembers it. */
  const recorder = (onReload: () => void = () => undefined) => {
    const taken: string[] = [];
    const refused: string[] = [];
    return {
      taken,
      refused,
      reload: async (files: DeclarationFiles, source: string): Promise<void> => {
        onReload();
        const text = 'text' in files.main ? files.main.text : '';
        const { declaration } = readDeclaration(text, source, { ...reader, readRuleFile: files.readRuleFile });
        taken.push(`${declaration.zones.map(({ id }) => id).join()} ${declaration.rules.map(({ expr }) => expr).join()}`);
        await markFiles(store, 1, files);
      },
      noteDeclarationError: (error: unknown) => void refused.push(String(error)),
    };
  };
  const started = async (): Promise<DeclarationFiles> => {
    const { files } = await whileTimePasses(firstDeclaration({ store, reader, file, clock, log }));
    if (files === null) throw new Error('a file was named');
    return files;
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    await whileTimePasses(vi.waitFor(() => expect(isSo()).toBe(true), { interval: 1, timeout: 10_000 }));
  };

  test('notices what changed while the collector was starting', async () => {
    await writeFile(file, `${zone('a')}ruleFiles: [rules.yml]\n`);
    await writeFile(ruleFile, rules('up == 0'));
    const files = await started();
    await writeFile(ruleFile, rules('up == 1'));
    const collector = recorder();
    const watch = watchDeclaration(file, files, clock, collector);
    await until(() => collector.taken.length === 1);
    expect(collector.taken).toEqual(['a up == 1']);
    await watch.close();
  });

  test('takes a rule file as it last was whole while somebody is writing it', async () => {
    await writeFile(file, `${zone('a')}ruleFiles: [rules.yml]\n`);
    await writeFile(ruleFile, rules('up == 0'));
    // Just when the declaration is read again.
    const collector = recorder(() => writeFileSync(ruleFile, rules('up == 1')));
    const watch = watchDeclaration(file, await started(), clock, collector);
    await writeFile(file, `${zone('b')}ruleFiles: [rules.yml]\n`);
    await until(() => collector.taken.length === 2);
    expect(collector.taken).toEqual(['b up == 0', 'b up == 1']);
    await watch.close();
  });

  test('looks for a rule file that was missing, and lets go of one that is no longer named', async () => {
    await writeFile(file, zone('a'));
    const collector = recorder();
    const watch = watchDeclaration(file, await started(), clock, collector);
    await writeFile(file, `${zone('b')}ruleFiles: [rules.yml]\n`);
    await until(() => collector.refused.length === 1);
    expect(collector.refused[0]).toContain('ruleFiles[0]: is "rules.yml"; needs a file that can be read');
    await writeFile(ruleFile, rules('up == 0'));
    await until(() => collector.taken.length === 1);
    await writeFile(file, zone('c'));
    await until(() => collector.taken.length === 2);
    await writeFile(ruleFile, rules('up == 1'));
    await writeFile(file, zone('d'));
    await until(() => collector.taken.length === 3);
    expect(collector.taken).toEqual(['b up == 0', 'c ', 'd ']);
    await watch.close();
  });
});
