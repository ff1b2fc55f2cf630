import { expect, test } from 'vitest';
import { watchTime } from '../../collector/src/runtime/time-watch.ts';
import { createManualClock } from '../support/manual-clock.ts';

const open = () => {
  const steady = createManualClock(0);
  const lines: string[] = [];
  let setByMs = 0;
  let driftRatio = 0;
  const clock = {
    ...steady,
    nowMs: () => 1_800_000_000_000 + steady.nowMs() * (1 + driftRatio) + setByMs,
  };
  const end = watchTime(clock, { warn: (...words: readonly unknown[]) => void lines.push(String(words[1])) });
  return {
    lines,
    end,
    advance: steady.advance,
    set: (byMs: number) => {
      setByMs += byMs;
    },
    drift: (ratio: number) => {
      driftRatio = ratio;
    },
  };
};

test.each([
  { why: 'a second forward', byMs: 1_000, lines: ['the clock of this machine jumped forward by 1.0 s'] },
  { why: 'five minutes back', byMs: -300_000, lines: ['the clock of this machine jumped back by 300.0 s'] },
  { why: 'less than a second', byMs: 999, lines: [] },
  { why: 'less than a second, back', byMs: -999, lines: [] },
])('a clock that is set once is told of once, and not when it is too little: $why', ({ byMs, lines }) => {
  const watch = open();
  watch.advance(5_000);
  watch.set(byMs);
  watch.advance(60_000);
  expect(watch.lines).toEqual(lines);
});

test('a clock that drifts does not fill the log, however far it comes', () => {
  const watch = open();
  watch.drift(0.000_5);
  watch.advance(24 * 3_600_000);
  expect(watch.lines).toEqual([]);
});

test('nothing is looked at after the end', () => {
  const watch = open();
  watch.end();
  watch.set(300_000);
  watch.advance(60_000);
  expect(watch.lines).toEqual([]);
});

test.each([
  { why: 'just too little', lateMs: 1_999, lines: [] },
  { why: 'enough', lateMs: 2_000, lines: ['the collector stood still for 2.0 s (stopped, or the machine was out of breath)'] },
])('a look that comes late says for how long: $why', ({ lateMs, lines }) => {
  let monotonicMs = 0;
  let due: () => void = () => undefined;
  const told: string[] = [];
  const clock = {
    nowMs: () => 1_800_000_000_000 + monotonicMs,
    monotonicMs: () => monotonicMs,
    after: (_delayMs: number, callback: () => void) => {
      due = callback;
      return () => undefined;
    },
  };
  watchTime(clock, { warn: (...words: readonly unknown[]) => void told.push(String(words[1])) });
  monotonicMs += 1_000 + lateMs;
  due();
  expect(told).toEqual(lines);
});
