import { createCalendar } from '@jiwei/agent/schedule/calendar.ts';
import { createDueQueue } from '@jiwei/agent/schedule/due-queue.ts';
import {
  batchedPerSlotMax,
  gridOffsetMs,
  nextTickMs,
  phaseMs,
  singlePerSlotMax,
  slotCountOf,
} from '@jiwei/agent/schedule/phase.ts';
import type { Batches } from '@jiwei/agent/schedule/places.ts';
import { createSchedule, firstRunMsMax, type Run, type Schedule } from '@jiwei/agent/schedule/schedule.ts';
import type { CheckAssignment, CheckSchedule } from '@jiwei/shared/check.ts';
import { asId } from '@jiwei/shared/ids.ts';
import type { Outcome } from '@jiwei/shared/status.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const agentId = asId<'agent'>('agent-1');
const startMs = Date.UTC(2026, 10, 23, 12, 0, 0);

const checkOf = (id: string, schedule: CheckSchedule, port = 80): CheckAssignment => ({
  id: asId<'check'>(id),
  probe: { kind: 'tcp', spec: { host: '127.0.0.1', port, tls: false, exchange: [] } },
  schedule,
  timeoutMs: 1_000,
  confirm: { failures: 3, successes: 2, retryMs: 1_000 },
});

const scheduleOf = (runsAtOnceMax = 64): Schedule => createSchedule({ runsAtOnceMax, nextCalendarTime: createCalendar() });

/** Runs a schedule whose probes take `tookMs`. @returns when each run began, and its check */
const play = (
  schedule: Schedule,
  options: { fromMs: number; untilMs: number; tookMs: number; outcome?: (run: Run, atMs: number) => Outcome },
) => {
  const begun: { id: string; atMs: number; dueAtMs: number }[] = [];
  const ending: { run: Run; startedAtMs: number; endAtMs: number }[] = [];
  let nowMs = options.fromMs;
  while (nowMs < options.untilMs) {
    for (const one of ending.filter(({ endAtMs }) => endAtMs <= nowMs)) {
      ending.splice(ending.indexOf(one), 1);
      schedule.finish(
        one.run,
        { outcome: options.outcome?.(one.run, one.startedAtMs) ?? 'up', startedAtMs: one.startedAtMs },
        nowMs,
      );
    }
    for (const run of schedule.take(nowMs)) {
      begun.push({ id: run.check.id, atMs: nowMs, dueAtMs: run.dueAtMs });
      ending.push({ run, startedAtMs: nowMs, endAtMs: nowMs + options.tookMs });
    }
    const next = Math.min(schedule.nextDueAtMs() ?? Number.POSITIVE_INFINITY, ...ending.map(({ endAtMs }) => endAtMs));
    if (!Number.isFinite(next)) break;
    nowMs = Math.max(nowMs + 1, next);
  }
  return begun;
};

test('asks at whole intervals plus the phase, without drift', () => {
  const schedule = scheduleOf();
  schedule.apply([checkOf('web', { intervalMs: 20_000 })], agentId, startMs);
  const begun = play(schedule, { fromMs: startMs, untilMs: startMs + 3_600_000, tookMs: 137 });
  const phase = phaseMs(agentId, 'web', { intervalMs: 20_000, slotCount: 1 });
  // The first ones settle what the check is; from then on every tick is met.
  const regular = begun.filter(({ atMs }) => atMs > startMs + firstRunMsMax + 2_000);
  for (const { atMs } of regular) expect((atMs - phase) % 20_000).toBe(0);
  expect(regular.length).toBeGreaterThan(170);
  expect(schedule.counts()).toMatchObject({ lateRuns: 0, missedRuns: 0 });
});

