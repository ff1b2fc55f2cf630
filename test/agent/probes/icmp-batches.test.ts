import { expect, test } from 'vitest';
import type { EchoOrder, EchoTool } from '../../../agent/src/probes/icmp/echo-tool.ts';
import { nextTickMs, phaseMs, slotCountOf } from '../../../agent/src/schedule/phase.ts';
import type { CheckAssignment } from '../../../shared/src/check.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { loopbackAddresses, type Pinging, pingCheck, pingingAgentId, startPinging, type TimedResult } from './support/pinging.ts';

const startMs = Date.UTC(2026, 10, 23, 12, 0, 0);
const intervalMs = 20_000;

/** A process of a simulated tool. */
interface Process {
  readonly tool: EchoTool['name'];
  readonly startedMs: number;
  endedMs: number | null;
  readonly order: EchoOrder;
}

/** A network in which every address answers after 5 ms but those that are cut off, and the two programs as they behave in it. */
const createNetwork = (clock: ManualClock, { hasFping = true, deadAddresses = new Set<string>() } = {}) => {
  const processes: Process[] = [];
  const toolOf = (name: EchoTool['name'], { isThere, gapMs }: { isThere: boolean; gapMs: number }): EchoTool => ({
    name,
    targetsMax: name === 'ping' ? 1 : 100,
    isPermitted: async () => isThere,
    run: (order) => {
      const process: Process = { tool: name, startedMs: clock.monotonicMs(), endedMs: null, order };
      processes.push(process);
      return new Promise((resolve) => {
        let openCount = order.addresses.length * order.count;
        const end = () => {
          process.endedMs ??= clock.monotonicMs();
          resolve(true);
        };
        order.signal.addEventListener('abort', end, { once: true });
        for (const [place, address] of order.addresses.entries()) {
          for (let index = 0; index < order.count; index += 1) {
            const sentAfterMs = place * gapMs + index * 200;
            const roundTripMs = deadAddresses.has(address) ? null : 5;
            clock.after(sentAfterMs + (roundTripMs ?? order.waitMs - order.count * 200 - 100), () => {
              if (process.endedMs !== null) return;
              order.onNews({ kind: 'echo', address, roundTripMs, sentAfterMs });
              openCount -= 1;
              if (openCount === 0) end();
            });
          }
        }
      });
    },
  });
  return {
    processes,
    ping: toolOf('ping', { isThere: true, gapMs: 0 }),
    fping: toolOf('fping', { isThere: hasFping, gapMs: 2 }),
  };
};

/** Lets time pass, a millisecond after the other, and between them all that is promised come true. */
const pass = async (clock: ManualClock, forMs: number): Promise<void> => {
  for (let passedMs = 0; passedMs < forMs; passedMs += 1) {
    clock.advance(1);
    for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  }
};
const world = (options: Parameters<typeof createNetwork>[1] = {}) => {
  const clock = createManualClock(startMs);
  const network = createNetwork(clock, options);
  return { clock, network, pinging: startPinging({ clock, ...network }) };
};
const checksOf = (count: number) => loopbackAddresses(count).map((host) => pingCheck(host, { intervalMs }));
const byCheck = (results: readonly TimedResult[]) => Map.groupBy(results, ({ checkId }) => checkId);
const since = ({ results }: Pinging, atMs: number) => results.filter(({ observedAtMs }) => observedAtMs >= atMs);
/** Long enough for every check to have been asked and confirmed. */
const settledMs = 20_000;

