import { AppError } from '@jiwei/shared/errors.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { expect, test } from 'vitest';
import { scheduleVerification } from '../../collector/src/runtime/verification.ts';
import type { Findings } from '../../collector/src/store/port.ts';
import { createManualClock } from '../support/manual-clock.ts';

const open = (answer: () => Promise<Findings>) => {
  const clock = createManualClock(1_000_000);
  const lines: [level: string, message: unknown, fields: unknown][] = [];
  const verified: [atMs: number, damageCount: number][] = [];
  const signals: AbortSignal[] = [];
  const write = (level: string) => (fields: unknown, message?: unknown) => void lines.push([level, message, fields]);
  const stop = scheduleVerification({
    store: {
      verify: (signal) => {
        signals.push(signal);
        return answer();
      },
    },
    clock,
    log: { info: write('info'), error: write('error') },
    counters: { storeVerified: (atMs, damageCount) => void verified.push([atMs, damageCount]) },
  });
  return { clock, lines, verified, signals, stop };
};
const settled = () => new Promise(setImmediate);

test('soon after the start all is looked at, and one line says that it is whole', async () => {
  const { clock, lines, verified, signals, stop } = open(async () => ({ tables: 19, rows: 5_000, damages: [], misfits: 0 }));
  clock.advance(limits.storeFirstVerifyMs - 1);
  expect(signals).toHaveLength(0);
  clock.advance(1);
  await settled();
  expect(signals).toHaveLength(1);
  expect(lines).toEqual([['info', 'all that is stored was read: nothing is damaged', { rows: 5_000, seconds: 0 }]]);
  expect(verified).toEqual([[1_000_000 + limits.storeFirstVerifyMs, 0]]);
  await stop();
});

test('damage is one line: what to do, which tables are refused, and the gravest first', async () => {
  const row = (number: number) => ({ table: 'frame', detail: `row ${number} does not fit`, hidesRows: false });
  const { clock, lines, verified, stop } = open(async () => ({
    ...{ tables: 19, rows: 5_000, misfits: 7 },
    damages: [
      row(1),
      row(2),
      row(3),
      row(4),
      row(5),
      { table: 'result', detail: 'result: an index lost a row', hidesRows: true },
    ],
  }));
  clock.advance(limits.storeFirstVerifyMs);
  await settled();
  expect(lines).toEqual([
    [
      'error',
      expect.stringMatching(/damaged.*restore the last backup \(collector restore\)/),
      {
        misfits: 7,
        refused: ['result'],
        damages: ['result: an index lost a row', ...[1, 2, 3, 4].map((number) => row(number).detail)],
      },
    ],
  ]);
  expect(verified).toEqual([[1_000_000 + limits.storeFirstVerifyMs, 8]]);
  await stop();
});

test('a look that fails is said, and nothing is counted', async () => {
  const { clock, lines, verified, stop } = open(() => Promise.reject(new AppError('STORE_UNAVAILABLE', 'no memory')));
  clock.advance(limits.storeFirstVerifyMs);
  await settled();
  expect(lines).toEqual([['error', expect.stringMatching(/tried again/), { error: 'no memory' }]]);
  expect(verified).toEqual([]);
  await stop();
});

test('the end does not wait for a look, and says nothing of it; none is begun after it', async () => {
  const { clock, lines, signals, stop } = open(
    () =>
      new Promise((_, reject) => {
        signals[0]?.addEventListener('abort', () => reject(new AppError('STORE_UNAVAILABLE', 'ended')));
      }),
  );
  clock.advance(limits.storeFirstVerifyMs);
  await stop();
  expect(lines).toEqual([]);
  const early = open(() => Promise.reject(new Error('nobody asked')));
  await early.stop();
  early.clock.advance(limits.storeFirstVerifyMs);
  expect(early.signals).toHaveLength(0);
});
