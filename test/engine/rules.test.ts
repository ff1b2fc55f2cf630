import { asId } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { hourMs, minuteMs, secondMs } from '@jiwei/shared/time.ts';
import { describe, expect, test } from 'vitest';
import type { RuleConfig } from '../../collector/src/engine/config.ts';
import { PromqlError } from '../../collector/src/engine/promql/error.ts';
import { goNumberText } from '../../collector/src/engine/rules/go-number.ts';
import {
  alertsOf,
  createRules,
  evaluateDue,
  forgetAlert,
  nextRuleDeadlineMs,
  type Rules,
  replaceRules,
  ruleHealth,
  ruleSeriesCounts,
  savedRule,
  takeChangedRules,
  updateSamples,
} from '../../collector/src/engine/rules/rules.ts';
import { fillTemplate, parseTemplate } from '../../collector/src/engine/rules/template.ts';

const step = 15 * secondMs;
const startMs = 1_700_000_010_000 - (1_700_000_010_000 % step);

const ruleOf = (changes: Partial<RuleConfig> = {}): RuleConfig => ({
  id: asId<'rule'>('hosts/Low'),
  name: 'Low',
  expr: 'free < 10',
  forMs: 0,
  keepFiringForMs: 0,
  evaluationMs: step,
  labels: { severity: 'major' },
  annotations: { summary: '{{ $labels.instance }} has {{ $value }}' },
  ...changes,
});

/** Gives the value of `free` on a host at the instant, evaluates, and tells what changed as `kind instance`. */
const at = (rules: Rules, offsetMs: number, values: Readonly<Record<string, number>>): string[] => {
  const atMs = startMs + offsetMs;
  updateSamples(
    rules,
    Object.entries(values).map(([instance, value]) => ({
      name: 'free',
      labels: [['instance', instance]],
      value,
      observedAtMs: atMs,
    })),
  );
  return evaluateDue(rules, atMs).map(({ kind, labels }) => `${kind} ${labels['instance']}`);
};