test('spreads agents evenly over the interval, and the checks of an agent that has many', () => {
  const countAt = (phaseOf: (agent: string, check: string) => number) => {
    const tenths = new Array<number>(10).fill(0);
    for (let agent = 0; agent < 40; agent += 1) {
      for (let check = 0; check < 100; check += 1) {
        const tenth = Math.floor(phaseOf(`agent-${agent}`, `check-${check}`) / 2_000);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
    }
    return tenths;
  };
  // One target asked by 4,000 agents, each with few checks: 400 in each tenth, with a standard deviation of 19; five of them on either side.
  const ofAgents = countAt((agent, check) => phaseMs(`${agent}-${check}`, 'web', { intervalMs: 20_000, slotCount: 1 }));
  for (const count of ofAgents) expect(Math.abs(count - 400)).toBeLessThan(95);
  const ofChecks = countAt((agent, check) => phaseMs(agent, check, { intervalMs: 20_000, slotCount: 64 }));
  for (const count of ofChecks) expect(Math.abs(count - 400)).toBeLessThan(95);
});

test('puts about as many checks in each slot, however many there are', () => {
  expect([1, 16, 17, 32, 33, 5_000].map((count) => slotCountOf(count, singlePerSlotMax))).toEqual([1, 1, 2, 2, 4, 512]);
  expect([1, 64, 65, 1_000, 5_000].map((count) => slotCountOf(count, batchedPerSlotMax))).toEqual([1, 1, 2, 16, 128]);
  const inSlots = new Map<number, number>();
  for (let check = 0; check < 1_000; check += 1) {
    const phase = phaseMs(agentId, `check-${check}`, { intervalMs: 60_000, slotCount: slotCountOf(1_000, singlePerSlotMax) });
    inSlots.set(phase, (inSlots.get(phase) ?? 0) + 1);
  }
  expect(inSlots.size).toBeLessThanOrEqual(64);
  expect(Math.max(...inSlots.values())).toBeLessThanOrEqual(35);
});

test('a slot is halved when there are more checks: none moves further than to the other half', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1_000, max: 86_400_000 }),
      (id, power, intervalMs) => {
        const [before, after] = [2 ** power, 2 ** (power + 1)].map((slotCount) =>
          phaseMs(agentId, id, { intervalMs, slotCount }),
        );
        const laterMs = ((after ?? 0) - (before ?? 0) + intervalMs) % intervalMs;
        expect([0, 1].some((half) => Math.abs(laterMs - (half * intervalMs) / 2 ** (power + 1)) <= 1)).toBe(true);
      },
    ),
  );
});

test('the checks of an agent share an instant, a little after its row of host metrics', () => {
  const phases = ['a', 'b', 'c'].map((id) => phaseMs(agentId, id, { intervalMs: 20_000, slotCount: 1 }));
  expect(new Set(phases).size).toBe(1);
  expect((phases[0] ?? 0) % 5_000).toBe((gridOffsetMs(agentId) % 5_000) + 10);
});

test('begins checks of one instant in turn: each when the one before has its answer, or keeps it waiting', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const beginnings = (tookMs: number) => {
    const schedule = scheduleOf();
    const checks = ids.map((id) => checkOf(id, { intervalMs: 20_000 }));
    schedule.apply(checks, agentId, startMs);
    const fromMs = startMs + 60_000;
    const begun = play(schedule, { fromMs: startMs, untilMs: fromMs + 20_000, tookMs }).filter(({ atMs }) => atMs >= fromMs);
    expect(schedule.counts()).toMatchObject({ lateRuns: 0, missedRuns: 0 });
    expect(new Set(begun.map(({ dueAtMs }) => dueAtMs)).size).toBe(1);
    return begun.map(({ atMs, dueAtMs }) => atMs - dueAtMs);
  };
  expect(beginnings(3)).toEqual([0, 3, 6, 9]);
  expect(beginnings(4_000)).toEqual([0, 20, 40, 60]);
});

test('a confirming run waits for no turn', () => {
  const schedule = scheduleOf();
  schedule.apply([checkOf('slow', { intervalMs: 20_000 }), checkOf('failing', { intervalMs: 20_000 })], agentId, startMs);
  const begun = play(schedule, {
    fromMs: startMs,
    untilMs: startMs + 60_000,
    tookMs: 990,
    outcome: (run) => (run.check.id === 'failing' ? 'down' : 'up'),
  });
  const failing = begun.filter(({ id }) => id === 'failing').map(({ atMs }) => atMs);
  expect([(failing[1] ?? 0) - (failing[0] ?? 0), (failing[2] ?? 0) - (failing[1] ?? 0)]).toEqual([1_000, 1_000]);
});

