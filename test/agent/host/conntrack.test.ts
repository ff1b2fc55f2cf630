import { expect, test } from 'vitest';
import { parseConntrackStat } from '../../../agent/src/host/linux/conntrack.ts';
import { Scanner } from '../../../agent/src/host/scanner.ts';

/** What is told, without what the host did not say. */
const told = (text: string): Readonly<Record<string, number>> => {
  const values: [string, number][] = [];
  parseConntrackStat(new Scanner(Buffer.from(text)), {
    put: ({ name }, value) => {
      if (!Number.isNaN(value)) values.push([name.replace('node_nf_conntrack_stat_', ''), value]);
    },
  });
  return Object.fromEntries(values);
};

const header =
  'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n';
const line = (changes: Readonly<Record<string, string>>): string =>
  `${header
    .trim()
    .split(/\s+/)
    .map((name) => changes[name] ?? '00000000')
    .join(' ')}\n`;

test('hexadecimal counters of each CPU are told as their sum', () => {
  const text =
    header +
    line({ entries: '00000021', found: '0000000a', invalid: '000000ff', drop: '00000001', search_restart: '0000001F' }) +
    line({ entries: '00000021', found: '00000010', invalid: '00000001', insert_failed: '0000000c', early_drop: '00000100' }) +
    line({ entries: '00000021', found: 'ffffffff', ignore: '00000099', insert: '00000012' });
  expect(told(text)).toEqual({
    found: 0xa + 0x10 + 0xffffffff,
    invalid: 0x100,
    ignore: 0x99,
    insert: 0x12,
    insert_failed: 0xc,
    drop: 1,
    early_drop: 0x100,
    search_restart: 0x1f,
  });
});

test('columns go by their names, as kernels have others and in another order', () => {
  expect(told('search_restart drop found\n00000001 00000002 00000003\n00000010 00000020 00000030\n')).toEqual({
    search_restart: 0x11,
    drop: 0x22,
    found: 0x33,
  });
});

test('a sum of which a part is missing is not told', () => {
  expect(told('found drop\n00000001 00000002\n00000003')).toEqual({ found: 4 });
  expect(told('found drop\n00000001 0000zz02\n')).toEqual({ found: 1 });
});

test('a host without a CPU line counts nothing', () => {
  expect(told(header)).toEqual({
    ...{ found: 0, invalid: 0, ignore: 0, insert: 0, insert_failed: 0, drop: 0, early_drop: 0, search_restart: 0 },
  });
});
