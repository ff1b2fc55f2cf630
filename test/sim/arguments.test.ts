import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { numberIn } from '../support/arguments.ts';

const folder = join(import.meta.dirname, '..');

/** A run that tested nothing must not look like a good one. */
describe('a command line that is wrong is refused with exit code 2, in one line', () => {
  const rows: readonly { readonly program: string; readonly args: readonly string[]; readonly says: RegExp }[] = [
    { program: 'sim.ts', args: ['--seeds', 'abc'], says: /^sim: --seeds is "abc"; a whole number from 1 to/ },
    { program: 'sim.ts', args: ['--seed', 'xyz'], says: /^sim: --seed is "xyz"; a whole number from 0 to/ },
    { program: 'sim.ts', args: ['--seedz', '5'], says: /^sim: Unknown option '--seedz'/ },
    { program: 'sim.ts', args: ['--file', 'nowhere.json'], says: /^sim: --file nowhere\.json: ENOENT/ },
    { program: 'fuzz/run.ts', args: ['--minutes', '1x'], says: /^fuzz: --minutes is "1x"; a number from/ },
    { program: 'fuzz/run.ts', args: ['--target', 'frames'], says: /^fuzz: --target "frames" is none; known are frame,/ },
    { program: 'mutation/run.ts', args: ['rows-unread', 'rows-unred'], says: /^mutate: no fault has the id rows-unred\n$/ },
  ];
  test.each(rows)('$program $args', ({ program, args, says }) => {
    const ended = spawnSync(process.execPath, [join(folder, program), ...args], { encoding: 'utf8' });
    expect([ended.stdout, ended.status]).toEqual(['', 2]);
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('numbers of a command line', () => {
  const bounds = { least: 1, most: 20 };
  test.each(['1', '20', '007'])('%s is taken', (text) => expect(numberIn('--n', text, bounds)).toBe(Number(text)));
  test.each(['0', '21', '', ' 5', '-1', '1e1', '0x5', '2.5', 'NaN'])('"%s" is not', (text) => {
    expect(() => numberIn('--n', text, bounds)).toThrow(`--n is "${text}"; a whole number from 1 to 20 is needed`);
  });
  test('a fraction is, where it makes sense', () => {
    expect(numberIn('--n', '2.5', { ...bounds, isFraction: true })).toBe(2.5);
    expect(() => numberIn('--n', '.5', { ...bounds, isFraction: true })).toThrow('a number from 1 to 20');
  });
});
