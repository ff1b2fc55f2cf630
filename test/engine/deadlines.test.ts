import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDeadlines, nextDeadline, noLimit, setDeadline, takeDue } from '../../collector/src/engine/deadlines.ts';

const take = (deadlines: ReturnType<typeof createDeadlines>, nowMs: number): string[] => {
  const taken: string[] = [];
  const next = () => takeDue(deadlines, nowMs, noLimit());
  for (let due = next(); due !== null; due = next()) taken.push(`${due.atMs} ${due.key}`);
  return taken;
};

test('deadlines come earliest first, equal instants by key, whatever the order in which they were set', () => {
  const deadlines = createDeadlines();
  for (const [key, atMs] of [
    ['c', 5],
    ['a', 9],
    ['b', 5],
    ['a2', 1],
  ] as const)
    setDeadline(deadlines, key, atMs);
  expect(nextDeadline(deadlines)).toBe(1);
  expect(take(deadlines, 5)).toEqual(['1 a2', '5 b', '5 c']);
  expect(nextDeadline(deadlines)).toBe(9);
});

test('a deadline at the instant itself is due, one a millisecond later is not', () => {
  const deadlines = createDeadlines();
  setDeadline(deadlines, 'a', 100);
  expect(take(deadlines, 99)).toEqual([]);
  expect(take(deadlines, 100)).toEqual(['100 a']);
  expect(nextDeadline(deadlines)).toBeNull();
});

const moves: readonly { readonly why: string; readonly toMs: number | null; readonly expected: readonly string[] }[] = [
  { why: 'moved later comes then and not before', toMs: 20, expected: ['15 other', '20 a'] },
  { why: 'moved earlier comes then and not again', toMs: 5, expected: ['5 a', '15 other'] },
  { why: 'withdrawn never comes', toMs: null, expected: ['15 other'] },
];
for (const { why, toMs, expected } of moves) {
  test(`a deadline ${why}`, () => {
    const deadlines = createDeadlines();
    setDeadline(deadlines, 'a', 10);
    setDeadline(deadlines, 'other', 15);
    setDeadline(deadlines, 'a', toMs);
    expect(take(deadlines, 1_000)).toEqual(expected);
  });
}

test('a fleet of postponed deadlines is renewed in bounded portions, and none of them is lost or early', () => {
  const deadlines = createDeadlines();
  for (let lane = 0; lane < 10_000; lane += 1) setDeadline(deadlines, `lane ${lane}`, lane);
  for (let lane = 0; lane < 10_000; lane += 1) setDeadline(deadlines, `lane ${lane}`, 50_000);
  const taken: unknown[] = [];
  let portions = 0;
  for (; (nextDeadline(deadlines) ?? 0) <= 20_000; portions += 1) {
    const due = takeDue(deadlines, 20_000, { deadlines: 100, renewals: 100 });
    if (due !== null) taken.push(due);
    expect(portions).toBeLessThan(10_000);
  }
  expect(taken).toEqual([]);
  expect(portions).toBeGreaterThan(2);
  expect(take(deadlines, 50_000)).toHaveLength(10_000);
});

test('a deadline put off with every event does not make the heap grow', () => {
  const deadlines = createDeadlines();
  for (let atMs = 0; atMs < 100_000; atMs += 1) setDeadline(deadlines, `lane ${atMs % 10}`, atMs + 45_000);
  expect(deadlines.heap.length).toBeLessThanOrEqual(10);
});

test('deadlines moved to and fro leave no more behind than the bound', () => {
  const deadlines = createDeadlines();
  for (let turn = 0; turn < 10_000; turn += 1) setDeadline(deadlines, `lane ${turn % 3}`, 1_000_000 - turn);
  expect(deadlines.heap.length).toBeLessThanOrEqual(64 + 2 * 3);
});

test('property: the same deadlines come as from a plain sorted list', () => {
  const act = fc.oneof(
    fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), atMs: fc.option(fc.integer({ min: 0, max: 50 })) }),
    fc.record({ nowMs: fc.integer({ min: 0, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 150, size: 'max' }), (acts) => {
      const deadlines = createDeadlines();
      const model = new Map<string, number>();
      for (const one of acts) {
        if ('key' in one) {
          setDeadline(deadlines, one.key, one.atMs);
          if (one.atMs === null) model.delete(one.key);
          else model.set(one.key, one.atMs);
          continue;
        }
        const due = [...model].filter(([, atMs]) => atMs <= one.nowMs);
        const sorted = due.sort(([keyA, a], [keyB, b]) => a - b || (keyA < keyB ? -1 : 1));
        for (const [key] of due) model.delete(key);
        expect(take(deadlines, one.nowMs)).toEqual(sorted.map(([key, atMs]) => `${atMs} ${key}`));
        expect(nextDeadline(deadlines)).toBe(model.size === 0 ? null : Math.min(...model.values()));
      }
    }),
  );
});