test('hundreds that are due at one instant are all begun within half a second, even when none is answered', () => {
  const schedule = scheduleOf(5_000);
  const daily: CheckSchedule = { cron: '30 12 * * *', timeZone: 'UTC' };
  schedule.apply(
    Array.from({ length: 600 }, (_, index) => checkOf(`check-${index}`, daily)),
    agentId,
    startMs,
  );
  const dueAtMs = startMs + 30 * 60_000;
  const begunAfterMs = play(schedule, { fromMs: startMs, untilMs: dueAtMs + 1_000, tookMs: 5_000 }).map(
    ({ atMs }) => atMs - dueAtMs,
  );
  expect(begunAfterMs).toHaveLength(600);
  expect(Math.max(...begunAfterMs)).toBeLessThanOrEqual(520);
  // Not all in one go either.
  expect(begunAfterMs.filter((afterMs) => afterMs < 100).length).toBeLessThan(200);
});

test('a restart with thousands of checks is no storm', () => {
  const schedule = scheduleOf(5_000);
  const checks = Array.from({ length: 3_000 }, (_, index) => checkOf(`check-${index}`, { intervalMs: 60_000 }));
  schedule.apply(checks, agentId, startMs);
  const perSecond = new Map<number, number>();
  for (const { atMs } of play(schedule, { fromMs: startMs, untilMs: startMs + 15_000, tookMs: 5 })) {
    const second = Math.floor((atMs - startMs) / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  // 200 first runs a second and as many second ones.
  expect(Math.max(...perSecond.values())).toBeLessThan(500);
});

test('asks again a second after the start of a failed run, at once after a longer one', () => {
  for (const [tookMs, expectedMs] of [
    [100, 1_000],
    [2_500, 2_500],
  ] as const) {
    const schedule = scheduleOf();
    schedule.apply([checkOf('web', { intervalMs: 60_000 })], agentId, startMs);
    const begun = play(schedule, { fromMs: startMs, untilMs: startMs + 30_000, tookMs, outcome: () => 'down' });
    expect(begun).toHaveLength(3);
    const [first, second, third] = begun.map(({ atMs }) => atMs);
    expect([(second ?? 0) - (first ?? 0), (third ?? 0) - (second ?? 0)]).toEqual([expectedMs, expectedMs]);
  }
});

test('keeps times and confirmation of a check that a new configuration does not change', () => {
  const schedule = scheduleOf();
  const web = checkOf('web', { intervalMs: 60_000 });
  schedule.apply([web], agentId, startMs);
  const dueAtMs = schedule.nextDueAtMs() ?? 0;
  const [run] = schedule.take(dueAtMs);
  if (run === undefined) throw new Error('nothing was due');
  expect(schedule.apply([web, checkOf('other', { intervalMs: 60_000 })], agentId, dueAtMs)).toEqual([]);
  expect(schedule.finish(run, { outcome: 'down', startedAtMs: dueAtMs }, dueAtMs + 10)).toEqual({ ofDown: 1, ofUp: 0 });
});

test('gives no place to a run of what the check was before, and does not ask beside it', () => {
  const schedule = scheduleOf();
  schedule.apply([checkOf('web', { intervalMs: 5_000 }, 80)], agentId, startMs);
  const dueAtMs = schedule.nextDueAtMs() ?? 0;
  const [run] = schedule.take(dueAtMs);
  if (run === undefined) throw new Error('nothing was due');
  expect(schedule.apply([checkOf('web', { intervalMs: 5_000 }, 81)], agentId, dueAtMs)).toEqual(['web']);
  expect(schedule.take(dueAtMs + 5_000)).toEqual([]);
  expect(schedule.finish(run, { outcome: 'down', startedAtMs: dueAtMs }, dueAtMs + 6_000)).toBeNull();
  expect(schedule.take(dueAtMs + 6_000)).toHaveLength(1);
});

test('counts the runs that wait for others, and lets them go in turn', () => {
  const schedule = scheduleOf(1);
  schedule.apply(
    ['a', 'b', 'c'].map((id) => checkOf(id, { intervalMs: 10_000 })),
    agentId,
    startMs,
  );
  const begun = play(schedule, { fromMs: startMs, untilMs: startMs + 120_000, tookMs: 3_000 });
  const counts = ['a', 'b', 'c'].map((id) => begun.filter((run) => run.id === id).length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  expect(schedule.counts().lateRuns).toBeGreaterThan(0);
});

test('does not make up for the times that a sleeping machine missed', () => {
  const schedule = scheduleOf();
  schedule.apply(
    Array.from({ length: 50 }, (_, index) => checkOf(`check-${index}`, { intervalMs: 10_000 })),
    agentId,
    startMs,
  );
  play(schedule, { fromMs: startMs, untilMs: startMs + 60_000, tookMs: 10 });
  const wokenAtMs = startMs + 3_600_000;
  expect(schedule.take(wokenAtMs)).toEqual([]);
  expect(schedule.counts().missedRuns).toBeGreaterThan(50 * 350);
  expect((schedule.nextDueAtMs() ?? 0) - wokenAtMs).toBeLessThan(10_000);
});

test('reckons its times anew when the clock was set back', () => {
  const schedule = scheduleOf();
  schedule.apply([checkOf('web', { intervalMs: 10_000 })], agentId, startMs);
  play(schedule, { fromMs: startMs, untilMs: startMs + 60_000, tookMs: 10 });
  schedule.rebase(startMs - 86_400_000);
  expect(schedule.nextDueAtMs()).toBeLessThanOrEqual(startMs - 86_400_000 + 10_000);
});

test('never asks a check twice at once, and never more at once than allowed', () => {
  const checks = fc.array(
    fc.record({
      intervalMs: fc.integer({ min: 1_000, max: 20_000 }),
      tookMs: fc.integer({ min: 0, max: 30_000 }),
      isDown: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20, size: 'max' },
  );
  fc.assert(
    fc.property(checks, fc.integer({ min: 1, max: 8 }), (specs, atOnceMax) => {
      const schedule = scheduleOf(atOnceMax);
      schedule.apply(
        specs.map(({ intervalMs }, index) => checkOf(`c${index}`, { intervalMs })),
        agentId,
        startMs,
      );
      const running = new Map<string, { run: Run; startedAtMs: number; endAtMs: number }>();
      for (let nowMs = startMs; nowMs < startMs + 60_000; nowMs += 250) {
        for (const [id, one] of [...running]) {
          if (one.endAtMs > nowMs) continue;
          running.delete(id);
          const spec = specs[Number(id.slice(1))];
          schedule.finish(one.run, { outcome: spec?.isDown === true ? 'down' : 'up', startedAtMs: one.startedAtMs }, nowMs);
        }
        for (const run of schedule.take(nowMs)) {
          expect(running.has(run.check.id)).toBe(false);
          expect(run.dueAtMs).toBeLessThanOrEqual(nowMs);
          running.set(run.check.id, {
            run,
            startedAtMs: nowMs,
            endAtMs: nowMs + (specs[Number(run.check.id.slice(1))]?.tookMs ?? 0),
          });
        }
        expect(running.size).toBeLessThanOrEqual(atOnceMax);
      }
    }),
    { numRuns: 60 },
  );
});

test('the next tick lies after now by at most an interval', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2e12 }),
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.nat(),
      (nowMs, intervalMs, seed) => {
        const next = nextTickMs(nowMs, intervalMs, seed % intervalMs);
        expect(next).toBeGreaterThan(nowMs);
        expect(next - nowMs).toBeLessThanOrEqual(intervalMs);
      },
    ),
  );
});

