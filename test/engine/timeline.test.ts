import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Span } from '../../collector/src/engine/effect.ts';
import {
  emptyTimeline,
  overlay,
  patchBetween,
  prune,
  recoveredAtMs,
  rewrite,
  spanAt,
  wasDownSince,
} from '../../collector/src/engine/timeline.ts';
import { limits } from '../../shared/src/limits.ts';
import { type Status, statuses } from '../../shared/src/status.ts';

const span = (fromMs: number, status: Status): Span => ({ fromMs, status, reason: null, attributedTo: null });

/** `0 up, 20 down` */
const read = (text: string): Span[] =>
  text === ''
    ? []
    : text.split(', ').map((word) => {
        const [fromMs = '', name = ''] = word.split(' ');
        return span(Number(fromMs), statuses.find((status) => status === name) ?? 'unknown');
      });
const write = (spans: readonly Span[]): string => spans.map(({ fromMs, status }) => `${fromMs} ${status}`).join(', ');

const historyOf = (text: string) => ({ ...emptyTimeline(), spans: read(text) });

const rewrites: readonly { why: string; before: string; fromMs: number; tail: string; after: string; isChanged: boolean }[] = [
  { why: 'begins a history', before: '', fromMs: 5, tail: '5 up', after: '5 up', isChanged: true },
  { why: 'adds at the end', before: '0 up', fromMs: 20, tail: '20 down', after: '0 up, 20 down', isChanged: true },
  { why: 'joins what is the same as before', before: '0 up', fromMs: 20, tail: '20 up', after: '0 up', isChanged: false },
  {
    why: 'joins neighbours within the tail',
    before: '0 up',
    fromMs: 9,
    tail: '9 down, 12 down',
    after: '0 up, 9 down',
    isChanged: true,
  },
  { why: 'takes back what came later', before: '0 up, 20 unknown', fromMs: 20, tail: '', after: '0 up', isChanged: true },
  {
    why: 'replaces from the middle of a span',
    before: '0 up, 20 down',
    fromMs: 10,
    tail: '10 down',
    after: '0 up, 10 down',
    isChanged: true,
  },
  {
    why: 'writes the same again',
    before: '0 up, 20 down',
    fromMs: 20,
    tail: '20 down',
    after: '0 up, 20 down',
    isChanged: false,
  },
];
for (const { why, before, fromMs, tail, after, isChanged } of rewrites) {
  test(`a rewrite ${why}`, () => {
    const timeline = historyOf(before);
    expect(rewrite(timeline, fromMs, read(tail))).toBe(isChanged);
    expect(write(timeline.spans)).toBe(after);
  });
}

const patches: readonly { why: string; before: string; after: string; expected: string | null }[] = [
  { why: 'nothing changed: no patch', before: '0 up', after: '0 up', expected: null },
  { why: 'a span was added: the patch is that span', before: '0 up', after: '0 up, 20 down', expected: 'from 20: 20 down' },
  { why: 'a span began earlier', before: '0 up, 20 down', after: '0 up, 10 down', expected: 'from 10: 10 down' },
  {
    why: 'a span was taken back: the one before is given again whole',
    before: '0 up, 20 down',
    after: '0 up',
    expected: 'from 0: 0 up',
  },
  {
    why: 'a span began later: the one before is given again whole',
    before: '0 up, 20 down',
    after: '0 up, 30 down',
    expected: 'from 0: 0 up, 30 down',
  },
];
for (const { why, before, after, expected } of patches) {
  test(`when ${why}`, () => {
    const patch = patchBetween(read(before), read(after));
    expect(patch === null ? null : `from ${patch.fromMs}: ${write(patch.spans)}`).toBe(expected);
  });
}

test('a span covers its own first instant and not the first of the next', () => {
  const spans = read('10 up, 20 down');
  expect(spanAt(spans, 9)).toBeNull();
  expect(spanAt(spans, 10)?.status).toBe('up');
  expect(spanAt(spans, 19)?.status).toBe('up');
  expect(spanAt(spans, 20)?.status).toBe('down');
});

