import { type ResultsBody, resultsBodySchema } from '@jiwei/shared/protocol/control.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainResults } from '../../collector/src/ingest/plain-results.ts';

const good = {
  checkId: 'web-page',
  observedAtMs: 1_793_577_600_000,
  outcome: 'up',
  reason: 'OK',
  latencyMs: 12.5,
  run: { ofDown: 0, ofUp: 3 },
};
const full = { ...good, method: 'ping', detail: 'text', values: { probe_icmp_duration_seconds: 0.25 } };

const manyValues = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`probe_phase_${index}`, index]));

const bySchema = (json: unknown): ResultsBody['results'] | null => {
  const parsed = resultsBodySchema.safeParse(json);
  return parsed.success ? parsed.data.results : null;
};

const cases: readonly { readonly why: string; readonly json: unknown; readonly verdict: 'taken' | 'refused' | 'left' }[] = [
  { why: 'takes a result with all its fields', json: { results: [full, good] }, verdict: 'taken' },
  { why: 'leaves out what a newer agent adds', json: { results: [{ ...full, later: 1 }], later: 2 }, verdict: 'taken' },
  { why: 'takes an answer that never came', json: { results: [{ ...good, latencyMs: null }] }, verdict: 'taken' },
  { why: 'refuses a frame without results', json: { results: [] }, verdict: 'refused' },
  { why: 'takes as many results as a frame may hold', json: { results: Array(1_000).fill(good) }, verdict: 'taken' },
  { why: 'refuses one more', json: { results: Array(1_001).fill(good) }, verdict: 'refused' },
  { why: 'takes the longest text', json: { results: [{ ...good, detail: '字'.repeat(500) }] }, verdict: 'taken' },
  { why: 'refuses a longer one', json: { results: [{ ...good, detail: '字'.repeat(501) }] }, verdict: 'refused' },
  {
    why: 'takes as many values as a result may have',
    json: { results: [{ ...good, values: manyValues(64) }] },
    verdict: 'taken',
  },
  { why: 'refuses one value more', json: { results: [{ ...good, values: manyValues(65) }] }, verdict: 'refused' },
  { why: 'refuses a list in place of a result', json: { results: [[good]] }, verdict: 'refused' },
  { why: 'refuses an id that none could have', json: { results: [{ ...good, checkId: 'Web' }] }, verdict: 'refused' },
  { why: 'refuses an unknown outcome', json: { results: [{ ...good, outcome: 'fine' }] }, verdict: 'refused' },
  {
    why: 'refuses a reason that is a method of objects',
    json: { results: [{ ...good, reason: 'toString' }] },
    verdict: 'refused',
  },
  { why: 'refuses a time before 1970', json: { results: [{ ...good, observedAtMs: -1 }] }, verdict: 'refused' },
  { why: 'refuses a time with a fraction', json: { results: [{ ...good, observedAtMs: 1.5 }] }, verdict: 'refused' },
  { why: 'refuses a negative latency', json: { results: [{ ...good, latencyMs: -0.1 }] }, verdict: 'refused' },
  { why: 'refuses a missing latency', json: { results: [{ ...good, latencyMs: undefined }] }, verdict: 'refused' },
  {
    why: 'refuses a number JSON writes beyond float64',
    json: JSON.parse(JSON.stringify({ results: [good] }).replace('12.5', '1e999')),
    verdict: 'refused',
  },
  { why: 'refuses a detail that is null', json: { results: [{ ...good, detail: null }] }, verdict: 'refused' },
  { why: 'refuses a method that is too long', json: { results: [{ ...good, method: 'x'.repeat(33) }] }, verdict: 'refused' },
  { why: 'refuses values that are no numbers', json: { results: [{ ...good, values: { a: '1' } }] }, verdict: 'refused' },
  {
    why: 'leaves a key that would change the object',
    json: JSON.parse(`{"results":[${JSON.stringify(good).slice(0, -1)},"values":{"__proto__":1}}]}`),
    verdict: 'left',
  },
];

describe('the quick way to read results', () => {
  for (const { why, json, verdict } of cases) {
    test(`${why}, as the schema does`, () => {
      expect(plainResults(json)).toEqual(verdict === 'taken' ? bySchema(json) : null);
      expect(bySchema(json) !== null).toBe(verdict !== 'refused');
    });
  }

  test('says yes to nothing that the schema refuses, and gives the same value', () => {
    const scalar = fc.oneof(fc.constantFrom('web', 'up', 'OK', null, 0, 1.5, -1, ''), fc.jsonValue());
    const result = fc
      .record(
        {
          checkId: scalar,
          observedAtMs: scalar,
          outcome: scalar,
          latencyMs: scalar,
          run: scalar,
          values: scalar,
          detail: scalar,
        },
        { requiredKeys: [] },
      )
      .map((odd) => ({ ...full, ...odd }));
    const oneOdd = fc.tuple(fc.constantFrom(...Object.keys(full)), scalar).map(([key, value]) => ({ ...full, [key]: value }));
    fc.assert(
      fc.property(fc.array(fc.oneof(result, oneOdd), { maxLength: 3 }), (results) => {
        const found = plainResults({ results });
        if (found !== null) expect(found).toEqual(bySchema({ results }));
      }),
      { numRuns: 2_000 },
    );
  });
});
