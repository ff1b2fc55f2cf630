import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { AppError } from '@jiwei/shared/errors.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Findings, Store } from '../../collector/src/store/port.ts';
import { makeBackup } from '../../collector/src/store/sqlite/backup.ts';
import { findDamage } from '../../collector/src/store/sqlite/damage.ts';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';
import { restoreBackup } from '../../collector/src/store/sqlite/restore.ts';
import { openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { withDatabase } from '../support/database-copy.ts';
import { flipOne, flipRun, seededRandom } from '../support/flips.ts';
import { hurtIndex } from '../support/hurt-index.ts';
import { contentOf, everything, fill, fillRest, page } from '../support/store-content.ts';
import { agentA, tokenOf, webCheck } from '../support/store-samples.ts';

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

  test('a backup in its place needs no look: the word of damage goes aside with the database it is about', async () => {
    const store = await openFilled(1);
    const backup = join(folder, 'backup');
    await makeBackup(path, backup, { atMs: 5, version: 'test' });
    await hurtIndex(path, 'result_check', 'web');
    await store.verify(never);
    await store.close();
    const { keptFolder } = await restoreBackup(backup, path, 6);
    expect(existsSync(`${path}.damage`)).toBe(false);
    expect(existsSync(join(keptFolder ?? '', 'jiwei.db.damage'))).toBe(true);
    const restored = await openSqliteStore({ path });
    expect((await restored.results(webCheck, everything, page)).items).toHaveLength(40);
    await restored.close();
  });

  test('what belongs to no table is looked at, too, and told in one line: free pages that are not as many as they should be', async () => {
    await (await openFilled(1)).close();
    const bytes = await readFile(path);
    // The header's count of free pages: https://www.sqlite.org/fileformat.html#the_database_header
    bytes.writeUInt32BE(bytes.readUInt32BE(36) + 1, 36);
    await writeFile(path, bytes);
    expect(findDamage(path).damages).toEqual([
      { table: 'file', detail: expect.stringMatching(/^.*[Ff]reelist.*$/), hidesRows: true },
    ]);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ message: expect.stringMatching(/^.*[Ff]reelist.*$/) });
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

describe('what the store keeps secret', () => {
  const secrets = {
    pushSecret: 'q7Xk0vW3mJr9ZtB2nLc5HfYdPs8GaEuRi1oTxKwVz4M',
    pushSecretBefore: 'Bd2yPz8QhNs6LkRf4VtXa0WcGm9JeUo3TiYb7ZrSx5E',
    adminTokenHash: '3f9c51d07ab86e24f0d1935ce78b6a42d5f07e13986bca40527fe1d8b3094c6a',
    joinTokenHash: 'a84e06d7f35b92c1e07d4a6fb8315c9e2d70f46ba13958ce7d02f9b6a485e31c',
  };
  /** Long enough not to be met by chance; shorter than anything that would help somebody who reads it. */
  const tellingCharacters = 10;
  const expectNothingOf = (secret: string, said: string): void => {
    for (let at = 0; at + tellingCharacters <= secret.length; at += 1)
      expect(said).not.toContain(secret.slice(at, at + tellingCharacters));
  };
  const fillSecrets = async (): Promise<void> => {
    const store = await openFilled(1);
    await store.saveSetting('http.pushSecret', secrets.pushSecret);
    const before = JSON.stringify({ secret: secrets.pushSecretBefore, validUntilMs: 9 });
    await store.saveSetting('http.pushSecretBefore', before);
    await store.saveSetting('adminTokenHash', secrets.adminTokenHash);
    await store.saveJoinToken(tokenOf({ hash: secrets.joinTokenHash, createdAtMs: 1_234 }));
    await store.close();
  };
  /** All that the look and the start say, with whatever hangs on their errors. */
  const saidOf = async (database: string): Promise<string> => {
    const said: string[] = [];
    try {
      said.push(...findDamage(database).damages.map(({ detail }) => detail));
    } catch (thrown) {
      said.push(inspect(thrown));
    }
    try {
      await (await openSqliteStore({ path: database })).close();
    } catch (thrown) {
      said.push(inspect(thrown));
    }
    return said.join('\n');
  };

  const rows: readonly { readonly what: keyof typeof secrets; readonly sql: string; readonly named: string }[] = [
    {
      what: 'pushSecret',
      sql: "update setting set value = substr(value, 1, 42) || 'N' where name = 'http.pushSecret'",
      named: 'the row with name http.pushSecret does not fit its setting_sum',
    },
    {
      what: 'pushSecretBefore',
      sql: "update setting set value = value || ' ' where name = 'http.pushSecretBefore'",
      named: 'the row with name http.pushSecretBefore does not fit its setting_sum',
    },
    {
      what: 'adminTokenHash',
      sql: "update setting set value = upper(value) where name = 'adminTokenHash'",
      named: 'the row with name adminTokenHash does not fit its setting_sum',
    },
    {
      what: 'joinTokenHash',
      sql: 'update join_token set uses_left = 9 where created_at_ms = 1234',
      named: 'the row with created_at_ms 1234 does not fit its join_token_sum',
    },
    {
      what: 'pushSecret',
      // As where a page of one table is read as one of another.
      sql: `insert into entity (entity, id, value_json, entity_sum) values ('http.pushSecret', '${secrets.pushSecret}', '1', 7)`,
      named: 'the row with entity http.pushSecret, id of 43 characters does not fit its entity_sum',
    },
  ];
  test.each(rows)('$what is not in what is said of a damaged row: $named', async ({ what, sql, named }) => {
    await fillSecrets();
    const handle = openHandle(path, { busyMs: 1_000 });
    handle.exec(sql);
    handle.close();
    const said = await saidOf(path);
    expect(said.split(named)).toHaveLength(3);
    expectNothingOf(secrets[what], said);
  });

  const { seed, count } = flipRun(120);
  test(`nor wherever in it or just before it one bit turned (${count} bits, JIWEI_SEED=${seed})`, async () => {
    await fillSecrets();
    const [bytes, mark] = [await readFile(path), await readFile(`${path}.mark`)];
    const random = seededRandom(seed);
    const texts = Object.values(secrets);
    let damaged = 0;
    for (let turn = 0; turn < count; turn += 1) {
      const secret = texts[turn % texts.length] ?? '';
      const from = bytes.indexOf(secret) - 30;
      const flipped = flipOne(bytes.subarray(from, from + 30 + secret.length), random);
      const whole = Buffer.concat([bytes.subarray(0, from), flipped.bytes, bytes.subarray(from + flipped.bytes.length)]);
      const said = await withDatabase({ '': whole, '.mark': mark }, saidOf);
      if (said !== '') damaged += 1;
      for (const text of texts) expectNothingOf(text, said);
    }
    expect(damaged).toBeGreaterThan(count / 2);
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
  const [bytes, mark] = [await readFile(path), await readFile(`${path}.mark`)];
  const random = seededRandom(seed);
  let found = 0;
  for (let turn = 0; turn < count; turn += 1) {
    const flipped = flipOne(bytes, random);
    const outcome = await withDatabase({ '': flipped.bytes, '.mark': mark }, outcomeOf);
    if (outcome === 'found') found += 1;
    else expect(outcome, flipped.where).toEqual(whole);
  }
  expect(found).toBeGreaterThan(count / 4);
});
