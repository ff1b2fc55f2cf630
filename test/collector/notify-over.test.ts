import { asId } from '@jiwei/shared/ids.ts';
import { describe, expect, test } from 'vitest';
import type { NoticeKind } from '../../collector/src/engine/effect.ts';
import { overOf } from '../../collector/src/notify/over.ts';
import type { OutboxRecord } from '../../collector/src/store/port.ts';
import { outboxOf } from '../support/store-samples.ts';

/** When the response to the incident of these records is due. */
const dueAtMs = 183_000;

/** `firing waiting`, `firing unclear` (waiting, may have arrived), `firing sent`, `firing refused`, `firing givenUp` (may have arrived), `firing dropped`. */
const recordOf = (text: string, at: number): OutboxRecord => {
  const [notice = '', word = ''] = text.split(' ');
  const states = {
    waiting: { state: 'waiting', mayHaveArrived: false },
    unclear: { state: 'waiting', mayHaveArrived: true },
    sent: { state: 'sent', mayHaveArrived: true },
    refused: { state: 'failed', mayHaveArrived: false },
    givenUp: { state: 'failed', mayHaveArrived: true },
    dropped: { state: 'dropped', mayHaveArrived: false },
  } as const;
  const state = states[word as keyof typeof states];
  return outboxOf({ id: asId<'notification'>(`${at}`), notice: notice as NoticeKind, ...state });
};

const rows: readonly { readonly why: string; readonly lane: readonly string[]; readonly over: readonly string[] }[] = [
  { why: 'nothing was decided', lane: [], over: [] },
  { why: 'a problem that goes on is told, however late', lane: ['firing waiting'], over: [] },
  { why: 'also what may have arrived', lane: ['firing unclear', 'overdue waiting'], over: [] },
  { why: 'over before anybody was told', lane: ['firing waiting', 'resolved waiting'], over: ['untold 0 1'] },
  {
    why: 'with all that came in between',
    lane: ['firing waiting', 'firing waiting', 'overdue waiting', 'resolved waiting'],
    over: ['untold 0 1 2 3'],
  },
  { why: 'it was told: its end is', lane: ['firing sent', 'resolved waiting'], over: [] },
  {
    why: 'it may have been told: its end is, and not itself again',
    lane: ['firing unclear', 'resolved waiting'],
    over: ['endTold 0'],
  },
  { why: 'given up, but it may have arrived', lane: ['firing givenUp', 'resolved waiting'], over: [] },
  { why: 'refused in so many words', lane: ['firing refused', 'resolved waiting'], over: ['untold 1'] },
  {
    why: 'told, and what came later was not: only the end is news',
    lane: ['firing sent', 'overdue waiting', 'resolved waiting'],
    over: ['endTold 1'],
  },
  {
    why: 'refused, and a later one may have arrived',
    lane: ['firing refused', 'overdue unclear', 'resolved waiting'],
    over: ['endTold 1'],
  },
  { why: 'an end that may have arrived is tried on', lane: ['firing sent', 'resolved unclear'], over: [] },
  { why: 'an end that was told', lane: ['firing sent', 'resolved sent'], over: [] },
  { why: 'an end that was given up', lane: ['firing sent', 'resolved givenUp'], over: [] },
  { why: 'dropped already', lane: ['firing dropped', 'resolved dropped'], over: [] },
  {
    why: 'it came back after it was dropped, and is told anew',
    lane: ['firing dropped', 'resolved dropped', 'firing waiting'],
    over: [],
  },
  {
    why: 'it came back and went again, twice unheard of',
    lane: ['firing waiting', 'resolved waiting', 'flapping waiting', 'resolved waiting'],
    over: ['untold 0 1', 'untold 2 3'],
  },
  {
    why: 'told the first time and not the second',
    lane: ['firing sent', 'resolved waiting', 'firing waiting', 'resolved waiting'],
    over: ['untold 2 3'],
  },
  {
    why: 'the first time unheard of, the second it goes on',
    lane: ['firing waiting', 'resolved waiting', 'firing waiting'],
    over: ['untold 0 1'],
  },
  { why: 'an end whose alarms were deleted for their age is told', lane: ['resolved waiting'], over: [] },
];

const shown = (lane: readonly OutboxRecord[], nowMs: number): readonly string[] =>
  overOf(lane, nowMs).map(({ why, records }) => [why, ...records.map(({ id }) => id)].join(' '));

test.each(rows)('$why', ({ lane, over }) => {
  expect(shown(lane.map(recordOf), 0)).toEqual(over);
});

describe('a warning that the response is due soon', () => {
  const lane = ['firing sent', 'warning waiting', 'overdue waiting'].map(recordOf);
  test('is told until it is due', () => expect(shown(lane, dueAtMs - 1)).toEqual([]));
  test('and not from then on; that it is overdue is', () => expect(shown(lane, dueAtMs)).toEqual(['due 1']));
  test('whether or not it may have arrived', () => {
    expect(shown(['firing sent', 'warning unclear'].map(recordOf), dueAtMs)).toEqual(['due 1']);
  });
  test('alone it does not make its end a secret: it may have arrived before it was dropped', () => {
    const [warning, end] = ['warning unclear', 'resolved waiting'].map(recordOf);
    if (warning === undefined || end === undefined) throw new Error('two records');
    expect(shown([{ ...warning, state: 'dropped' }, end], dueAtMs)).toEqual([]);
  });
});
