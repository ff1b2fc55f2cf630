import { expect, test } from 'vitest';
import { runProbe } from '../../../agent/src/probes/run-probe.ts';
import { systemClock } from '../../../shared/src/clock.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { probeOf, toolsWith } from './support/run.ts';

const probe = probeOf('unit', { unit: 'a.service' });

/** A run with a clock that counts the timers which are still set. */
const runWith = (unitState: () => Promise<never>) => {
  let timersCount = 0;
  const clock = {
    ...systemClock,
    after: (delayMs: number, callback: () => void) => {
      const cancel = systemClock.after(delayMs, callback);
      timersCount += 1;
      return () => {
        timersCount -= 1;
        cancel();
      };
    },
  };
  const context = { signal: new AbortController().signal, clock, tools: toolsWith({ unitState }) };
  return { running: runProbe(probe, 30, context), timersCount: () => timersCount };
};

test('a bug in a probe is thrown to the caller, and the timer of the deadline is gone', async () => {
  const { running, timersCount } = runWith(() => Promise.reject(new TypeError('a bug')));
  await expect(running).rejects.toThrow('a bug');
  expect(timersCount()).toBe(0);
});

test('a network error is a value, and the timer of the deadline is gone', async () => {
  const { running, timersCount } = runWith(() => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })));
  expect(await running).toMatchObject({ outcome: 'down', reason: 'CONNECTION_REFUSED' });
  expect(timersCount()).toBe(0);
});

test('a tool that ignores the deadline does not hold it up', async () => {
  const { running } = runWith(() => new Promise<never>(() => undefined));
  expect(await running).toMatchObject({ outcome: 'down', reason: 'TIMEOUT', latencyMs: null });
});

test('how long a run without an answer took does not count the time it waited to ask along with others', async () => {
  const clock = createManualClock(0);
  const echo = {
    ask: async () => {
      clock.advance(1_000);
      return { roundTripsMs: [], sentCount: 3, sentAfterMs: 200, method: 'fping' } as const;
    },
    isBatching: () => true,
  };
  const context = { signal: new AbortController().signal, clock, tools: toolsWith({ echo }) };
  const outcome = await runProbe(probeOf('icmp', { host: '127.0.0.1' }), 5_000, context);
  expect(outcome).toMatchObject({ outcome: 'down', latencyMs: null, askedAfterMs: 200 });
  expect(outcome.values).toMatchObject({ probe_duration_seconds: 0.8 });
});
