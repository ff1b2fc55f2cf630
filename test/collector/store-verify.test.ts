import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@jiwei/shared/errors.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Findings, Store } from '../../collector/src/store/port.ts';
import { findDamage } from '../../collector/src/store/sqlite/damage.ts';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { flipOne, flipRun, seededRandom } from '../support/flips.ts';
import { hurtIndex } from '../support/hurt-index.ts';
import { contentOf, everything, fill, fillRest, page } from '../support/store-content.ts';
import { agentA, webCheck } from '../support/store-samples.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-'));
  path = join(folder, 'jiwei.db');
});
afterEach(() => rm(folder, { recursive: true }));
const never = new AbortController().signal;

const openFilled = async (rounds: number): Promise<Store> => {
  const store = await openSqliteStore({ path });
  await fillRest(store);
  for (let round = 0; round < rounds; round += 1) await fill(store, round * 40);
  return store;
};
const hiddenIn = ({ damages }: Findings): readonly string[] => damages.filter((one) => one.hidesRows).map(({ table }) => table);

describe('a database that is read whole', () => {
  test('is found whole while it is open, in a process of its own, and nothing is left behind', async () => {
    const store = await openFilled(3);
    const findings = await store.verify(never);
    expect(findings).toMatchObject({ damages: [], misfits: 0 });
    expect(findings.rows).toBeGreaterThan(3 * 40 * 3);
    expect(existsSync(`${path}.damage`)).toBe(false);
    await contentOf(store);
    await store.close();
  });

  test('so is one in memory', async () => {
    const store = await openSqliteStore({ path: ':memory:' });
    await fill(store, 0);
    expect(await store.verify(never)).toMatchObject({ damages: [], misfits: 0 });
    await store.close();
  });

  test('each row that does not fit its checksum is counted, the first ones are named, and only their answers are refused', async () => {
    const store = await openFilled(1);
    const other = openHandle(path, { busyMs: 1_000 });
    other.exec("update result set outcome = 'down' where observed_at_ms < 20");
    other.close();
    const findings = await store.verify(never);
    expect(findings.misfits).toBe(20);
    expect(findings.damages).toHaveLength(5);
    expect(findings.damages[0]).toMatchObject({ table: 'result', hidesRows: false, detail: expect.stringMatching(/result_sum/) });
    expect((await store.results(webCheck, { fromMs: 20, toMs: 40 }, page)).items).toHaveLength(20);
    await store.close();
    await (await openSqliteStore({ path })).close();
  });

  test('an index that lost a row: its table is refused at once and at the next start, everything else goes on', async () => {
    const store = await openFilled(1);
    await hurtIndex(path, 'result_check', 'web');
    const findings = await store.verify(never);
    expect(hiddenIn(findings)).toEqual(['result']);
    expect(hiddenIn(findDamage(path))).toEqual(['result']);
    expect(await readFile(`${path}.damage`, 'utf8')).toMatch(/^result: .*result_check\n$/);
    const refused = { code: 'STORE_CORRUPT', message: expect.stringMatching(/result: .*result_check.*restore BACKUP --data/) };
    await expect(store.results(webCheck, everything, page)).rejects.toMatchObject(refused);
    // Also where nothing is found: that there is nothing is what cannot be known.
    await expect(store.results(webCheck, { fromMs: 900, toMs: 901 }, page)).rejects.toMatchObject(refused);
    expect(await store.frames(agentA, everything, 100)).toHaveLength(40);
    await fill(store, 40);
    expect(await store.frames(agentA, everything, 100)).toHaveLength(80);
    await store.close();
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(/result_check/),
    });
  });

  test('word of damage is taken away by a start that finds it mended', async () => {
    await (await openFilled(1)).close();
    await hurtIndex(path, 'result_check', 'web');
    await writeFile(`${path}.damage`, 'result: row 1 missing from index result_check\n');
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const handle = openHandle(path, { busyMs: 1_000 });
    handle.exec('reindex result_check');
    handle.close();
    await (await openSqliteStore({ path })).close();
    expect(existsSync(`${path}.damage`)).toBe(false);
  });

  test('is given up when it is closed, and says so when it cannot be read at all', async () => {
    const store = await openFilled(1);
    const stopped = new AbortController();
    const verifying = store.verify(stopped.signal);
    stopped.abort();
    await expect(verifying).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
    expect(() => findDamage(join(folder, 'no.db'))).toThrow(/there is no database/);
    await writeFile(join(folder, 'no.db'), Buffer.alloc(8_192, 7));
    expect(() => findDamage(join(folder, 'no.db'))).toThrow(AppError);
  });
});

/** What is read, or how it was refused: by the look at all, or by the start that follows it. */
const outcomeOf = async (copy: string): Promise<unknown> => {
  try {
    if (findDamage(copy).damages.length > 0) return 'found';
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'STORE_CORRUPT') return 'found';
    throw thrown;
  }
  try {
    const store = await openSqliteStore({ path: copy });
    const content = await contentOf(store);
    await store.close();
    return content;
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown.message;
    throw thrown;
  }
};

const { seed, count } = flipRun(200);
test(`whatever one turned bit does to what is read, a look at all finds it, however large the file (${count} bits, JIWEI_SEED=${seed})`, async () => {
  const store = await openFilled(3);
  const whole = await contentOf(store);
  await store.close();
  const bytes = await readFile(path);
  const random = seededRandom(seed);
  let found = 0;
  for (let turn = 0; turn < count; turn += 1) {
    const flipped = flipOne(bytes, random);
    const copy = join(folder, String(turn), 'jiwei.db');
    await mkdir(join(folder, String(turn)));
    await writeFile(copy, flipped.bytes);
    await copyFile(`${path}.mark`, `${copy}.mark`);
    const outcome = await outcomeOf(copy);
    if (outcome === 'found') found += 1;
    // The look knows nothing of the texts of the schema and of declarations: each start compares these, and whoever reads those.
    else if (typeof outcome === 'string') expect(outcome, flipped.where).toMatch(/schema|declaration version \d+/);
    else expect(outcome, flipped.where).toEqual(whole);
    await rm(join(folder, String(turn)), { recursive: true });
  }
  expect(found).toBeGreaterThan(count / 4);
});