describe('an alert', () => {
  test('fires at once without for, with labels and annotations as Prometheus makes them, and resolves when proven false', () => {
    const rules = createRules([ruleOf()]);
    updateSamples(rules, [{ name: 'free', labels: [['instance', 'a']], value: 5, observedAtMs: startMs }]);
    expect(evaluateDue(rules, startMs + 7)).toEqual([
      {
        kind: 'firing',
        ruleId: 'hosts/Low',
        ruleName: 'Low',
        alertId: '{alertname="Low",instance="a",severity="major"}',
        labels: { alertname: 'Low', instance: 'a', severity: 'major' },
        annotations: { summary: 'a has 5' },
        value: 5,
        activeAtMs: startMs,
        atMs: startMs,
      },
    ]);
    expect(at(rules, step, { a: 4 })).toEqual([]);
    expect(at(rules, 2 * step, { a: 10 })).toEqual(['resolved a']);
  });

  test('is pending for exactly its for, and begins anew when it was false in between', () => {
    const rules = createRules([ruleOf({ forMs: 3 * step })]);
    expect(at(rules, 0, { a: 5 })).toEqual(['pending a']);
    expect(at(rules, step, { a: 11 })).toEqual(['cancelled a']);
    expect(at(rules, 2 * step, { a: 5 })).toEqual(['pending a']);
    expect(at(rules, 4 * step, { a: 5 })).toEqual([]);
    expect(at(rules, 5 * step, { a: 5 })).toEqual(['firing a']);
  });

  test('keeps firing for exactly keep_firing_for after it was last true', () => {
    const rules = createRules([ruleOf({ keepFiringForMs: 2 * step })]);
    expect(at(rules, 0, { a: 5 })).toEqual(['firing a']);
    expect(at(rules, step, { a: 50 })).toEqual([]);
    expect(at(rules, 2 * step, { a: 5 })).toEqual([]);
    expect(at(rules, 3 * step, { a: 50 })).toEqual([]);
    expect(at(rules, 4 * step, { a: 50 })).toEqual([]);
    expect(at(rules, 5 * step, { a: 50 })).toEqual(['resolved a']);
  });

  test('has no data, and is not resolved, when its series goes stale at five minutes', () => {
    const rules = createRules([ruleOf()]);
    expect(at(rules, 0, { a: 5 })).toEqual(['firing a']);
    expect(at(rules, 5 * minuteMs - step, {})).toEqual([]);
    expect(at(rules, 5 * minuteMs, {})).toEqual(['noData a']);
    expect(at(rules, hourMs, {})).toEqual([]);
    expect(at(rules, hourMs + step, { a: 5 })).toEqual(['firing a']);
    expect(at(rules, hourMs + 2 * step, { a: 50 })).toEqual(['resolved a']);
  });

  test('that has no data resolves by fresh data alone, which may say that it is over', () => {
    const rules = createRules([ruleOf()]);
    at(rules, 0, { a: 5 });
    expect(at(rules, 10 * minuteMs, {})).toEqual(['noData a']);
    expect(at(rules, 11 * minuteMs, { a: 50 })).toEqual(['resolved a']);
  });

  test('counts keep_firing_for only while it is known to be false', () => {
    const rules = createRules([ruleOf({ keepFiringForMs: 6 * minuteMs })]);
    at(rules, 0, { a: 5 });
    expect(at(rules, minuteMs, { a: 50 })).toEqual([]);
    expect(at(rules, 6 * minuteMs, {})).toEqual(['noData a']);
    expect(at(rules, 8 * minuteMs, { a: 50 })).toEqual(['firing a']);
    expect(at(rules, 12 * minuteMs, { a: 50 })).toEqual([]);
    expect(at(rules, 14 * minuteMs, { a: 50 })).toEqual(['resolved a']);
  });

  test('that is pending is held through five more minutes of silence, but does not fire in it', () => {
    const held = createRules([ruleOf({ forMs: 8 * minuteMs })]);
    expect(at(held, 0, { a: 5 })).toEqual(['pending a']);
    expect(at(held, 5 * minuteMs, {})).toEqual([]);
    expect(at(held, 9 * minuteMs, {})).toEqual([]);
    expect(at(held, 9 * minuteMs + step, { a: 5 })).toEqual(['firing a']);

    const given = createRules([ruleOf({ forMs: 8 * minuteMs })]);
    at(given, 0, { a: 5 });
    at(given, 5 * minuteMs, {});
    expect(at(given, 10 * minuteMs, {})).toEqual(['cancelled a']);
  });

  test('waits for the data of both sides: a stale partner proves nothing', () => {
    const rules = createRules([ruleOf({ expr: 'free / total < 0.1' })]);
    const sample = (name: string, value: number, offsetMs: number) => ({
      name,
      labels: [['instance', 'a']] as const,
      value,
      observedAtMs: startMs + offsetMs,
    });
    updateSamples(rules, [sample('free', 5, 0), sample('total', 100, 0)]);
    expect(at(rules, 0, {})).toEqual(['firing a']);
    updateSamples(rules, [sample('free', 5, 6 * minuteMs)]);
    expect(at(rules, 6 * minuteMs, {})).toEqual(['noData a']);
    updateSamples(rules, [sample('total', 10, 7 * minuteMs)]);
    expect(at(rules, 7 * minuteMs, {})).toEqual(['resolved a']);
  });

  test('of one host does not depend on that of another; changes come in the order of their labels', () => {
    const rules = createRules([ruleOf()]);
    expect(at(rules, 0, { b: 1, a: 2, c: 50 })).toEqual(['firing a', 'firing b']);
    expect(at(rules, step, { b: 50, a: 2, c: 3 })).toEqual(['resolved b', 'firing c']);
  });

  test('is forgotten when a person resolved it, and fires anew while it holds', () => {
    const rules = createRules([ruleOf()]);
    at(rules, 0, { a: 5 });
    forgetAlert(rules, asId<'rule'>('hosts/Low'), '{alertname="Low",instance="a",severity="major"}');
    expect(alertsOf(rules, asId<'rule'>('hosts/Low'))).toEqual([]);
    expect(at(rules, step, { a: 5 })).toEqual(['firing a']);
  });

  test('made of a number fires without any series, as in Prometheus', () => {
    const rules = createRules([ruleOf({ expr: '1 > bool 0' })]);
    expect(evaluateDue(rules, startMs)).toMatchObject([
      { kind: 'firing', value: 1, labels: { alertname: 'Low', severity: 'major' } },
    ]);
    expect(evaluateDue(rules, startMs + step)).toEqual([]);
  });
});

