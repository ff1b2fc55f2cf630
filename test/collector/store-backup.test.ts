import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { asId } from '@jiwei/shared/ids.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeBackup } from '../../collector/src/store/sqlite/backup.ts';
import { type BackupManifest, encodeManifest } from '../../collector/src/store/sqlite/backup-file.ts';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';
import { migrations } from '../../collector/src/store/sqlite/migrations.ts';
import { restoreBackup } from '../../collector/src/store/sqlite/restore.ts';
import { databasePath, openSqliteStore } from '../../collector/src/store/sqlite.ts';
import { lacks } from '../support/components.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { agentA, agentOf, batchOf, frameOf, outboxOf } from '../support/store-samples.ts';

let folder = '';
let path = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-'));
  path = databasePath(join(folder, 'data'));
  file = join(folder, 'copy.jiwei');
});
afterEach(() => rm(folder, { recursive: true }));

const clockEntity = (lastAtMs: number) => ({ entity: 'writer', id: 'clock', value: { lastAtMs } });
/** One commit of the frames numbered from `first` up to and without `end`. */
const commitFrames = (first: number, end = first + 1) =>
  batchOf({
    frames: Array.from({ length: end - first }, (_, index) =>
      frameOf({ seq: first + index, body: new Uint8Array(4_000).fill((first + index) % 256) }),
    ),
    positions: [{ agentId: agentA, bootId: 1, seq: end - 1 }],
    entities: [clockEntity(1_000 + end - 1)],
  });
const fill = async (): Promise<void> => {
  const store = await openSqliteStore({ path });
  await store.commit(commitFrames(0, 50));
  await store.close();
};
/** Turns the lowest bit of the last letter of a text, wherever it stands in the file: old copies stand in the room that pages have to spare. */
const turnBit = async (name: string, text: string): Promise<void> => {
  const bytes = await readFile(name);
  let turned = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1), turned += 1) {
    const last = at + Buffer.byteLength(text) - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
  }
  expect(turned).toBeGreaterThan(0);
  await writeFile(name, bytes);
};
/** The file again, with a manifest that fits what is in it now. */
const sealAnew = async (database: Uint8Array, part: Partial<BackupManifest> = {}): Promise<void> => {
  const sha256 = createHash('sha256').update(database).digest('hex');
  const facts = { format: 1 as const, version: '1.2.3', madeAtMs: 0, stateAtMs: 0, schemaVersion: migrations.length };
  const manifest = encodeManifest({ ...facts, databaseBytes: database.length, sha256, ...part });
  await writeFile(file, Buffer.concat([database, manifest]));
};
const backUp = () => makeBackup(path, file, { atMs: 5_000, version: '1.2.3' });
const lastSeq = async (databaseFile: string): Promise<number | undefined> => {
  const store = await openSqliteStore({ path: databaseFile });
  const [position] = await store.positions();
  await store.close();
  return position?.seq;
};

describe('a backup', () => {
  test('of a store that commits meanwhile is the state of one instant between the first and the last of its commits', async () => {
    const store = await openSqliteStore({ path });
    const before = 5_000;
    let seq = before;
    await store.commit(commitFrames(0, before));
    let isDone = false;
    const backup = backUp().finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await store.commit(commitFrames(seq));
      seq += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const manifest = await backup;
    await store.close();
    expect(seq).toBeGreaterThan(before);

    const fresh = databasePath(join(folder, 'fresh'));
    await restoreBackup(file, fresh, 0);
    const copied = (await lastSeq(fresh)) ?? -1;
    expect(copied).toBeGreaterThanOrEqual(before - 1);
    expect(copied).toBeLessThan(seq);
    expect(manifest.stateAtMs).toBe(1_000 + copied);
    const restored = await openSqliteStore({ path: fresh });
    const frames = await restored.frames(agentA, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }, 100_000);
    await restored.close();
    expect(frames.map((frame) => frame.seq)).toEqual(Array.from({ length: copied + 1 }, (_, index) => index));
  });

  test('is for its maker alone, says what it is, and leaves nothing else behind', async () => {
    await fill();
    const manifest = await backUp();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(manifest).toMatchObject({ format: 1, version: '1.2.3', madeAtMs: 5_000, stateAtMs: 1_049 });
    expect(await readdir(folder)).toEqual(['copy.jiwei', 'data']);
    // Any SQLite can look into it, although the manifest stands behind the database.
    const handle = openHandle(file, { busyMs: 0, readOnly: true });
    expect(handle.prepare('select count(*) as n from frame').all([])[0]?.['n']).toBe(50);
    handle.close();
  });

  test('never replaces a file, and is not made of what is no database or a damaged one', async () => {
    await expect(backUp()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('--data') });
    await fill();
    await writeFile(file, 'precious');
    await expect(backUp()).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(file) });
    expect(await readFile(file, 'utf8')).toBe('precious');
    await rm(file);
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0xa5, 8_192, 8_300));
    await expect(backUp()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await readdir(folder)).toEqual(['data']);
  });

  const turns: readonly { readonly why: string; readonly text: string; readonly says: RegExp }[] = [
    { why: 'of the state', text: '"lastAtMs":1049', says: /row with entity writer, id clock does not fit its entity_sum/ },
    { why: 'of an agent', text: '"hostname":"host-a"', says: /row with id agent-a does not fit its agent_sum/ },
    {
      why: 'of a sample',
      text: '\u0011'.repeat(50),
      says: /row with agent_id agent-a, boot_id 1, seq 17 does not fit its frame_sum/,
    },
    { why: 'of a declaration', text: 'id: east', says: /text of declaration version 1 does not fit its checksum/ },
    { why: 'of the schema', text: 'check (from_ms <', says: /schema is not that of its version/ },
  ];
  test.each(turns)('is not made of a database in which a bit $why turned', async ({ text, says }) => {
    await fill();
    const store = await openSqliteStore({ path });
    await store.saveAgent(agentOf());
    await store.saveDeclaration({ appliedAtMs: 5, appliedBy: 'file', source: 'a.yaml', text: 'zones: [{ id: east }]' });
    await store.close();
    await turnBit(path, text);
    await expect(backUp()).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringMatching(says) });
    expect(await readdir(folder)).toEqual(['data']);
  });

  test.skipIf(lacks('root'))('that finds no room is not there, and says so', async () => {
    await fill();
    const disk = await mountSmallDisk(join(folder, 'small'), 100_000);
    try {
      file = join(folder, 'small', 'copy');
      await expect(backUp()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining(file) });
      expect(await readdir(join(folder, 'small'))).toEqual([]);
    } finally {
      await disk.unmount();
    }
  });
});