test('the queue gives out in the order of time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { size: 'max', maxLength: 200 }), (instants) => {
      const queue = createDueQueue<number>();
      for (const instant of instants) queue.put(instant, instant);
      const out: number[] = [];
      for (let one = queue.takeDue(1_000); one !== null; one = queue.takeDue(1_000)) out.push(one);
      expect(out).toEqual([...instants].sort((a, b) => a - b));
    }),
  );
});

const calendarCases: readonly { why: string; cron: string; zone: string; after: string; next: string }[] = [
  {
    why: 'every day at half past eight in Shanghai',
    cron: '30 8 * * *',
    zone: 'Asia/Shanghai',
    after: '2026-11-23T12:00:00Z',
    next: '2026-11-24T00:30:00Z',
  },
  {
    why: 'strictly after, not at',
    cron: '30 8 * * *',
    zone: 'Asia/Shanghai',
    after: '2026-11-24T00:30:00Z',
    next: '2026-11-25T00:30:00Z',
  },
  {
    why: 'up to the last millisecond before',
    cron: '30 8 * * *',
    zone: 'Asia/Shanghai',
    after: '2026-11-24T00:29:59.999Z',
    next: '2026-11-24T00:30:00Z',
  },
  {
    why: 'seconds as a sixth field',
    cron: '*/20 * * * * *',
    zone: 'UTC',
    after: '2026-11-23T12:00:01Z',
    next: '2026-11-23T12:00:20Z',
  },
  {
    why: 'working days only',
    cron: '0 9 * * 1-5',
    zone: 'Asia/Shanghai',
    after: '2026-11-20T02:00:00Z',
    next: '2026-11-23T01:00:00Z',
  },
  {
    why: 'the first of a month',
    cron: '0 0 1 * *',
    zone: 'Asia/Shanghai',
    after: '2026-11-23T12:00:00Z',
    next: '2026-11-30T16:00:00Z',
  },
  { why: 'the leap day', cron: '0 12 29 2 *', zone: 'UTC', after: '2026-11-23T12:00:00Z', next: '2028-02-29T12:00:00Z' },
  {
    why: 'an hour that summer time skips has no times',
    cron: '30 2 * * *',
    zone: 'Europe/Berlin',
    after: '2026-03-28T12:00:00Z',
    next: '2026-03-30T00:30:00Z',
  },
  {
    why: 'a zone with an offset of three quarters of an hour',
    cron: '0 6 * * *',
    zone: 'Asia/Kathmandu',
    after: '2026-11-23T12:00:00Z',
    next: '2026-11-24T00:15:00Z',
  },
];
for (const { why, cron, zone, after, next } of calendarCases) {
  test(`calendar: ${why}`, () => {
    const found = createCalendar()(cron, zone, Date.parse(after));
    expect(found === null ? null : new Date(found).toISOString()).toBe(new Date(next).toISOString());
  });
}