describe('a restart', () => {
  test('at every step of for and keep_firing_for changes nothing', () => {
    const config = ruleOf({ forMs: 2 * step, keepFiringForMs: 2 * step });
    const values = [5, 5, 5, 5, 50, 50, 5, 50, 50, 50, 50, 5];
    const undisturbed = createRules([config]);
    const expected = values.map((value, count) => at(undisturbed, count * step, { a: value }));
    expect(expected.flat()).toEqual(['pending a', 'firing a', 'resolved a', 'pending a']);
    for (let restartAt = 1; restartAt < values.length; restartAt += 1) {
      let rules = createRules([config]);
      const found = values.map((value, count) => {
        if (count === restartAt) {
          const saved = savedRule(rules, config.id);
          rules = createRules([config], saved === null ? [] : [JSON.parse(JSON.stringify(saved))]);
        }
        return at(rules, count * step, { a: value });
      });
      expect(found).toEqual(expected);
    }
  });

  test('evaluates at the same instants, multiples of the interval, once each, without making up for missed ones', () => {
    const rules = createRules([ruleOf({ forMs: 4 * step })]);
    expect(nextRuleDeadlineMs(rules)).toBe(0);
    expect(at(rules, 1, { a: 5 })).toEqual(['pending a']);
    expect(nextRuleDeadlineMs(rules)).toBe(startMs + step);
    expect(at(rules, step - 1, { a: 5 })).toEqual([]);
    expect(ruleHealth(rules)).toMatchObject([{ evaluationsTotal: 1, lastEvaluatedAtMs: startMs, pendingCount: 1 }]);
    expect(at(rules, 10 * step + 3, { a: 5 })).toEqual(['firing a']);
    expect(ruleHealth(rules)).toMatchObject([{ evaluationsTotal: 2, lastEvaluatedAtMs: startMs + 10 * step, firingCount: 1 }]);
  });

  test('withdraws the alerts of a rule that is gone or means something else now', () => {
    const rules = createRules([ruleOf()]);
    at(rules, 0, { a: 5 });
    const saved = savedRule(rules, asId<'rule'>('hosts/Low'));
    if (saved === null) throw new Error('nothing was saved');
    for (const configs of [[], [ruleOf({ expr: 'free < 1' })]]) {
      const restarted = createRules(configs, [saved]);
      expect(nextRuleDeadlineMs(restarted)).toBe(0);
      expect(at(restarted, step, { a: 5 })).toEqual(['withdrawn a']);
      expect(takeChangedRules(restarted)).toEqual(['hosts/Low']);
    }
  });
});

describe('a change of rules', () => {
  test('keeps alerts of a rule that is the same condition, with its new for and annotations', () => {
    const rules = createRules([ruleOf({ forMs: 10 * step })]);
    at(rules, 0, { a: 5 });
    expect(replaceRules(rules, [ruleOf({ forMs: step, annotations: {} })], startMs + 1)).toEqual([]);
    expect(at(rules, step, { a: 5 })).toEqual(['firing a']);
  });

  test('withdraws those of another one and stores that they are gone', () => {
    const rules = createRules([ruleOf()]);
    at(rules, 0, { a: 5 });
    expect(takeChangedRules(rules)).toEqual(['hosts/Low']);
    expect(takeChangedRules(rules)).toEqual([]);
    expect(replaceRules(rules, [], startMs + 1).map(({ kind, atMs }) => ({ kind, atMs }))).toEqual([
      { kind: 'withdrawn', atMs: startMs + 1 },
    ]);
    expect(takeChangedRules(rules)).toEqual(['hosts/Low']);
    expect(savedRule(rules, asId<'rule'>('hosts/Low'))).toBeNull();
    expect(nextRuleDeadlineMs(rules)).toBeNull();
  });
});

test('a value that changes alone is not stored again', () => {
  const rules = createRules([ruleOf()]);
  at(rules, 0, { a: 5 });
  takeChangedRules(rules);
  at(rules, step, { a: 6 });
  expect(takeChangedRules(rules)).toEqual([]);
});

test('a rule that cannot be evaluated is counted, says why, and leaves its alerts as they were', () => {
  const rules = createRules([ruleOf({ expr: 'free < on(zone) total' })]);
  const total = (instance: string, offsetMs: number) => ({
    name: 'total',
    labels: [['instance', instance]] as const,
    value: 100,
    observedAtMs: startMs + offsetMs,
  });
  updateSamples(rules, [total('x', 0)]);
  expect(at(rules, 0, { a: 5 }).map((text) => text.split(' ')[0])).toEqual(['firing']);
  updateSamples(rules, [total('y', step)]);
  expect(at(rules, step, {})).toEqual([]);
  expect(ruleHealth(rules)).toMatchObject([{ failuresTotal: 1, firingCount: 1 }]);
  expect(ruleHealth(rules)[0]?.lastError).toContain('many-to-many');
});

test('two alerts that the rule labels make the same are an error, not a coin toss', () => {
  const rules = createRules([ruleOf({ labels: { instance: 'all' } })]);
  expect(at(rules, 0, { a: 5, b: 5 })).toEqual([]);
  expect(ruleHealth(rules)[0]?.lastError).toContain('two alerts have the same labels');
});

test('only the latest sample of a series counts, whatever the order, and names no rule looks at are not kept', () => {
  const rules = createRules([ruleOf()]);
  const sample = (value: number, observedAtMs: number) => ({
    name: 'free',
    labels: [['instance', 'a']] as const,
    value,
    observedAtMs,
  });
  updateSamples(rules, [
    sample(50, startMs),
    sample(5, startMs - 1),
    { name: 'other', labels: [], value: 1, observedAtMs: startMs },
  ]);
  expect(evaluateDue(rules, startMs)).toEqual([]);
  expect(ruleSeriesCounts(rules)).toEqual({ seriesCount: 1, droppedTotal: 0 });
});

