import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { summedOf, sumOfValues } from '../../collector/src/store/sql/row-sum.ts';
import { assertBound } from '../../collector/src/store/sqlite/bind.ts';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';
import { applicationId, migrate, readPragma } from '../../collector/src/store/sqlite/migrate.ts';
import { migrations } from '../../collector/src/store/sqlite/migrations.ts';
import { openFile } from '../../collector/src/store/sqlite/open.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { agentA, batchOf, frameOf, outboxOf, resultOf, webCheck } from '../support/store-samples.ts';

const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  path = join(folder, 'data', 'jiwei.db');
});
afterEach(() => rm(folder, { recursive: true }));

const fill = async (frames = 200): Promise<void> => {
  const store = await openSqliteStore({ path });
  const body = new Uint8Array(5_000).fill(7);
  await store.commit(batchOf({ frames: Array.from({ length: frames }, (_, seq) => frameOf({ seq, body })) }));
  await store.close();
};
const alter = (sql: string): void => {
  const handle = openHandle(path, { busyMs: 0 });
  handle.exec(sql);
  handle.close();
};

describe('opening', () => {
  test('makes folder and file for the service user alone, marked as ours, and finds its content again', async () => {
    const store = await openSqliteStore({ path });
    await store.commit(batchOf({ frames: [frameOf()] }));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
    await store.close();

    const handle = openHandle(path, { busyMs: 0, readOnly: true });
    expect(readPragma(handle, 'application_id')).toBe(applicationId);
    expect(readPragma(handle, 'user_version')).toBe(migrations.length);
    handle.close();
    const again = await openSqliteStore({ path });
    expect(await again.latestFrames()).toEqual([frameOf()]);
    await again.close();
  });

  test('has a write-ahead log with full sync on its own connection, also at a file that had neither', async () => {
    const durability = async (): Promise<readonly unknown[]> => {
      const opened = await openFile(path, 0, limits.storeBytesDefault);
      const read = (name: string): unknown => opened.handle.prepare(`pragma ${name}`).all([])[0]?.[name];
      const [mode, sync] = [read('journal_mode'), read('synchronous')];
      opened.close();
      return [mode, sync];
    };
    const walAndFull = ['wal', 2];
    expect(await durability(), 'made new').toEqual(walAndFull);
    expect(await durability(), 'opened again').toEqual(walAndFull);
    alter('pragma journal_mode = delete; pragma synchronous = off');
    expect(await durability(), 'left with a rollback journal').toEqual(walAndFull);
  });

  test('refuses a second process at the same file while the first one has it, and takes it over afterwards', async () => {
    const store = await openSqliteStore({ path });
    const refused = openSqliteStore({ path });
    await expect(refused).rejects.toMatchObject({ code: 'LOCKED' });
    await expect(refused).rejects.toThrow(path);
    await store.close();
    await (await openSqliteStore({ path })).close();
  });

  test('leaves the file readable for others while it is open', async () => {
    const store = await openSqliteStore({ path });
    await store.commit(batchOf({ frames: [frameOf()] }));
    const reader = openHandle(path, { busyMs: 0, readOnly: true });
    expect(reader.prepare('select count(*) as n from frame').all([])[0]?.['n']).toBe(1);
    reader.close();
    await store.close();
  });

  test('goes on where a first start was cut off before the file was whole', async () => {
    await fill(0);
    await rename(path, `${path}.new`);
    await rm(`${path}.mark`);
    await truncate(`${path}.new`, 5_000);
    await (await openSqliteStore({ path })).close();
  });

  test('says so when the folder cannot be made', async () => {
    await writeFile(join(folder, 'data'), 'a file is in the way');
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  const damages: readonly { why: string; damage: () => Promise<void> }[] = [
    { why: 'is empty', damage: () => truncate(path, 0) },
    { why: 'is cut in the middle of its first page', damage: () => truncate(path, 1_000) },
    {
      why: 'is cut in the middle',
      damage: async () => truncate(path, Math.floor((await stat(path)).size / 8_192) * 4_096),
    },
    { why: 'is another kind of file', damage: () => writeFile(path, 'name,value\n'.repeat(1_000)) },
    {
      why: 'has its schema page overwritten',
      damage: async () => {
        const bytes = await readFile(path);
        await writeFile(path, bytes.fill(0xff, 100, 4_096));
      },
    },
    {
      why: 'has one page of data overwritten',
      damage: async () => {
        const bytes = await readFile(path);
        const pageCount = bytes.length / 4_096;
        for (let page = Math.floor(pageCount / 2); page < pageCount - 1; page += 1)
          bytes.fill(0xa5, page * 4_096, page * 4_096 + 64);
        await writeFile(path, bytes);
      },
    },
    { why: "is another product's database", damage: async () => alter('pragma application_id = 7') },
    { why: 'took a schema step that was changed since', damage: async () => alter("update migration set checksum = 'x'") },
    { why: 'lost the record of its schema', damage: async () => alter('delete from migration') },
    {
      why: 'is missing beside its write-ahead log',
      damage: async () => {
        await writeFile(`${path}-wal`, 'log');
        await rm(path);
      },
    },
  ];
  test.each(damages)('a file that $why is refused with the way out, and left as it is', async ({ damage }) => {
    await fill();
    await damage();
    const before = await readFile(path).catch(() => null);
    const refused = await openSqliteStore({ path }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(`restore BACKUP --data '${join(folder, 'data')}'`),
    });
    expect(await readFile(path).catch(() => null)).toEqual(before);
  });

  test('a database of a later version is refused and left as it is', async () => {
    await fill();
    alter(
      `insert into migration values (${migrations.length + 1}, 'later', 'x', 0); pragma user_version = ${migrations.length + 1}`,
    );
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    const handle = openHandle(path, { busyMs: 0, readOnly: true });
    expect(readPragma(handle, 'user_version')).toBe(migrations.length + 1);
    handle.close();
  });
});

describe('migrations', () => {
  const step = (number: number, sql: string) => ({ number, name: `step ${number}`, sql });

  test('take what is new, in order, and once', () => {
    const handle = openHandle(':memory:', { busyMs: 0 });
    const one = step(1, 'create table a (x integer) strict');
    migrate(handle, [one], 5);
    migrate(handle, [one, step(2, 'insert into a values (1)'), step(3, 'insert into a values (2)')], 6);
    migrate(handle, [one, step(2, 'insert into a values (1)'), step(3, 'insert into a values (2)')], 7);
    expect(handle.prepare('select x from a').all([])).toMatchObject([{ x: 1 }, { x: 2 }]);
    expect(handle.prepare('select number, taken_at_ms from migration').all([])).toMatchObject([
      { number: 1, taken_at_ms: 5 },
      { number: 2, taken_at_ms: 6 },
      { number: 3, taken_at_ms: 6 },
    ]);
    handle.close();
  });

  test('leave the schema before a step that fails', () => {
    const handle = openHandle(':memory:', { busyMs: 0 });
    const one = step(1, 'create table a (x integer) strict');
    expect(() => migrate(handle, [one, step(2, 'insert into a values (1); insert into missing values (1)')], 5)).toThrow(
      /missing/,
    );
    expect(readPragma(handle, 'user_version')).toBe(1);
    expect(handle.prepare('select x from a').all([])).toEqual([]);
    handle.close();
  });
});

describe('a database of before it was recorded whether a notification may have arrived', () => {
  const { id, routeId, incidentId, notice, incident, createdAtMs, state, tries, nextTryAtMs } = outboxOf();
  const values = [id, routeId, incidentId, notice, JSON.stringify(incident), createdAtMs, state, tries, nextTryAtMs, null, null];
  beforeEach(async () => {
    await mkdir(join(folder, 'data'), { mode: 0o700 });
    const handle = openHandle(path, { busyMs: 0 });
    migrate(handle, migrations.slice(0, 3), 5);
    const columns = summedOf('outbox').filter((column) => column !== 'may_have_arrived');
    const places = columns.map(() => '?').join(', ');
    const insert = handle.prepare(`insert into outbox (${columns.join(', ')}, outbox_sum) values (${places}, ?)`);
    insert.run([...values, sumOfValues(values)]);
    handle.close();
  });

  test('holds what may have: its notification fits its checksum, is kept, and is summed anew when it changes', async () => {
    const store = await openSqliteStore({ path });
    expect(await store.outboxOf(incidentId)).toEqual([outboxOf({ mayHaveArrived: true })]);
    await store.saveOutbox(outboxOf({ mayHaveArrived: false, tries: 1 }));
    expect(await store.outboxOf(incidentId)).toEqual([outboxOf({ mayHaveArrived: false, tries: 1 })]);
    await store.close();
  });

  test.each(['tries = 1', 'may_have_arrived = 0'])('is refused where a bit turned: %s', async (change) => {
    await (await openSqliteStore({ path })).close();
    alter(`update outbox set ${change}`);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('a full database', () => {
  test('refuses the commit whole, keeps what it had, and takes smaller ones', async () => {
    const store = await openSqliteStore({ path, bytesMax: 400_000 });
    await store.commit(batchOf({ frames: [frameOf()] }));
    const large = batchOf({
      results: [resultOf()],
      frames: [frameOf({ seq: 1, body: new Uint8Array(500_000) })],
      positions: [{ agentId: agentA, bootId: 1, seq: 1 }],
    });
    await expect(store.commit(large)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('full'),
    });
    expect(await store.latestFrames()).toEqual([frameOf()]);
    expect(await store.positions()).toEqual([]);
    await store.commit(batchOf({ frames: [frameOf({ seq: 1 })] }));
    expect(await store.frames(agentA, everything, 10)).toHaveLength(2);
    await store.close();
  });
});

describe('the bind guard', () => {
  test.each([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['an integer beyond 2^53', 2 ** 53],
    ['a Date', new Date(0)],
    ['a boolean', true],
    ['an object', {}],
    ['a bigint', 1n],
  ])('refuses %s, which would be stored as something else', (_what, value) => {
    expect(() => assertBound([1, value], 'insert …')).toThrow(/parameter 2 is/);
  });

  test('lets through what comes back as it went in', () => {
    const values = [null, 0, -1.5, 2 ** 53 - 1, 0.1, '', '汉字', new Uint8Array([0])];
    expect(assertBound(values, '')).toBe(values);
  });
});

describe('durability', () => {
  test('after kill -9 in mid-run the store holds every acknowledged batch, at most one more, and none in part', async () => {
    let acknowledged = -1;
    for (const killAfter of [1, 40, 7]) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('../support/commit-until-killed.ts', import.meta.url)), path],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const ended = once(child, 'exit');
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Math.max(acknowledged, Number(line));
        lines += 1;
        // Lines already in the pipe are read on after the kill: they were acknowledged too.
        if (lines === killAfter) child.kill('SIGKILL');
      }
      await ended;

      const store = await openSqliteStore({ path });
      const stored = (await store.positions())[0]?.seq ?? -1;
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
      expect(stored).toBeLessThanOrEqual(acknowledged + 1);
      const frames = await store.frames(agentA, everything, 10_000);
      expect(frames.map((frame) => frame.seq)).toEqual(Array.from({ length: stored + 1 }, (_, seq) => seq));
      expect(frames.every((frame) => frame.body.every((byte) => byte === frame.seq % 256))).toBe(true);
      let results = 0;
      for (let cursor: string | null = null, more = true; more; ) {
        const page: { items: readonly unknown[]; next: string | null } = await store.results(webCheck, everything, {
          limit: 1_000,
          cursor,
        });
        results += page.items.length;
        cursor = page.next;
        more = cursor !== null;
      }
      expect(results).toBe((stored + 1) * 50);
      await store.close();
      acknowledged = stored;
    }
    expect(acknowledged).toBeGreaterThan(40);
  });
});