test('calendar: an expression or zone that does not exist is refused by name', () => {
  expect(() => createCalendar()('61 8 * * *', 'UTC', 0)).toThrow(/61 8 \* \* \*/);
  expect(() => createCalendar()('0 0 31 2 *', 'UTC', 0)).toThrow(/impossible day/);
  expect(() => createCalendar()('30 8 * * *', 'Mars/Olympus', 0)).toThrow(/Mars\/Olympus/);
});

test('a check with calendar times is asked then, and confirmed like any other', () => {
  const schedule = scheduleOf();
  schedule.apply([checkOf('report', { cron: '30 8 * * *', timeZone: 'Asia/Shanghai' })], agentId, startMs);
  const begun = play(schedule, { fromMs: startMs, untilMs: startMs + 2 * 86_400_000, tookMs: 10, outcome: () => 'down' });
  expect(begun.map(({ atMs }) => new Date(atMs).toISOString().slice(5, 19))).toEqual([
    '11-24T00:30:00',
    '11-24T00:30:01',
    '11-24T00:30:02',
    '11-25T00:30:00',
  ]);
});

/** Every check is asked together with others, up to three at a time, when they begin within 50 ms. */
const together: Batches = { isBatched: () => true, keyOf: () => 'all', gatherMs: 50, sizeMax: 3 };
test('checks that are asked together begin at once, share a place and take one turn', () => {
  const schedule = createSchedule({ runsAtOnceMax: 2, nextCalendarTime: createCalendar(), batches: together });
  const daily: CheckSchedule = { cron: '30 12 * * *', timeZone: 'UTC' };
  schedule.apply(
    Array.from({ length: 8 }, (_, index) => checkOf(`check-${index}`, daily)),
    agentId,
    startMs,
  );
  const dueAtMs = startMs + 30 * 60_000;
  const [first, second, third] = [0, 20, 40].map((afterMs) => schedule.take(dueAtMs + afterMs));
  expect([first, second, third].map((runs) => runs?.length)).toEqual([3, 3, 0]);
  expect(schedule.counts()).toMatchObject({ running: 6, waiting: 2 });
  const end = (runs: readonly Run[] | undefined, afterMs: number) => {
    for (const run of runs ?? []) schedule.finish(run, { outcome: 'up', startedAtMs: dueAtMs }, dueAtMs + afterMs);
  };
  // A batch gives its place back when the last of it has ended, not before.
  end(first?.slice(0, 2), 45);
  expect(schedule.take(dueAtMs + 46)).toEqual([]);
  end(first?.slice(2), 47);
  expect(schedule.take(dueAtMs + 48)).toHaveLength(2);
  expect(schedule.counts()).toMatchObject({ running: 5, waiting: 0, lateRuns: 2 });
});