describe('a restore', () => {
  test('takes what waits to be told as something that may have been told since the backup; a usual start does not', async () => {
    const named = (name: string, part = {}) => outboxOf({ id: asId<'notification'>(name), ...part });
    const refused = named('refused', { state: 'failed', tries: 1, finishedAtMs: 9 });
    const store = await openSqliteStore({ path });
    await store.commit(batchOf({ outbox: [named('waiting', { tries: 2 }), refused] }));
    await store.close();
    const again = await openSqliteStore({ path });
    expect(await again.outboxOf(outboxOf().incidentId)).toEqual([named('waiting', { tries: 2 }), refused]);
    await again.close();
    await backUp();
    const fresh = databasePath(join(folder, 'fresh'));
    await restoreBackup(file, fresh, 0);
    const restored = await openSqliteStore({ path: fresh });
    expect(await restored.outboxOf(outboxOf().incidentId)).toEqual([
      named('waiting', { tries: 2, mayHaveArrived: true }),
      refused,
    ]);
    await restored.close();
  });

  test('keeps the database that was there, with its log', async () => {
    await fill();
    await backUp();
    const store = await openSqliteStore({ path });
    await store.commit(commitFrames(50));
    // As `kill -9` leaves it: the commit is in the log alone.
    const [database, log] = [await readFile(path), await readFile(`${path}-wal`)];
    await store.close();
    await writeFile(path, database);
    await writeFile(`${path}-wal`, log);

    const { keptFolder } = await restoreBackup(file, path, Date.UTC(2026, 10, 25, 10));
    expect(keptFolder).toBe(join(folder, 'data', 'replaced-20261125T100000000Z'));
    expect(await lastSeq(path)).toBe(49);
    expect(await lastSeq(join(keptFolder ?? '', 'jiwei.db'))).toBe(50);
  });

  const bads: readonly { why: string; code: string; says: RegExp; damage: () => Promise<void> }[] = [
    { why: 'is not there', code: 'BACKUP_INVALID', says: /ENOENT/, damage: () => rm(file) },
    {
      why: 'is a folder',
      code: 'BACKUP_INVALID',
      says: /not a file/,
      damage: async () => {
        await rm(file);
        await mkdir(file);
      },
    },
    { why: 'is empty', code: 'BACKUP_INVALID', says: /empty/, damage: () => truncate(file, 0) },
    {
      why: 'is another kind of file',
      code: 'BACKUP_INVALID',
      says: /another kind/,
      damage: () => writeFile(file, 'name,value\n'.repeat(999)),
    },
    { why: 'is a plain copy of a database', code: 'BACKUP_INVALID', says: /plain copy/, damage: () => rename(path, file) },
    {
      why: 'was cut off',
      code: 'BACKUP_INVALID',
      says: /cut off/,
      damage: async () => truncate(file, (await stat(file)).size - 5_000),
    },
    {
      why: 'lost a piece in the middle',
      code: 'BACKUP_INVALID',
      says: /bytes of database/,
      damage: async () => {
        const bytes = await readFile(file);
        await writeFile(file, Buffer.concat([bytes.subarray(0, 8_192), bytes.subarray(12_288)]));
      },
    },
    {
      why: 'has one bit turned',
      code: 'BACKUP_INVALID',
      says: /checksum is wrong/,
      damage: async () => {
        const bytes = await readFile(file);
        bytes[20_000] = (bytes[20_000] ?? 0) ^ 4;
        await writeFile(file, bytes);
      },
    },
    {
      why: 'has one bit of its manifest turned',
      code: 'BACKUP_INVALID',
      says: /checksum of its manifest/,
      damage: async () => {
        const bytes = await readFile(file);
        const at = bytes.length - 40;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
    },
    {
      why: 'is of a later version',
      code: 'STORE_TOO_NEW',
      says: /schema version 99.*version 9\.0\.0/,
      damage: async () => {
        const sha256 = '0'.repeat(64);
        const facts = { format: 1 as const, version: '9.0.0', madeAtMs: 0, stateAtMs: 0, databaseBytes: 4, sha256 };
        await writeFile(file, 'data');
        await appendFile(file, encodeManifest({ ...facts, schemaVersion: 99 }));
      },
    },
    {
      why: 'was made of a damaged database by a version that did not look at rows',
      code: 'BACKUP_INVALID',
      says: /database in it was damaged when it was made \(the row with entity writer, id clock/,
      damage: async () => {
        await turnBit(path, '"lastAtMs":1049');
        await sealAnew(await readFile(path));
      },
    },
    {
      why: 'holds what is no database',
      code: 'BACKUP_INVALID',
      says: /database in it was damaged when it was made \(file is not a database\)/,
      damage: () => sealAnew(Buffer.alloc(8_192, 7)),
    },
    {
      why: 'holds a database of another version than it says',
      code: 'BACKUP_INVALID',
      says: /its manifest says 1/,
      damage: async () => sealAnew(await readFile(path), { schemaVersion: 1 }),
    },
    {
      why: 'has a manifest that is no JSON, with the right checksum',
      code: 'BACKUP_INVALID',
      says: /its manifest is no JSON/,
      damage: async () => {
        const json = Buffer.from('{"format":1,');
        const tail = Buffer.alloc(16);
        tail.writeUInt32LE(json.length, 0);
        tail.writeUInt32LE(crc32(json), 4);
        tail.write('JWBACKUP', 8, 'latin1');
        await writeFile(file, Buffer.concat([await readFile(path), json, tail]));
      },
    },
  ];
  test.each(bads)('of a file that $why is refused, and changes nothing', async ({ code, says, damage }) => {
    await fill();
    await backUp();
    await damage();
    const names = await readdir(join(folder, 'data'));
    const before = await readFile(path).catch(() => null);
    await expect(restoreBackup(file, path, 0)).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect((await readdir(join(folder, 'data'))).filter((name) => name !== 'jiwei.db.lock')).toEqual(
      names.filter((name) => name !== 'jiwei.db.lock'),
    );
    expect(await readFile(path).catch(() => null)).toEqual(before);
  });

  test('into a folder that a collector uses is refused', async () => {
    await fill();
    await backUp();
    const store = await openSqliteStore({ path });
    await expect(restoreBackup(file, path, 0)).rejects.toMatchObject({ code: 'LOCKED' });
    await store.close();
  });

  test.skipIf(lacks('root'))('that finds no room changes nothing', async () => {
    await fill();
    await backUp();
    const small = join(folder, 'small');
    const disk = await mountSmallDisk(small, 120_000);
    try {
      await writeFile(databasePath(small), 'the old one');
      await expect(restoreBackup(file, databasePath(small), 0)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('no room'),
      });
      expect(await readFile(databasePath(small), 'utf8')).toBe('the old one');
      expect((await readdir(small)).sort()).toEqual(['jiwei.db', 'jiwei.db.lock']);
    } finally {
      await disk.unmount();
    }
  });

  test.skipIf(lacks('root'))('onto a disk without any room says that the disk is full', async () => {
    await fill();
    await backUp();
    const small = join(folder, 'small');
    const disk = await mountSmallDisk(small, 120_000);
    try {
      await writeFile(databasePath(small), 'the old one');
      await writeFile(join(small, 'rest'), Buffer.alloc(200_000)).catch(() => null);
      await expect(restoreBackup(file, databasePath(small), 0)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(new RegExp(`^store: the disk of ${small} is full.*make room`)),
      });
      expect(await readFile(databasePath(small), 'utf8')).toBe('the old one');
    } finally {
      await disk.unmount();
    }
  });

  test('cut off after the old database was moved away lets no collector begin anew, and is made good by another', async () => {
    await fill();
    await backUp();
    await rename(path, join(folder, 'moved'));
    await writeFile(`${path}.restored`, 'verified');
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('restore BACKUP'),
    });
    await restoreBackup(file, path, 0);
    expect(await lastSeq(path)).toBe(49);
  });
});
