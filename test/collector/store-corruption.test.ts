import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkEntities } from '../../collector/src/store/entity-shapes.ts';
import type { Store } from '../../collector/src/store/port.ts';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { withDatabase } from '../support/database-copy.ts';
import { flipOne, flipRun, seededRandom } from '../support/flips.ts';
import { contentOf, everything, fill, fillRest, page } from '../support/store-content.ts';
import { agentA, webCheck } from '../support/store-samples.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'damage-'));
  path = join(folder, 'whole', 'jiwei.db');
});
afterEach(() => rm(folder, { recursive: true }));

/** @returns the content, or the code with which it was refused */
const outcomeOf = async (database: string): Promise<unknown> => {
  let store: Store | null = null;
  try {
    store = await openSqliteStore({ path: database });
    return await contentOf(store);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return thrown.code;
  } finally {
    await store?.close();
  }
};

describe('a database in which one bit turned', () => {
  const { seed, count } = flipRun(200);

  test(`gives what was stored, or is refused; never something else (${count} bits, JIWEI_SEED=${seed})`, async () => {
    const store = await openSqliteStore({ path });
    await fillRest(store);
    for (let round = 0; round < 3; round += 1) await fill(store, round * 40);
    const whole = await contentOf(store);
    await store.close();
    const [bytes, mark] = [await readFile(path), await readFile(`${path}.mark`)];
    const random = seededRandom(seed);
    let refused = 0;
    for (let turn = 0; turn < count; turn += 1) {
      const flipped = flipOne(bytes, random);
      const outcome = await withDatabase({ '': flipped.bytes, '.mark': mark }, outcomeOf).catch((thrown: unknown) => {
        throw new Error(`${flipped.where}`, { cause: thrown });
      });
      if (typeof outcome === 'string') refused += 1;
      if (typeof outcome === 'string') expect(['STORE_CORRUPT', 'STORE_TOO_NEW'], flipped.where).toContain(outcome);
      else expect(outcome, flipped.where).toEqual(whole);
    }
    // Some pages have room to spare, where a bit means nothing; but most do not.
    expect(refused).toBeGreaterThan(count / 4);
  });

  test(`or in its write-ahead log: no commit is lost without a word (${count / 2} bits, JIWEI_SEED=${seed})`, async () => {
    const store = await openSqliteStore({ path });
    await fillRest(store);
    for (let round = 0; round < 3; round += 1) await fill(store, round * 40);
    const whole = await contentOf(store);
    // As `kill -9` leaves them.
    const [bytes, log, mark] = [await readFile(path), await readFile(`${path}-wal`), await readFile(`${path}.mark`)];
    await store.close();
    const random = seededRandom(seed);
    let refused = 0;
    for (let turn = 0; turn < count / 2; turn += 1) {
      const flipped = flipOne(log, random);
      const outcome = await withDatabase({ '': bytes, '-wal': flipped.bytes, '.mark': mark }, outcomeOf);
      if (outcome === 'STORE_CORRUPT') refused += 1;
      else expect(outcome, flipped.where).toEqual(whole);
    }
    expect(refused).toBeGreaterThan(count / 4);
  });
});

describe('a database that lacks commits', () => {
  const killed = async (): Promise<void> => {
    const store = await openSqliteStore({ path });
    await fill(store, 0);
    const files = ['', '-wal', '.mark'].map((suffix) => `${path}${suffix}`);
    const kept = await Promise.all(files.map((file) => readFile(file)));
    await store.close();
    for (const [index, file] of files.entries()) await writeFile(file, kept[index] ?? '');
  };

  test('because its log was left behind is refused, with the command that restores and the way to go on without them', async () => {
    await killed();
    await rm(`${path}-wal`);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(/last 1 commits are missing.*restore BACKUP --data/),
    });
    await rm(`${path}.mark`);
    await (await openSqliteStore({ path })).close();
  });

  test('is not suspected when nothing is missing, nor when the mark itself cannot be read', async () => {
    await killed();
    await writeFile(`${path}.mark`, 'JWMARK01????????');
    const store = await openSqliteStore({ path });
    expect(await store.frames(agentA, everything, 100)).toHaveLength(40);
    await store.close();
    await (await openSqliteStore({ path })).close();
  });
});

test('a row that does not fit its checksum is named, and nothing is computed from it', async () => {
  const store = await openSqliteStore({ path });
  await fill(store, 0);
  const other = openHandle(path, { busyMs: 1_000 });
  other.exec("update result set outcome = 'down' where observed_at_ms = 7");
  other.close();
  await expect(store.results(webCheck, everything, page)).rejects.toMatchObject({
    code: 'STORE_CORRUPT',
    message: expect.stringMatching(
      /check_id web, agent_id agent-a, observed_at_ms 7 does not fit its result_sum.*restore BACKUP/,
    ),
  });
  // The rest can still be read.
  expect((await store.results(webCheck, { fromMs: 8, toMs: 40 }, page)).items).toHaveLength(32);
  await store.close();
});

describe('a database into which somebody else wrote', () => {
  const written: readonly { readonly why: string; readonly sql: string; readonly says: string }[] = [
    {
      why: 'no JSON',
      sql: "update entity set value_json = '{', entity_sum = null",
      says: 'lane web@0 was not written by this program (it is no JSON)',
    },
    {
      why: 'another shape of the engine’s state',
      sql: `update entity set value_json = '{"state":5,"lastResult":null}', entity_sum = null where id = 'web@3'`,
      says: 'lane web@3 was not written by this program (state: ',
    },
    {
      why: 'a time that is none',
      sql: `update entity set value_json = '{"floorMs":1e999}', entity = 'asset', entity_sum = null where id = 'web@3'`,
      says: 'asset web@3 was not written by this program (floorMs: ',
    },
    {
      why: 'a right shape that does not fit its checksum',
      sql: `update entity set value_json = replace(value_json, '3', '4') where id = 'web@3'`,
      says: 'does not fit its entity_sum',
    },
  ];
  for (const { why, sql, says } of written) {
    test(`${why}: the collector does not go on from it, and says of what`, async () => {
      const store = await openSqliteStore({ path });
      await fill(store, 0);
      const handle = openHandle(path, { busyMs: 1_000 });
      // What `fill` wrote are no lanes of the engine; only the one row is looked at.
      if (!sql.startsWith("update entity set value_json = '{',")) handle.exec("delete from entity where id != 'web@3'");
      handle.exec(sql);
      handle.close();
      const reading = store.entities().then(checkEntities);
      await expect(reading).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(says) });
      await store.close();
    });
  }
});
