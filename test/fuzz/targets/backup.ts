import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { makeBackup } from '../../../collector/src/store/sqlite/backup.ts';
import { restoreBackup } from '../../../collector/src/store/sqlite/restore.ts';
import { databasePath, openSqliteStore } from '../../../collector/src/store/sqlite.ts';
import type { FuzzTarget } from '../target.ts';

const tailBytes = 16;
const folder = mkdtempSync(join(tmpdir(), 'jiwei-backup-'));
const file = join(folder, 'copy.jiwei');
await (await openSqliteStore({ path: databasePath(join(folder, 'data')) })).close();
const { databaseBytes } = await makeBackup(databasePath(join(folder, 'data')), file, { atMs: 1_000, version: '0.1.0' });
const whole = readFileSync(file);
const database = whole.subarray(0, databaseBytes);
const goodEnd = whole.subarray(databaseBytes);
const manifest = JSON.parse(goodEnd.subarray(0, -tailBytes).toString('utf8'));

/** A manifest's text as it stands at the end of a file, with the length and checksum that fit it. */
const endOf = (text: string | Uint8Array): Buffer => {
  const json = Buffer.from(text as string);
  const tail = Buffer.from('........JWBACKUP', 'latin1');
  tail.writeUInt32LE(json.length, 0);
  tail.writeUInt32LE(crc32(json), 4);
  return Buffer.concat([json, tail]);
};
const changed = (part: object): Buffer => endOf(JSON.stringify({ ...manifest, ...part }));

/** What stands behind the database in a backup that somebody made or changed. */
export const target: FuzzTarget = {
  name: 'backup',
  corpus: [
    goodEnd,
    changed({ schemaVersion: 1 }),
    changed({ schemaVersion: 99 }),
    changed({ databaseBytes: databaseBytes + 1 }),
    changed({ sha256: '0'.repeat(64) }),
    changed({ format: 2 }),
    endOf(''),
    endOf('{"format":1,'),
    endOf('null'),
    endOf('[[[['),
  ],
  words: [
    'JWBACKUP',
    '"format":1',
    '"databaseBytes"',
    '"sha256"',
    '"schemaVersion"',
    'null',
    '1e999',
    '-1',
    '\u0000\u0000\u0000\u0000',
  ],
  inputBytesMax: 80_000,
  refusals: ['BACKUP_INVALID', 'STORE_TOO_NEW'],
  workMax: 1,
  boundedInputs: 500,
  mend: (bytes) => endOf(bytes.subarray(0, Math.max(0, bytes.length - tailBytes))),
  run: async (bytes) => {
    const place = join(folder, 'place');
    mkdirSync(place, { recursive: true });
    writeFileSync(file, Buffer.concat([database, bytes]));
    try {
      await restoreBackup(file, databasePath(place), 0);
      assert.deepEqual(readFileSync(databasePath(place)), database);
      return 1;
    } catch (error) {
      const left = readdirSync(place);
      assert.deepEqual(
        left.filter((name) => name !== 'jiwei.db.lock'),
        [],
        'what is refused leaves nothing behind',
      );
      throw error;
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
  close: async () => rmSync(folder, { recursive: true }),
};
