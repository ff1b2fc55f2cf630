import type { InventoryBody } from '@jiwei/shared/protocol/control.ts';
import { hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { expect, test } from 'vitest';
import { createLog } from '../../agent/src/log.ts';
import { createInventoryTeller } from '../../agent/src/session/inventory-teller.ts';
import { createStamps } from '../../agent/src/stamps.ts';
import { createManualClock } from '../support/manual-clock.ts';

const startMs = 1_795_467_078_000;
const bodyOf = (kernel: string): InventoryBody => ({ sections: { os: [{ kernel }] } });

/** A teller on a clock of the test; `answers` are those of the questions it puts, one after the other. */
const tellerOf = (inventory: (signal: AbortSignal) => Promise<InventoryBody>) => {
  const clock = createManualClock(startMs);
  const told: { readonly atMs: number; readonly kernel: unknown }[] = [];
  const lines: string[] = [];
  let questions = 0;
  const teller = createInventoryTeller({
    inventory: (signal) => {
      questions += 1;
      return inventory(signal);
    },
    clock,
    stamps: createStamps(clock, () => undefined),
    record: ({ kind, body, atMs }) => {
      expect(kind).toBe('inventory');
      const { sections } = JSON.parse(Buffer.from(body).toString('utf8')) as InventoryBody;
      told.push({ atMs: atMs - startMs, kernel: sections['os']?.[0]?.['kernel'] });
    },
    log: createLog({ clock, level: 'debug', write: (_level, line) => lines.push(line) }),
  });
  /** Time passes; each question is answered before the next is put. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    // The answer, what becomes of it, and the timer for the next question.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { teller, told, lines, pass, questions: () => questions };
};

test('the inventory is told once after the start, and again only when it has changed', async () => {
  let kernel = '6.1';
  const { teller, told, pass, questions } = tellerOf(async () => bodyOf(kernel));
  teller.start();
  await pass(5 * secondMs - 1);
  expect(questions()).toBe(0);
  await pass(1);
  expect(told).toEqual([{ atMs: 5 * secondMs, kernel: '6.1' }]);
  await pass(12 * hourMs - 1);
  expect(questions()).toBe(1);
  await pass(1);
  for (let time = 0; time < 3; time += 1) await pass(12 * hourMs);
  expect(questions()).toBe(5);
  expect(told).toHaveLength(1);
  kernel = '6.12';
  await pass(12 * hourMs);
  await pass(12 * hourMs);
  expect(told.map((one) => one.kernel)).toEqual(['6.1', '6.12']);
  kernel = '6.1';
  await pass(12 * hourMs);
  expect(told.map((one) => one.kernel)).toEqual(['6.1', '6.12', '6.1']);
  teller.stop();
});

test('one that cannot be read is said and asked again, and tells nothing by itself', async () => {
  let isBroken = false;
  const { teller, told, lines, pass } = tellerOf(async () => {
    if (isBroken) throw new Error('no dmidecode');
    return bodyOf('6.1');
  });
  teller.start();
  await pass(5 * secondMs);
  isBroken = true;
  await pass(12 * hourMs);
  expect(lines.join('\n')).toMatch(/inventory of this host cannot be read.*no dmidecode/);
  isBroken = false;
  await pass(12 * hourMs);
  // It is the same as before the failure.
  expect(told).toHaveLength(1);
  teller.stop();
});

test('a question that hangs is given up after two minutes, and the next one is put', async () => {
  let answers = 0;
  const { teller, told, lines, pass } = tellerOf((signal) => {
    answers += 1;
    if (answers > 1) return Promise.resolve(bodyOf('6.1'));
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  });
  teller.start();
  await pass(5 * secondMs);
  await pass(2 * minuteMs);
  expect(lines.join('\n')).toMatch(/no inventory within 120000 ms/);
  await pass(12 * hourMs);
  expect(told.map((one) => one.kernel)).toEqual(['6.1']);
  teller.stop();
});

test('a stopped one asks no more, and what comes then is not told', async () => {
  const waiting: ((body: InventoryBody) => void)[] = [];
  const { teller, told, lines, pass, questions } = tellerOf(() => new Promise((resolve) => waiting.push(resolve)));
  teller.start();
  await pass(5 * secondMs);
  teller.stop();
  waiting[0]?.(bodyOf('6.1'));
  await pass(24 * hourMs);
  expect(questions()).toBe(1);
  expect([told, lines]).toEqual([[], []]);
});
