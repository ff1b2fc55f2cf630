import { createAnswers } from '@jiwei/agent/session/answer-probe.ts';
import { createStamps } from '@jiwei/agent/stamps.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';

test('only so many questions of the collector are under way at once; one beyond is answered at once, and says nothing of the target', async () => {
  const clock = createManualClock(1_000);
  const waiting: (() => void)[] = [];
  const answer = createAnswers({
    ask: () =>
      new Promise((resolve) => {
        waiting.push(() => resolve({ outcome: 'up', reason: 'OK', latencyMs: 1 }));
      }),
    stamps: createStamps(clock, () => undefined),
    signal: new AbortController().signal,
  });
  const question = (requestId: string) =>
    answer({
      type: 'probeRequest',
      requestId,
      probe: { kind: 'tcp', spec: { host: '127.0.0.1', port: 1 } } as never,
      timeoutMs: 60_000,
    });
  const all = Array.from({ length: limits.probesAtOnceMax }, (_, index) => question(`q${index}`));
  expect(waiting).toHaveLength(limits.probesAtOnceMax);
  expect(await question('beyond')).toMatchObject({
    requestId: 'beyond',
    result: { outcome: 'down', reason: 'PROBE_ERROR', latencyMs: null, detail: expect.stringMatching(/64 questions/) },
  });
  expect(waiting).toHaveLength(limits.probesAtOnceMax);
  // A place that is given back is there for the next.
  waiting[0]?.();
  expect(await all[0]).toMatchObject({ requestId: 'q0', result: { outcome: 'up', reason: 'OK' } });
  void question('next');
  expect(waiting).toHaveLength(limits.probesAtOnceMax + 1);
  for (const end of waiting) end();
  await Promise.all(all);
});
