import type { CheckResult } from '@jiwei/shared/check.ts';
import { type AgentId, asId, type CheckId } from '@jiwei/shared/ids.ts';
import { encodeDictionary } from '@jiwei/shared/protocol/dictionary.ts';
import type { Series } from '@jiwei/shared/series.ts';
import { describe, expect, test } from 'vitest';
import type { CheckConfig, EngineConfig } from '../../collector/src/engine/config.ts';
import { engineTimingDefault } from '../../collector/src/engine/config.ts';
import type { Delivery } from '../../collector/src/ingest/delivery.ts';
import { openBatch } from '../../collector/src/runtime/batch.ts';
import type { RuntimeCounters } from '../../collector/src/runtime/counters.ts';
import { createIntake, type Intake, isStored, setRuleNames, takeIn } from '../../collector/src/runtime/intake.ts';

const agentId: AgentId = asId('a1');
const checkId: CheckId = asId('web');
const atMs = 1_000_000;

const check: CheckConfig = {
  id: checkId,
  assetId: asId('asset'),
  probe: { kind: 'tcp', spec: { host: '127.0.0.1', port: 80, tls: false, exchange: [] } },
  schedule: { intervalMs: 5_000 },
  timeoutMs: 1_000,
  confirm: { failures: 3, successes: 2, retryMs: 1_000 },
  critical: true,
  severity: 'major',
  agentIds: [agentId],
  quorum: null,
  staleAfterMs: 16_000,
};
const config: EngineConfig = {
  version: 1,
  zones: new Map(),
  units: new Map(),
  assets: new Map(),
  agents: new Map(),
  checks: new Map([[checkId, check]]),
  rules: new Map(),
  maintenance: [],
  routes: [],
  timing: engineTimingDefault,
};

/** Counts calls by name and the sum of their first numbers. */
const countingCounters = () => {
  const counts: Record<string, number> = {};
  const counters = new Proxy({} as RuntimeCounters, {
    get: (_target, name: string) => (first: unknown) => {
      counts[name] = (counts[name] ?? 0) + (typeof first === 'number' ? first : 1);
    },
  });
  return { counts, counters };
};

const world = (isFormer = false) => {
  const intake: Intake = createIntake();
  const batch = openBatch();
  const { counts, counters } = countingCounters();
  const rows: unknown[] = [];
  const take = (delivery: Delivery) =>
    takeIn(
      {
        intake,
        batch,
        config,
        counters,
        atMs,
        hasAsked: () => isFormer,
        onRows: (...row) => rows.push(row),
        onSeries: () => undefined,
      },
      agentId,
      delivery,
    );
  return { intake, batch, counters, counts, rows, take };
};

const head = (bootId: number, seq: number, offsetMs = 0) => ({ bootId, seq, offsetMs, receivedAtMs: atMs, messageBytes: 50 });
const result = (observedAtMs: number, extra: Partial<CheckResult> = {}): CheckResult => ({
  checkId,
  observedAtMs,
  outcome: 'up',
  reason: 'OK',
  latencyMs: 1,
  run: { ofDown: 0, ofUp: 1 },
  ...extra,
});
const results = (bootId: number, seq: number, list: readonly CheckResult[], offsetMs = 0): Delivery => ({
  ...head(bootId, seq, offsetMs),
  kind: 'results',
  results: list,
});
const load: Series = {
  family: { name: 'node_load1', type: 'gauge', help: '' },
  labels: [
    ['job', 'x'],
    ['zone', '北'],
  ],
};
const dictionary = (bootId: number, firstIndex: number, series: readonly Series[]): Delivery => ({
  kind: 'dictionary',
  bootId,
  firstIndex,
  series,
  bytes: encodeDictionary({ kind: 'dictionary', bootId, firstIndex, series }),
});
const samples = (bootId: number, seq: number, sampleAtMs: number): Delivery => ({
  ...head(bootId, seq),
  kind: 'samples',
  rows: [{ atMs: sampleAtMs, indexes: Uint32Array.of(0), values: Float64Array.of(1.5) }],
  body: Uint8Array.of(1),
});

