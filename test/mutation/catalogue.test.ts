import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalogue } from './catalogue.ts';
import { areas, breakSource } from './fault.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const all = areas.flatMap((area) => catalogue[area].faults);

describe('deliberate faults', () => {
  test('there are at least forty, each with an id and a rule of its own to break', () => {
    expect(all.length).toBeGreaterThanOrEqual(40);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  test.each(areas)('every part is broken in several places: %s', (area) => {
    expect(catalogue[area].faults.length).toBeGreaterThanOrEqual(10);
    expect(catalogue[area].tests.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test.each(all)('$id fits the code as it is, and what it makes of it still compiles', (fault) => {
    const source = read(fault.file);
    const broken = breakSource(fault, source);
    expect(broken).not.toBe(source);
    expect(() => stripTypeScriptTypes(broken)).not.toThrow();
  });

  test('a fault whose text is gone, or stands twice, is told', () => {
    const fault = { id: 'x', rule: 'x', file: 'f.ts', find: 'a', replace: 'b' };
    expect(() => breakSource(fault, 'c')).toThrow('x: its text stands 0 times in f.ts; exactly once is needed');
    expect(() => breakSource(fault, 'aa')).toThrow('x: its text stands 2 times');
  });
});