for (const { targetCount, processesMax } of [
  { targetCount: 10, processesMax: 1 },
  { targetCount: 200, processesMax: 4 },
  { targetCount: 1_000, processesMax: 16 },
]) {
  test(`${targetCount} targets take ${processesMax} processes an interval, and each is asked once at its time`, async () => {
    const { clock, network, pinging } = world();
    const checks = checksOf(targetCount);
    pinging.apply(checks);
    await pass(clock, settledMs);
    const firstCount = network.processes.length;
    // The first answers and those that confirm them, of a start in which whether fping may ping was still being found out.
    expect(firstCount).toBeLessThanOrEqual(4 * processesMax + 10);
    const fromMs = clock.nowMs();
    await pass(clock, 3 * intervalMs);
    const steady = network.processes.slice(firstCount);
    expect(steady.length).toBeLessThanOrEqual(3 * processesMax + 1);
    expect(new Set(steady.map(({ tool }) => tool))).toEqual(new Set(['fping']));
    const results = byCheck(since(pinging, fromMs));
    expect(results.size).toBe(targetCount);
    for (const check of checks) {
      const own = results.get(check.id) ?? [];
      expect(own.length).toBe(3);
      for (const [index, { observedAtMs, arrivedAtMs, method }] of own.entries()) {
        const dueAtMs = dueAfter(check, targetCount, fromMs) + index * intervalMs;
        // 50 ms to gather, and 2 ms for each target before it.
        expect(observedAtMs - dueAtMs).toBeGreaterThanOrEqual(0);
        expect(observedAtMs - dueAtMs).toBeLessThanOrEqual(260);
        expect(arrivedAtMs - observedAtMs).toBeLessThanOrEqual(420);
        expect(method).toBe('fping');
      }
    }
    expect(pinging.schedule.counts()).toMatchObject({ lateRuns: 0, missedRuns: 0 });
    expect(Math.max(...network.processes.map(({ order }) => order.addresses.length))).toBeLessThanOrEqual(100);
    pinging.stop();
  });
}
const dueAfter = ({ id }: CheckAssignment, checkCount: number, afterMs: number): number =>
  nextTickMs(afterMs, intervalMs, phaseMs(pingingAgentId, id, { intervalMs, slotCount: slotCountOf(checkCount, 64) }));

test('few targets get a ping each', async () => {
  const { clock, network, pinging } = world();
  pinging.apply(checksOf(3));
  await pass(clock, settledMs + intervalMs);
  expect(new Set(network.processes.map(({ tool }) => tool))).toEqual(new Set(['ping']));
  expect(pinging.results.every(({ method }) => method === 'ping')).toBe(true);
  pinging.stop();
});

test('the same configuration again, as after a reconnect, asks nothing anew; one check more or less moves no other', async () => {
  const { clock, network, pinging } = world();
  const checks = checksOf(200);
  pinging.apply(checks);
  await pass(clock, settledMs + intervalMs);
  const places = (results: readonly TimedResult[]) =>
    new Map(results.map(({ checkId, observedAtMs }) => [checkId, observedAtMs % intervalMs]));
  const before = places(since(pinging, clock.nowMs() - intervalMs));
  const fewer = checks.slice(0, -1);
  for (const next of [checks, fewer, [...fewer, pingCheck('127.9.9.9', { intervalMs })]]) {
    const startedCount = network.processes.length;
    pinging.apply(next);
    await pass(clock, intervalMs);
    // The new one, and the run that confirms it, come by themselves.
    expect(network.processes.length - startedCount).toBeLessThanOrEqual(4 + 2);
    const after = places(since(pinging, clock.nowMs() - intervalMs));
    const shared = next.filter(({ id }) => before.has(id));
    for (const { id } of shared) expect(Math.abs((after.get(id) ?? -1e9) - (before.get(id) ?? 1e9))).toBeLessThanOrEqual(6);
    expect(shared.length).toBeGreaterThanOrEqual(199);
  }
  pinging.stop();
});

