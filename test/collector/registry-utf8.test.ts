import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readText, readTextNow } from '../../collector/src/registry/file-text.ts';
import { decodeUtf8 } from '../../collector/src/registry/utf8.ts';
import { testFolder } from '../support/processes.ts';

/** 中国 in GBK. */
const gbk = Buffer.from([0xd6, 0xd0, 0xb9, 0xfa]);
const head = 'zones:\n- { id: 东, name: ';
const bad = (line: number, column: number, message: string) => ({ error: { file: 'a.yaml', line, column, path: '', message } });
const notUtf8 = (line: number, column: number, byte: number, hex: string) =>
  bad(
    line,
    column,
    `is not UTF-8: byte ${byte} is ${hex}, which is no part of a character there; needs UTF-8: save it in that encoding`,
  );
const utf16 = bad(1, 1, 'is UTF-16; needs UTF-8: save it in that encoding');

describe('the bytes of a declaration', () => {
  const cases: readonly { readonly why: string; readonly bytes: Buffer; readonly found: object }[] = [
    { why: 'UTF-8 is taken as it is', bytes: Buffer.from('税务局 \u{1f4e1}\n'), found: { text: '税务局 \u{1f4e1}\n' } },
    { why: 'nothing is a text', bytes: Buffer.alloc(0), found: { text: '' } },
    { why: 'a byte order mark is left off', bytes: Buffer.from('\ufeffzones: []\n'), found: { text: 'zones: []\n' } },
    { why: 'a replacement character that was written is one', bytes: Buffer.from('a\ufffdb'), found: { text: 'a\ufffdb' } },
    { why: 'GBK is told with its place', bytes: Buffer.concat([Buffer.from(head), gbk]), found: notUtf8(2, 18, 26, '0xd6') },
    {
      why: 'bad bytes after written replacement characters are found',
      bytes: Buffer.concat([Buffer.from('\ufffd\n\ufffd'), gbk]),
      found: notUtf8(2, 2, 7, '0xd6'),
    },
    {
      why: 'a character cut off at the end is none',
      bytes: Buffer.from('a: 税').subarray(0, 5),
      found: notUtf8(1, 4, 3, '0xe7'),
    },
    { why: 'a surrogate is no character', bytes: Buffer.from([0x61, 0xed, 0xa0, 0x80]), found: notUtf8(1, 2, 1, '0xed') },
    { why: 'UTF-16 with its mark', bytes: Buffer.from('\ufeffzones: []', 'utf16le'), found: utf16 },
    { why: 'UTF-16 with its mark, high byte first', bytes: Buffer.from('\ufeffzones: []', 'utf16le').swap16(), found: utf16 },
    { why: 'UTF-16 without a mark', bytes: Buffer.from('zones: []', 'utf16le'), found: notUtf8(1, 2, 1, '0x00') },
  ];
  for (const { why, bytes, found } of cases) test(why, () => expect(decodeUtf8(bytes, 'a.yaml')).toEqual(found));

  test('are taken just when they are what is written for the text', () => {
    const parts = fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
    );
    const bytes = fc.array(parts).map((all) => Buffer.concat(all));
    fc.assert(
      fc.property(bytes, (all) => {
        const decoded = decodeUtf8(all, 'a');
        const isMarked = all.subarray(0, 3).equals(Buffer.from('\ufeff'));
        const isText = Buffer.from(all.toString()).equals(all) && !all.includes(0);
        expect('text' in decoded).toBe(isText);
        if ('text' in decoded) expect(Buffer.from(decoded.text).equals(isMarked ? all.subarray(3) : all)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('are looked at in a file before anything else', async () => {
    const folder = await testFolder();
    const path = join(folder.path, 'district.yaml');
    await writeFile(path, Buffer.concat([Buffer.from(head), gbk]));
    const error = {
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/district\.yaml:2:18: is not UTF-8: byte 26 is 0xd6/),
    };
    expect([await readText(path), readTextNow(path)]).toMatchObject([{ error }, { error }]);
    await folder.remove();
  });
});
