import { expect, test } from 'vitest';
import type { Span } from '../../collector/src/engine/effect.ts';
import { assetStatusOf, checkStatusOf } from '../../collector/src/engine/histories.ts';
import { createLane, observe } from '../../collector/src/engine/lane.ts';
import { emptyTimeline } from '../../collector/src/engine/timeline.ts';
import { checkOf } from '../support/engine/world.ts';

const check = checkOf('c', 'a', { confirm: { failures: 2, successes: 2, retryMs: 1_000 }, staleAfterMs: 30 });

/** Answers as `instant outcome`; statuses as `instant status`. */
test.each([
  { why: 'one failure is not believed', answers: '0 up, 10 down, 20 up', spans: '0 up' },
  { why: 'down from the first failure of the run', answers: '0 up, 10 down, 20 down', spans: '0 up, 10 down' },
  { why: 'one success is not believed', answers: '0 down, 10 down, 20 up, 30 down', spans: '0 down' },
  { why: 'up from the first success of the run', answers: '0 down, 10 down, 20 up, 30 up', spans: '0 down, 20 up' },
  { why: 'exactly as old as it may be: no gap', answers: '0 up, 30 up', spans: '0 up' },
  { why: 'a moment older: a gap', answers: '0 up, 31 up', spans: '0 up, 30 unknown, 31 up' },
  { why: 'a gap tears a run', answers: '0 up, 10 down, 41 down', spans: '0 up, 40 unknown' },
  { why: 'an outage outlives a gap', answers: '0 down, 10 down, 41 down', spans: '0 down, 40 unknown, 41 down' },
  {
    why: 'also when a lone success came first after the gap',
    answers: '0 down, 10 down, 41 up, 50 down',
    spans: '0 down, 40 unknown, 50 down',
  },
])('$why', ({ answers, spans }) => {
  const lane = createLane(check.id, null);
  const timeline = emptyTimeline();
  for (const answer of answers.split(', ')) {
    const [atMs, word] = answer.split(' ');
    const outcome = word === 'down' ? 'down' : 'up';
    observe(lane, timeline, check, { atMs: Number(atMs), outcome, reason: outcome === 'up' ? 'OK' : 'TIMEOUT' });
  }
  expect(timeline.spans.map(({ fromMs, status }) => `${fromMs} ${status}`).join(', ')).toBe(spans);
});

const spanOf = (status: string): Span | null =>
  status === 'down' || status === 'degraded' || status === 'up' || status === 'unknown'
    ? { fromMs: 0, status, reason: null, attributedTo: null }
    : null;

test.each([
  { why: 'nobody there yet', lanes: ['-'], quorum: null, status: undefined },
  { why: 'nobody knows', lanes: ['unknown', '-'], quorum: null, status: 'unknown' },
  { why: 'half is no majority', lanes: ['down', 'up'], quorum: null, status: 'degraded' },
  { why: 'two of three are', lanes: ['down', 'down', 'up'], quorum: null, status: 'down' },
  { why: 'who does not know has no vote', lanes: ['down', 'unknown', 'unknown'], quorum: null, status: 'down' },
  { why: 'one is enough where one is asked for', lanes: ['down', 'up', 'up'], quorum: 1, status: 'down' },
  { why: 'one is too few where two are asked for', lanes: ['down', 'unknown'], quorum: 2, status: 'degraded' },
])('a check: $why', ({ lanes, quorum, status }) => {
  expect(checkStatusOf(lanes.map(spanOf), quorum)?.status).toBe(status);
});

test.each([
  { why: 'the worst counts', checks: ['up', 'degraded', 'down'], status: 'down' },
  { why: 'what is not known beside something good does not', checks: ['unknown', 'up'], status: 'up' },
  { why: 'nothing known', checks: ['unknown', '-'], status: 'unknown' },
  { why: 'nothing there', checks: [], status: undefined },
])('an asset: $why', ({ checks, status }) => {
  expect(assetStatusOf(checks.map(spanOf), [])?.status).toBe(status);
});