test('series beyond what there is room for are counted and not looked at; those there are stay', () => {
  const rules = createRules([ruleOf()]);
  const sample = (instance: string, value: number) => ({
    name: 'free',
    labels: [['instance', instance]] as const,
    value,
    observedAtMs: startMs,
  });
  updateSamples(
    rules,
    Array.from({ length: limits.ruleSeriesMax }, (_, index) => sample(`h${index}`, 50)),
  );
  updateSamples(rules, [sample('one more', 5), sample('h0', 5)]);
  expect(evaluateDue(rules, startMs).map(({ labels }) => labels['instance'])).toEqual(['h0']);
  expect(ruleSeriesCounts(rules)).toEqual({ seriesCount: limits.ruleSeriesMax, droppedTotal: 1 });
});

test('a rule that would hold too many alerts holds none of the new ones, and keeps those it has', () => {
  const rules = createRules([ruleOf()]);
  const hosts = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, 5]));
  expect(at(rules, 0, hosts(2))).toHaveLength(2);
  expect(at(rules, step, hosts(limits.alertsPerRuleMax + 1))).toEqual([]);
  expect(ruleHealth(rules)).toMatchObject([
    { failuresTotal: 1, firingCount: 2, lastError: 'the rule has 10001 alerts; at most 10000 are kept' },
  ]);
});

describe('templates', () => {
  for (const text of [
    '{{ humanize $value }}',
    '{{ printf "%.2f" $value }}',
    '{{ if $value }}x{{ end }}',
    '{{ $externalLabels.x }}',
    '{{ $labels.host.name }}',
    '{{ $labels.1st }}',
    '{{ $value',
  ]) {
    test(`${text} is refused by name`, () => expect(() => parseTemplate(text)).toThrow(PromqlError));
  }

  test('a label may be named in any script, as Go has it after a point', () => {
    const template = parseTemplate('{{ $labels.位置 }} {{ .Labels.zone_2 }}{{ $labels.没有 }}: {{ $value }}');
    expect(
      fillTemplate(
        template,
        [
          ['zone_2', 'z'],
          ['位置', '东'],
        ],
        21.5,
      ),
    ).toBe('东 z: 21.5');
  });

  test('a value is written as Go writes it', () => {
    const texts: readonly (readonly [number, string])[] = [
      [1_000_000, '1e+06'],
      [999_999, '999999'],
      [123_456_789.5, '1.234567895e+08'],
      [0.00001, '1e-05'],
      [0.0001, '0.0001'],
      [-0, '-0'],
      [Number.POSITIVE_INFINITY, '+Inf'],
      [Number.NaN, 'NaN'],
    ];
    expect(texts.map(([value]) => goNumberText(value))).toEqual(texts.map(([, text]) => text));
  });
});

describe('rules people have for node_exporter load or are refused by name', () => {
  const rules: readonly { readonly expr: string; readonly refused: string | null }[] = [
    { expr: 'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes * 100 < 10', refused: null },
    {
      expr: 'node_filesystem_files_free / node_filesystem_files < 0.05 and node_filesystem_readonly{mountpoint!=""} == 0',
      refused: null,
    },
    { expr: 'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes * 100 < 10', refused: null },
    { expr: '(1 - node_memory_SwapFree_bytes / node_memory_SwapTotal_bytes) * 100 > 80', refused: null },
    { expr: 'node_systemd_unit_state{state="failed"} == 1', refused: null },
    { expr: 'node_timex_sync_status == 0 and node_timex_maxerror_seconds >= 16', refused: null },
    { expr: 'node_nf_conntrack_entries / node_nf_conntrack_entries_limit > 0.8', refused: null },
    { expr: 'probe_ssl_earliest_cert_expiry - 1.8e9 < 86400 * 3', refused: null },
    { expr: 'node_hwmon_temp_celsius * ignoring(label) group_left(instance) node_hwmon_sensor_label > 75', refused: null },
    { expr: 'node_load1 > on(instance) group_left node_cpu_count * 2', refused: null },
    { expr: 'rate(node_network_receive_errs_total[2m]) > 0', refused: 'a function call' },
    { expr: '100 - avg by (instance) (node_cpu_idle) > 80', refused: 'an aggregation' },
    { expr: 'node_vmstat_oom_kill - node_vmstat_oom_kill offset 1m > 0', refused: 'an offset modifier' },
    { expr: 'absent(up{job="node"})', refused: 'a function call' },
  ];
  for (const { expr, refused } of rules) {
    test(`${expr} ${refused === null ? 'loads' : `is refused as ${refused}`}`, () => {
      const load = () => createRules([ruleOf({ expr })]);
      if (refused === null) expect(load).not.toThrow();
      else expect(load).toThrow(refused);
    });
  }
});