const recoveries: readonly { why: string; spans: string; atMs: number | null }[] = [
  { why: 'still down', spans: '0 up, 20 down', atMs: null },
  { why: 'good again', spans: '0 up, 20 down, 30 up', atMs: 30 },
  { why: 'good, then degraded: it ended with the first good', spans: '20 down, 30 up, 40 degraded', atMs: 30 },
  {
    why: 'nothing known between: it ended, as far as anybody knows, with the first good',
    spans: '20 down, 30 unknown, 50 up',
    atMs: 50,
  },
  { why: 'nothing known since', spans: '20 down, 30 unknown', atMs: null },
];
for (const { why, spans, atMs } of recoveries) {
  test(`the end of a fault, ${why}`, () => expect(recoveredAtMs(read(spans))).toBe(atMs));
}

const downs: readonly { spans: string; fromMs: number; expected: boolean }[] = [
  { spans: '', fromMs: 0, expected: false },
  { spans: '0 down, 20 up', fromMs: 19, expected: true },
  { spans: '0 down, 20 up', fromMs: 20, expected: false },
  { spans: '0 up, 20 down, 30 up', fromMs: 5, expected: true },
];
for (const { spans, fromMs, expected } of downs) {
  test(`of "${spans}" ${expected ? 'some' : 'nothing'} is down from ${fromMs} on`, () =>
    expect(wasDownSince(read(spans), fromMs)).toBe(expected));
}

test('a history keeps no more spans than its bound, and says from when on it can still be corrected', () => {
  const timeline = emptyTimeline();
  for (let at = 0; at <= limits.timelineSpansMax; at += 1) rewrite(timeline, at, [span(at, at % 2 === 0 ? 'up' : 'down')]);
  const forgotten = prune(timeline, limits.timelineSpansMax);
  expect(timeline.spans.length + forgotten).toBe(limits.timelineSpansMax + 1);
  expect(timeline.spans.length).toBeLessThanOrEqual(limits.timelineSpansMax);
  expect(timeline.floorMs).toBe(timeline.spans[0]?.fromMs);
  expect(timeline.floorMs).toBeGreaterThan(0);
});

test('spans that are too old to be corrected are forgotten uncounted', () => {
  const timeline = emptyTimeline();
  for (let at = 0; at < 100; at += 1) rewrite(timeline, at, [span(at, at % 2 === 0 ? 'up' : 'down')]);
  expect(prune(timeline, limits.correctionMsMax + 90)).toBe(0);
  expect(timeline.floorMs).toBe(89);
});

const historyArbitrary = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(...statuses)), { maxLength: 30 })
  .map((steps) => {
    const timeline = emptyTimeline();
    let atMs = 0;
    for (const [gapMs, status] of steps) {
      atMs += gapMs;
      rewrite(timeline, atMs, [span(atMs, status)]);
    }
    return timeline.spans;
  });

test('property: a patch makes the later history out of the earlier one, and never leaves equal neighbours', () => {
  fc.assert(
    fc.property(historyArbitrary, historyArbitrary, (before, after) => {
      fc.pre(before.length === 0 || (after.length > 0 && (after[0]?.fromMs ?? 0) <= (before[0]?.fromMs ?? 0)));
      const patch = patchBetween(before, after);
      const patched = patch === null ? before : [...before.filter(({ fromMs }) => fromMs < patch.fromMs), ...patch.spans];
      expect(write(patched)).toBe(write(after));
      expect(patched.every(({ status }, at) => status !== patched[at - 1]?.status)).toBe(true);
    }),
  );
});

test('property: an overlay is at every instant what it is decided to be of its parts at that instant', () => {
  const worst = (parts: readonly (Span | null)[]) => {
    const known = parts.filter((part) => part !== null);
    const status = statuses.find((one) => known.some((part) => part.status === one));
    return status === undefined ? null : { status, reason: null, attributedTo: null };
  };
  fc.assert(
    fc.property(fc.array(historyArbitrary, { maxLength: 4 }), fc.integer({ min: 0, max: 300 }), (inputs, fromMs) => {
      const whole = overlay(fromMs, inputs, worst);
      for (let atMs = fromMs; atMs < 620; atMs += 7) {
        const expected = worst(inputs.map((spans) => spanAt(spans, atMs)));
        expect(spanAt(whole, atMs)?.status).toBe(expected?.status);
      }
    }),
  );
});