describe('taking in frames', () => {
  const repeats: readonly { why: string; position: [number, number]; frame: [number, number]; expected: boolean }[] = [
    { why: 'the same frame is a repeat', position: [10, 5], frame: [10, 5], expected: true },
    { why: 'an earlier one of the boot is a repeat', position: [10, 5], frame: [10, 0], expected: true },
    { why: 'the next one is new', position: [10, 5], frame: [10, 6], expected: false },
    { why: 'any of an earlier boot is a repeat', position: [10, 5], frame: [9, 99], expected: true },
    { why: 'the first of a later boot is new', position: [10, 5], frame: [11, 0], expected: false },
  ];
  for (const { why, position, frame, expected } of repeats) {
    test(why, () =>
      expect(isStored({ bootId: position[0], seq: position[1] }, { bootId: frame[0], seq: frame[1] })).toBe(expected),
    );
  }

  test('a repeated frame changes nothing, even with other content', () => {
    const { take, batch, counts } = world();
    take(results(1, 0, [result(atMs)]));
    expect(take(results(1, 0, [result(atMs - 5, { outcome: 'down', reason: 'TIMEOUT' })]))).toEqual([]);
    expect(batch.rows.results).toHaveLength(1);
    expect(counts['frameDuplicate']).toBe(1);
  });

  test('a hole in the sequence is counted and the rest is taken', () => {
    const { take, counts, intake } = world();
    take(results(1, 0, [result(atMs)]));
    take(results(1, 4, [result(atMs)]));
    expect(counts['framesMissing']).toBe(3);
    expect(intake.positions.get(agentId)).toMatchObject({ bootId: 1, seq: 4 });
  });

  test('a boot of which the first frames never came: they are counted, the end of the boot before cannot be', () => {
    const { take, counts } = world();
    take(results(1, 0, [result(atMs)]));
    take(results(2, 5, [result(atMs)]));
    expect(counts['framesMissing']).toBe(5);
  });

  test('times come onto our clock and never lie in the future', () => {
    const { take } = world();
    const [event] = take(results(1, 0, [result(atMs - 60_000), result(atMs + 500)], 30_000));
    expect(event).toMatchObject({ kind: 'results', results: [{ observedAtMs: atMs - 30_000 }, { observedAtMs: atMs }] });
  });

  test('a probe that could not ask says nothing about its target, but is kept', () => {
    const { take, batch, counts } = world();
    expect(take(results(1, 0, [result(atMs, { outcome: 'down', reason: 'NOT_PERMITTED', latencyMs: null })]))).toEqual([]);
    expect(batch.rows.results).toHaveLength(1);
    expect(counts['resultsIgnored']).toBe(1);
  });

  test('results of a check nobody declared are counted and dropped', () => {
    const { take, batch, counts } = world();
    expect(take(results(1, 0, [result(atMs, { checkId: asId('gone') })]))).toEqual([]);
    expect(batch.rows.results).toEqual([]);
    expect(counts['resultsIgnored']).toBe(1);
  });

  test('what an agent kept from when it still asked the check counts', () => {
    const otherAgent = { ...check, agentIds: [asId<'agent'>('a2')] };
    const takeWith = (isFormer: boolean) => {
      const { intake, batch, counters } = world(isFormer);
      const given = { ...config, checks: new Map([[checkId, otherAgent]]) };
      const context = {
        intake,
        batch,
        config: given,
        counters,
        atMs,
        hasAsked: () => isFormer,
        onRows: () => undefined,
        onSeries: () => undefined,
      };
      return takeIn(context, agentId, results(1, 0, [result(atMs - 60_000)])).length;
    };
    expect([takeWith(true), takeWith(false)]).toEqual([1, 0]);
  });

  test('only series some rule names reach the engine, with the agent as instance', () => {
    const { take, intake } = world();
    take(dictionary(1, 0, [load]));
    expect(take(samples(1, 0, atMs))).toEqual([]);
    setRuleNames(intake, new Set(['node_load1']));
    const labels = [
      ['instance', 'a1'],
      ['job', 'x'],
      ['zone', '北'],
    ];
    expect(take(samples(1, 1, atMs))).toEqual([
      { kind: 'samples', atMs, agentId, samples: [{ name: 'node_load1', labels, value: 1.5, observedAtMs: atMs }] },
    ]);
  });

  test('back-filled samples are stored but shown to no rule', () => {
    const { take, intake, batch } = world();
    take(dictionary(1, 0, [load]));
    setRuleNames(intake, new Set(['node_load1']));
    expect(take(samples(1, 0, atMs - 120_001))).toEqual([]);
    expect(batch.rows.frames).toHaveLength(1);
  });

  test('a dictionary that is named again is not stored again, a longer one is', () => {
    const { take, batch, intake } = world();
    take(dictionary(1, 0, [load]));
    take(dictionary(1, 0, [load]));
    expect(batch.rows.dictionaries).toHaveLength(1);
    take(dictionary(1, 0, [load, { ...load, labels: [] }]));
    expect(batch.rows.dictionaries).toHaveLength(2);
    expect(intake.dictionaries.get(agentId)?.series).toHaveLength(2);
  });
});