test('a check comes along with a batch only while the batch is being gathered', () => {
  const schedule = createSchedule({ runsAtOnceMax: 1, nextCalendarTime: createCalendar(), batches: together });
  const daily: CheckSchedule = { cron: '30 12 * * *', timeZone: 'UTC' };
  const [first, second, third] = ['a', 'b', 'c'].map((id) => checkOf(id, daily));
  if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
  const dueAtMs = startMs + 30 * 60_000;
  schedule.apply([first], agentId, startMs);
  expect(schedule.take(dueAtMs)).toHaveLength(1);
  // Configured a moment before its time, taken up when the first was already begun.
  schedule.apply([first, second], agentId, dueAtMs - 1);
  expect(schedule.take(dueAtMs + 49)).toHaveLength(1);
  schedule.apply([first, second, third], agentId, dueAtMs - 1);
  expect(schedule.take(dueAtMs + 50)).toEqual([]);
  expect(schedule.counts()).toMatchObject({ running: 2, waiting: 1 });
});

test('whatever is asked together and whatever alone, no check is asked twice at once and no place is taken twice (property)', () => {
  const mixed: Batches = {
    isBatched: ({ id }) => id.startsWith('t'),
    keyOf: ({ id }) => (id.startsWith('t') ? (id.at(-1) ?? null) : null),
    ...{ gatherMs: 50, sizeMax: 4 },
  };
  const specs = fc.array(
    fc.record({
      isTogether: fc.boolean(),
      intervalMs: fc.constantFrom(1_000, 2_000, 5_000),
      tookMs: fc.integer({ min: 0, max: 4_000 }),
    }),
    { minLength: 1, maxLength: 30, size: 'max' },
  );
  fc.assert(
    fc.property(specs, fc.integer({ min: 1, max: 5 }), (those, placesMax) => {
      const schedule = createSchedule({ runsAtOnceMax: placesMax, nextCalendarTime: createCalendar(), batches: mixed });
      const idOf = (index: number) => `${those[index]?.isTogether === true ? 't' : 'a'}${index}-${index % 2}`;
      schedule.apply(
        those.map(({ intervalMs }, index) => checkOf(idOf(index), { intervalMs })),
        agentId,
        startMs,
      );
      const running = new Map<string, { run: Run; endAtMs: number; tookMs: number }>();
      const begunOnce = new Set<string>();
      for (let nowMs = startMs; nowMs < startMs + 30_000; nowMs += 20) {
        for (const [id, one] of [...running]) {
          if (one.endAtMs > nowMs) continue;
          running.delete(id);
          schedule.finish(one.run, { outcome: 'up', startedAtMs: one.endAtMs - one.tookMs }, nowMs);
        }
        for (const run of schedule.take(nowMs)) {
          const { id } = run.check;
          expect(running.has(id)).toBe(false);
          begunOnce.add(id);
          const tookMs = those[Number(/\d+/.exec(id)?.[0])]?.tookMs ?? 0;
          running.set(id, { run, tookMs, endAtMs: nowMs + tookMs });
        }
        const aloneCount = [...running.keys()].filter((id) => id.startsWith('a')).length;
        expect(aloneCount).toBeLessThanOrEqual(placesMax);
        expect(running.size).toBeLessThanOrEqual(placesMax * 4);
      }
      // Nobody is left out for good.
      if (those.every(({ tookMs }) => tookMs < 100)) expect(begunOnce.size).toBe(those.length);
    }),
    { numRuns: 60 },
  );
});
