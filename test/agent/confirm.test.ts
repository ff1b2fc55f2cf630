import { type Confirmation, confirm, unasked } from '@jiwei/agent/schedule/confirm.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const wanted = { failures: 3, successes: 2 };
const words: Record<string, Outcome> = { u: 'up', s: 'degraded', d: 'down' };

/** Plays answers (u up, s degraded, d down) and writes for each whether it wants a retry (r) or the regular time (.). */
const play = (answers: string, limits = wanted): { waits: string; end: Confirmation } => {
  let known = unasked;
  let waits = '';
  for (const letter of answers) {
    const { confirmation, isRetryWanted } = confirm(known, words[letter] ?? 'up', limits);
    known = confirmation;
    waits += isRetryWanted ? 'r' : '.';
  }
  return { waits, end: known };
};

const cases: readonly {
  why: string;
  answers: string;
  waits: string;
  settled: 'up' | 'down' | null;
  place: Confirmation['place'];
}[] = [
  {
    why: 'a new check is asked until it is known to be up',
    answers: 'uu',
    waits: 'r.',
    settled: 'up',
    place: { ofDown: 0, ofUp: 2 },
  },
  {
    why: 'a new check is asked until it is known to be down',
    answers: 'ddd',
    waits: 'rr.',
    settled: 'down',
    place: { ofDown: 3, ofUp: 0 },
  },
  {
    why: 'the second of three failures is not yet enough',
    answers: 'uudd',
    waits: 'r.rr',
    settled: 'up',
    place: { ofDown: 2, ofUp: 0 },
  },
  {
    why: 'the third is, and the interval goes on',
    answers: 'uuddd',
    waits: 'r.rr.',
    settled: 'down',
    place: { ofDown: 3, ofUp: 0 },
  },
  {
    why: 'further failures are asked for at the interval',
    answers: 'uudddd',
    waits: 'r.rr..',
    settled: 'down',
    place: { ofDown: 4, ofUp: 0 },
  },
  { why: 'a success ends the doubt at once', answers: 'uuddu', waits: 'r.rr.', settled: 'up', place: { ofDown: 0, ofUp: 1 } },
  {
    why: 'recovery needs its second success soon',
    answers: 'dddu',
    waits: 'rr.r',
    settled: 'down',
    place: { ofDown: 0, ofUp: 1 },
  },
  { why: 'recovery is believed with the second', answers: 'ddduu', waits: 'rr.r.', settled: 'up', place: { ofDown: 0, ofUp: 2 } },
  {
    why: 'a recovery that fails goes back to the interval',
    answers: 'dddud',
    waits: 'rr.r.',
    settled: 'down',
    place: { ofDown: 1, ofUp: 0 },
  },
  { why: 'degraded is a success', answers: 'dddss', waits: 'rr.r.', settled: 'up', place: { ofDown: 0, ofUp: 2 } },
  { why: 'degraded and up are one run', answers: 'uusus', waits: 'r....', settled: 'up', place: { ofDown: 0, ofUp: 5 } },
];
for (const { why, answers, waits, settled, place } of cases) {
  test(`${why} (${answers})`, () => {
    expect(play(answers)).toEqual({ waits, end: { settled, place } });
  });
}

test('with one failure and one success asked for, nothing is ever asked twice', () => {
  expect(play('udduud', { failures: 1, successes: 1 }).waits).toBe('......');
});

test('exactly one side of the place is not 0, and the runs are counted without a hole', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Outcome>('up', 'degraded', 'down'), { size: 'max', maxLength: 100 }), (answers) => {
      let known = unasked;
      let run = 0;
      let wasDown: boolean | null = null;
      for (const answer of answers) {
        const isDown = answer === 'down';
        run = isDown === wasDown ? run + 1 : 1;
        wasDown = isDown;
        known = confirm(known, answer, wanted).confirmation;
        expect(known.place).toEqual(isDown ? { ofDown: run, ofUp: 0 } : { ofDown: 0, ofUp: run });
      }
    }),
  );
});