test('targets that do not answer hold up no others, are asked again on time, and share processes too', async () => {
  const checks = checksOf(200);
  const dead = new Set(loopbackAddresses(200).filter((_, index) => index % 10 === 0));
  const { clock, network, pinging } = world({ deadAddresses: dead });
  pinging.apply(checks);
  await pass(clock, 3 * intervalMs);
  const results = byCheck(pinging.results);
  for (const check of checks) {
    const own = results.get(check.id) ?? [];
    const isDead = dead.has(check.id.slice('ping-'.length));
    expect(own.map(({ outcome }) => outcome)).toEqual(own.map(() => (isDead ? 'down' : 'up')));
    for (const { arrivedAtMs, observedAtMs } of own) {
      if (isDead) expect(arrivedAtMs - observedAtMs).toBeLessThan(4_300);
      else expect(arrivedAtMs - observedAtMs).toBeLessThanOrEqual(420);
    }
    // Confirming: as soon as the one before was given up, which takes most of the 5 s a run has.
    const [first, second, third] = own;
    if (isDead) expect(third?.run).toEqual({ ofDown: 3, ofUp: 0 });
    const laterMs = (second?.observedAtMs ?? 0) - (first?.arrivedAtMs ?? 0);
    if (isDead) expect(laterMs).toBeLessThanOrEqual(60 + 2 * 100);
    else expect((second?.observedAtMs ?? 0) - (first?.observedAtMs ?? 0)).toBeLessThanOrEqual(1_000 + 300);
  }
  // 60 s: a start, its confirmations of 180 that live and 20 that do not, and two intervals.
  expect(network.processes.length).toBeLessThanOrEqual(60);
  pinging.stop();
});

test('a network that goes down whole, with a thousand targets, is confirmed by few processes and without waiting', async () => {
  const dead = new Set<string>();
  const { clock, network, pinging } = world({ deadAddresses: dead });
  const checks = checksOf(1_000);
  pinging.apply(checks);
  await pass(clock, settledMs);
  const startedCount = network.processes.length;
  const downAtMs = clock.nowMs();
  for (const address of loopbackAddresses(1_000)) dead.add(address);
  await pass(clock, 40_000);
  const results = byCheck(since(pinging, downAtMs).filter(({ outcome }) => outcome === 'down'));
  for (const { id } of checks) {
    const own = results.get(id) ?? [];
    // The first failure comes within an interval; three of them take 4.2 s each, and some time to gather.
    expect((own[0]?.observedAtMs ?? 0) - downAtMs).toBeLessThanOrEqual(intervalMs + 260);
    expect((own[2]?.arrivedAtMs ?? 1e15) - (own[0]?.observedAtMs ?? 0)).toBeLessThanOrEqual(3 * 4_250 + 2 * 310);
  }
  expect(pinging.schedule.counts()).toMatchObject({ lateRuns: 0, missedRuns: 0 });
  // 16 batches that fail, each confirmed twice by the two or three that are given up within 50 ms, and what is regular beside.
  expect(network.processes.length - startedCount).toBeLessThanOrEqual(160);
  pinging.stop();
});

test('a check that has less time than the others of its batch is told at its own deadline', async () => {
  const addresses = loopbackAddresses(20);
  const { clock, pinging } = world({ deadAddresses: new Set(addresses) });
  pinging.apply(addresses.map((host, index) => pingCheck(host, { intervalMs, timeoutMs: index < 5 ? 1_500 : 9_000 })));
  await pass(clock, settledMs);
  for (const own of byCheck(pinging.results).values()) {
    const [first] = own;
    const isHasty = addresses.indexOf(first?.checkId.slice('ping-'.length) ?? '') < 5;
    expect((first?.arrivedAtMs ?? 0) - (first?.observedAtMs ?? 0)).toBeLessThan(isHasty ? 1_500 : 9_000);
  }
  expect(pinging.results.length).toBeGreaterThanOrEqual(20);
  pinging.stop();
});

test('without fping there are never more pings at once than probes may be, and each check is asked once an interval', async () => {
  const { clock, network, pinging } = world({ hasFping: false });
  const checks = checksOf(400);
  pinging.apply(checks);
  await pass(clock, settledMs);
  const fromMs = clock.nowMs();
  await pass(clock, 2 * intervalMs);
  const results = byCheck(since(pinging, fromMs));
  for (const { id } of checks) expect(results.get(id)?.length).toBe(2);
  let atOnceMax = 0;
  for (const { startedMs } of network.processes) {
    const atOnce = network.processes.filter((one) => one.startedMs <= startedMs && (one.endedMs ?? Infinity) > startedMs);
    atOnceMax = Math.max(atOnceMax, atOnce.length);
  }
  expect(atOnceMax).toBeLessThanOrEqual(64);
  expect(pinging.results.every(({ method }) => method === 'ping')).toBe(true);
  pinging.stop();
});
