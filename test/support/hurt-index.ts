import { open } from 'node:fs/promises';
import { expect } from 'vitest';
import { openHandle } from '../../collector/src/store/sqlite/dialect.ts';

/**
 * Turns a bit in the first page of an index, in the file, beside whoever has it open and works on.
 * @param key some entry's, which is then not found by it
 */
export const hurtIndex = async (path: string, index: string, key: string): Promise<void> => {
  const handle = openHandle(path, { busyMs: 5_000 });
  // What is in the log is not read from the file.
  handle.exec('pragma wal_checkpoint(truncate)');
  const root = Number(handle.prepare('select rootpage from sqlite_schema where name = ?').all([index])[0]?.['rootpage']);
  const pageBytes = Number(handle.prepare('pragma page_size').all([])[0]?.['page_size']);
  handle.close();
  const file = await open(path, 'r+');
  try {
    const bytes = Buffer.alloc(pageBytes);
    await file.read(bytes, 0, pageBytes, (root - 1) * pageBytes);
    const place = bytes.indexOf(key);
    expect(place, `${key} in the first page of ${index}`).toBeGreaterThan(0);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await file.write(bytes, place, 1, (root - 1) * pageBytes + place);
  } finally {
    await file.close();
  }
};
